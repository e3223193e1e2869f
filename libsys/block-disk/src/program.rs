//! Opens a device of the device manager, or a part of its disk.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::sync::atomic::Ordering;
use core::time::Duration;

use anax::object::{Channel, Region, RegionKind, Space, Thread};
use anax_abi::{Error, Handle, Rights};
use anax_blocks::handover::SLOTS;
use anax_devices::{DevicesClient, SERVICE};
use anax_proto::Gift;
use anax_ring::{AtomicU64, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side};
use anax_sectors::Disk;
use anax_sys::{Deadline, Port};
use anax_system::Name;

use crate::parts::{self, PartError, ROOM_BYTES};
use crate::{BlockDisk, Complaint, Lent, PartDisk, Way, Woken};

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

/// A device's channel, mapped for good. It is the same as long as the machine runs, whoever opens the device, and whoever drives it.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// The client's end.
    pub channel: Channel,
    block: SharedBlock<'static>,
    pool: SharedBlock<'static>,
    /// The pool's region.
    region: Handle,
    posted: &'static AtomicU64,
}

impl Ends {
    /// Of what the device manager has given.
    ///
    /// # Errors
    /// `BadArgument`: it is none. Those of the kernel.
    pub fn map((channel, block, pool): (Gift, Gift, Gift)) -> Result<Self, Error> {
        let channel = Channel::from_handle(channel.handle);
        let shared = |gift: Gift| anax_mapped::shared(Region::from_handle(gift.handle));
        let posted = anax_mapped::epoch(channel)?;
        Ok(Self { channel, block: shared(block)?, pool: shared(pool)?, region: pool.handle, posted })
    }

    /// The channel in the epoch that the kernel names, from which nothing was sent.
    ///
    /// # Errors
    /// `BadArgument`: there is no such epoch, or the block is too small.
    pub fn endpoint(&self) -> Result<(Endpoint<'static>, Epoch), Error> {
        let number = u32::try_from(self.posted.load(Ordering::Acquire)).ok();
        let epoch = number.and_then(Epoch::from_number).ok_or(Error::BadArgument)?;
        let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
        let endpoint = Endpoint::watching(self.block, Side::Client, geometry, epoch, self.posted);
        Ok((endpoint.map_err(|_| Error::BadArgument)?, epoch))
    }

    /// The pool.
    #[must_use]
    pub const fn pool(&self) -> SharedBytes<'static> {
        SharedBytes::new(self.pool)
    }
}

/// Whether a device of that name is a disk.
#[must_use]
pub fn is_disk(name: &str) -> bool {
    ["blk", "ata"].iter().any(|kind| name.starts_with(kind))
}

/// Asks as long as somebody else has it who may be about to end.
fn patiently<V, E: PartialEq>(in_use: &E, mut open: impl FnMut() -> Result<V, E>) -> Result<V, E> {
    let until = anax::time::now().after(ENDS_IN);
    loop {
        match open() {
            Err(error) if error == *in_use && anax::time::now() < until => anax::time::sleep(LOOK),
            opened => return opened,
        }
    }
}

/// The disk of that device, such as `blk0`, for this program alone while it runs. The program's manifest says that it needs `devices`.
///
/// # Errors
/// `BadArgument`: there is no such device, or it is no disk. `Exists`: another program has it, or a part of it. `TimedOut`: it has no driver that answers. Those of the device manager.
pub fn open(device: &str) -> Result<OwnDisk, Error> {
    let mut devices: DevicesClient<_> = anax::client(SERVICE)?;
    let name = device.parse().map_err(|_| Error::BadArgument)?;
    if !is_disk(device) {
        return Err(Error::BadArgument);
    }
    // For what comes with the answer.
    Space::SELF.post_slots(3)?;
    let given = patiently(&Error::Exists, || devices.open(name)).inspect_err(|error| {
        if *error == Error::Exists {
            anax::log::error!("{device} is used by another program");
        }
    })?;
    let ends = Ends::map(given)?;
    let channel = ends.channel;
    let bell = Port::initport(Thread::SELF, 0)?;
    channel.bind(bell, 0)?;
    let (endpoint, epoch) = ends.endpoint()?;
    let way = Device { name: device.into(), channel, bell, pool: ends.region, devices };
    BlockDisk::open(endpoint, epoch, ends.pool(), way)
}

/// A part of a disk, such as number 1 of `blk0`, for this program alone while it runs; others may have other parts. The program's manifest says that it needs `disks`.
///
/// # Errors
/// `BadArgument`: there is no such disk. `BadHandle`: the disk has no such part, or its table can't be read. `Exists`: another program has it, or the whole disk. `TimedOut`: no driver answers.
/// Those of the disk server.
pub fn open_part(device: &str, number: u32) -> Result<PartDisk<'static, anax::Service>, Error> {
    let name: Name = device.parse().map_err(|_| Error::BadArgument)?;
    if !is_disk(device) {
        return Err(Error::BadArgument);
    }
    let room = Space::SELF.create_region(ROOM_BYTES, RegionKind::Pinned)?;
    let hold = Port::initport(Thread::SELF, 0)?;
    let lent = Lent {
        room: Gift::copy(room.handle(), Rights::SEND.with(Rights::READ).with(Rights::WRITE)),
        hold: Gift::copy(hold.handle(), Rights::SEND.with(Rights::GRANT)),
    };
    let memory = SharedBytes::new(anax_mapped::shared(room)?);
    let opened = patiently(&PartError::InUse, || {
        PartDisk::open(anax::client(parts::SERVICE)?, (name, number), memory, lent)
    });
    opened.map_err(|error| match error {
        PartError::NoDisk => Error::BadArgument,
        PartError::NoPart => Error::BadHandle,
        PartError::InUse => {
            anax::log::error!("{device}p{number} is used by another program");
            Error::Exists
        }
        PartError::Way(error) => error,
        PartError::NotOpen | PartError::OutOfRange | PartError::ReadOnly | PartError::Failed => {
            Error::TimedOut
        }
    })
}

/// What people call a source: a whole disk, `blk0`, or a part of one, `blk0p1`.
///
/// # Errors
/// As [`open`] or [`open_part`].
pub fn open_source(source: &str) -> Result<Box<dyn Disk>, Error> {
    match split(source) {
        (device, None) => Ok(Box::new(open(device)?)),
        (device, Some(number)) => Ok(Box::new(open_part(device, number)?)),
    }
}

/// The device, and the part's number.
fn split(source: &str) -> (&str, Option<u32>) {
    let part = source.rsplit_once('p').and_then(|(device, number)| Some((device, number.parse().ok()?)));
    part.map_or((source, None), |(device, number)| (device, Some(number)))
}
