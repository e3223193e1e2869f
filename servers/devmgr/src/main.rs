//! The device manager.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

extern crate alloc;

mod hardware;
mod keep;
mod line;
mod machine;

use alloc::rc::Rc;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_devices::devices::Serve;
use anax_manifest::{MEMBER, Manifests};
use anax_mapped::Bus;
use anax_pci::{Root, Sizing, candidates, inventory, walk};
use anax_service::serve_one;
use anax_sys::object::{self, Region, RegionKind, Space};
use anax_sys::{Deadline, Instant, Received};
use devmgr::{Device, Driven, Driver, Image, Manager};

use hardware::Hardware;
use keep::Keep;
use line::Line;
use machine::{Machine, Place, RECORD, describe, file_number, port_number, read_record};

/// Numbers under which init keeps objects: the record, then ports of drivers, then what each device has, then files of drivers.
const RECORD_NUMBER: u64 = 0;
pub(crate) const FIRST_PORT: u64 = 1;
const FIRST_OBJECT: u64 = 32;
const OBJECTS: u64 = 16;
pub(crate) const FIRST_FILE: u64 = 512;
/// Devices that are driven at most.
const MOST_DRIVEN: u64 = 14;

#[anax::main]
fn main() -> Result<(), Error> {
    let port = anax::port()?;
    let (manager, driven) = find_devices()?;
    let mut server = Serve(manager);
    for process in driven {
        server.0.system().watch(process)?;
    }
    server.0.start_all();
    loop {
        let deadline =
            server.0.tick().map_or(Deadline::NEVER, |at| Deadline::at(Instant::from_nanoseconds(at)));
        match port.waitport_until(deadline) {
            Ok(received) if received.is_reply() => ended(&mut server.0, &received),
            Ok(received) => serve_one(&mut server, &received),
            Err(Error::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Init has told of a driver's end; also by not knowing it any more.
fn ended(manager: &mut Manager<Machine>, reply: &Received) {
    let status = if reply.result == 0 { reply.words[0] } else { reply.result.cast_unsigned() };
    manager.ended(reply.badge, status);
}

/// All devices; and the processes of drivers that have outlived a predecessor of this program.
fn find_devices() -> Result<(Manager<Machine>, Vec<u64>), Error> {
    let archive = anax::archive()?;
    let manifests = archive.get(MEMBER).and_then(|bytes| Manifests::decode(bytes).ok());
    let manifests = manifests.ok_or(Error::BadArgument)?;
    let machine = object::Machine::from_handle(anax::handle("machine").ok_or(Error::BadHandle)?);
    let bus = Bus::open(machine)?;
    let mut init = anax::process::system()?;
    let mut keep = Keep::new(&mut init, RECORD_NUMBER);
    let memory = keep.object(|| Ok(Space::SELF.create_region(RECORD, RegionKind::Pinned)?.handle()))?;
    let memory = Region::from_handle(memory);
    let record = read_record(memory)?;
    // A predecessor's drivers are at work: their devices' windows are left alone.
    let sizing = if keep.is_successor { Sizing::Leave } else { Sizing::Measure };
    let found = walk(&bus, &[Root { segment: 0, first_bus: 0, last_bus: 255 }], sizing);
    for (address, warning) in &found.warnings {
        log::warn!("pci {address}: {warning:?}");
    }
    let (mut devices, mut places, mut driven) = (Vec::new(), Vec::new(), 0);
    for device in inventory(found.functions) {
        let programs: Vec<_> =
            candidates(&device, &manifests).into_iter().map(|(_, manifest)| manifest.name.clone()).collect();
        let mut place = Place { device: device.clone(), hardware: None, line: None };
        if !programs.is_empty() && driven < MOST_DRIVEN {
            let mut keep = Keep::new(&mut init, FIRST_OBJECT + OBJECTS * driven);
            driven += 1;
            let taken = Hardware::take(machine, bus, &device, &mut keep).and_then(|hardware| {
                // One whose device can't be stopped for sure would have the client's buffers back while the device writes to them.
                let line = if hardware.stops() { Line::take(device.kind, &mut keep)? } else { None };
                Ok((hardware, line))
            });
            match taken {
                Ok((hardware, line)) => (place.hardware, place.line) = (Some(hardware), line),
                Err(error) => log::warn!("{} can't be driven: {error}", device.name),
            }
        }
        let programs = if place.hardware.is_some() { programs } else { Vec::new() };
        let client = record.clients.iter().find(|(name, _)| *name == device.name).map(|(_, client)| *client);
        devices.push(Device::new(&device.name, &describe(&device), programs).used_by(client));
        places.push(place);
    }
    let mut at_work = Vec::new();
    for entry in &record.entries {
        let Some(device) = places.iter().position(|place| place.device.name == entry.device) else {
            continue;
        };
        if let Ok(gift) = init.kept(port_number(device)) {
            let driver = Driver { process: entry.process, port: gift.handle };
            let image = match &entry.file {
                None => Image::Archive,
                Some((bytes, manifest)) => {
                    let file = init.kept(file_number(device))?;
                    Image::Region(file.handle, *bytes, Rc::new(manifest.clone()))
                }
            };
            at_work.push(Driven { place: device, driver, program: entry.program.clone(), image });
        }
    }
    let processes = at_work.iter().map(|driven| driven.driver.process).collect();
    let port = anax::port()?;
    let machine = Machine { init, port, manifests, places, record, memory };
    Ok((Manager::new(machine, devices, at_work), processes))
}
