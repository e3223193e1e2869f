//! Opens a device of the device manager, or a part of its disk.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::sync::atomic::Ordering;
use core::time::Duration;

use anax::object::{Channel, Region, Space, Thread};
use anax_abi::{Error, Handle};
use anax_blocks::handover::SLOTS;
use anax_devices::{DevicesClient, SERVICE};
use anax_partitions::read;
use anax_ring::{Endpoint, Epoch, Geometry, SharedBytes, Side};
use anax_sectors::{Disk, Part};
use anax_sys::{Deadline, Port};

use crate::{BlockDisk, Complaint, Way, Woken};

/// A wait.
const TICK: Duration = Duration::from_secs(2);

/// A device's channel and bell, and the device manager behind it.
pub struct Device {
    name: String,
    channel: Channel,
    bell: Port,
    pool: Handle,
    devices: DevicesClient<anax::Service>,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Another program may open it.
impl Drop for Device {
    fn drop(&mut self) {
        if let Ok(name) = self.name.parse() {
            let _ = self.devices.close(name);
        }
        for handle in [self.channel.handle(), self.bell.handle()] {
            let _ = Space::SELF.close(handle);
        }
    }
}

impl Way for Device {
    fn ring(&mut self) -> Result<(), Error> {
        self.channel.ring()
    }

    fn wait(&mut self) -> Result<Woken, Error> {
        match self.bell.waitport_until(Deadline::at(Thread::time()?.after(TICK))) {
            Ok(_) => Ok(Woken::Bell),
            Err(Error::TimedOut) => Ok(Woken::TimedOut),
            Err(error) => Err(error),
        }
    }

    fn complain(&mut self, epoch: Epoch, complaint: Complaint) {
        let complaint = match complaint {
            Complaint::Lies => anax_devices::Complaint::Lies,
            Complaint::Silent => anax_devices::Complaint::Silent,
        };
        // If nobody hears it, the driver stays, and the next wait is as long as this one.
        if let Ok(name) = self.name.parse() {
            let _heard = self.devices.complain(name, epoch.number(), complaint);
        }
    }

    fn pool(&self) -> Option<Handle> {
        Some(self.pool)
    }
}

/// The disk of a program.
pub type OwnDisk = BlockDisk<'static, Device>;

/// Whoever had a disk may be about to end, as the server of a file system that was unmounted is.
const ENDS_IN: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_millis(5);

/// The disk of that device, such as `blk0`, for this program alone while it runs. The program's manifest says that it needs `devices`.
///
/// # Errors
/// `BadArgument`: there is no such device, or it is no disk. `Exists`: another program has it. `TimedOut`: it has no driver that answers. Those of the device manager.
pub fn open(device: &str) -> Result<OwnDisk, Error> {
    let mut devices: DevicesClient<_> = anax::client(SERVICE)?;
    let name = device.parse().map_err(|_| Error::BadArgument)?;
    if !["blk", "ata"].iter().any(|kind| device.starts_with(kind)) {
        return Err(Error::BadArgument);
    }
    // For what comes with the answer.
    Space::SELF.post_slots(3)?;
    let until = anax::time::now().after(ENDS_IN);
    let (channel, block, pool) = loop {
        match devices.open(name) {
            Err(Error::Exists) if anax::time::now() < until => anax::time::sleep(LOOK),
            Err(Error::Exists) => {
                anax::log::error!("{device} is used by another program");
                return Err(Error::Exists);
            }
            opened => break opened?,
        }
    };
    let channel = Channel::from_handle(channel.handle);
    let bell = Port::initport(Thread::SELF, 0)?;
    channel.bind(bell, 0)?;
    let posted = anax_mapped::epoch(channel)?;
    let number = u32::try_from(posted.load(Ordering::Acquire)).ok();
    let epoch = number.and_then(Epoch::from_number).ok_or(Error::BadArgument)?;
    let shared = |handle| anax_mapped::shared(Region::from_handle(handle));
    let (block, memory) = (shared(block.handle)?, shared(pool.handle)?);
    let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
    let endpoint = Endpoint::watching(block, Side::Client, geometry, epoch, posted);
    let endpoint = endpoint.map_err(|_| Error::BadArgument)?;
    let way = Device { name: device.into(), channel, bell, pool: pool.handle, devices };
    BlockDisk::open(endpoint, epoch, SharedBytes::new(memory), way)
}

/// What people call a source: a whole disk, `blk0`, or a part of one, `blk0p1`.
///
/// # Errors
/// As [`open`]; `BadHandle`: the disk has no such part, or its table can't be read.
pub fn open_source(source: &str) -> Result<Box<dyn Disk>, Error> {
    let (device, part) = split(source);
    let mut disk = open(device)?;
    let Some(number) = part else { return Ok(Box::new(disk)) };
    let table = read(&mut disk).map_err(|_| Error::BadHandle)?;
    let found = table.partitions.iter().find(|partition| partition.number == number);
    let found = found.ok_or(Error::BadHandle)?;
    let part = Part::new(disk, found.first, found.sectors).map_err(|_| Error::BadHandle)?;
    Ok(Box::new(part))
}

/// The device, and the part's number.
fn split(source: &str) -> (&str, Option<u32>) {
    let part = source.rsplit_once('p').and_then(|(device, number)| Some((device, number.parse().ok()?)));
    part.map_or((source, None), |(device, number)| (device, Some(number)))
}
