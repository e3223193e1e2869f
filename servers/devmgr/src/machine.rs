//! What the device manager does to the machine, to init and to drivers.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use anax::Service;
use anax_abi::{Error, Handle, Message, Rights, WORDS};
use anax_devices::{Statistics, Why};
use anax_driver::handover::Start;
use anax_driver::{DriverClient, DriverError, Mode};
use anax_manifest::{Manifest, Manifests, Restart};
use anax_mapped::Mapping;
use anax_proto::{Beside, CONNECT, Fixed as _, Gift, Request, Transport as _, Writer};
use anax_service::PortTransport;
use anax_sys::object::{Region, Space, Thread};
use anax_sys::{Port, Target};
use anax_system::{Condition, Name, ProcessesClient, processes};
use devmgr::{Driver, How, Image, NotStarted, Refusal, System};
use serde::{Deserialize, Serialize};

use crate::hardware::Hardware;
use crate::line::Line;

/// How long a driver may take to come up, and to do what it is told.
const START: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_secs(1);
/// How often it is looked at while it comes up.
const LOOK: Duration = Duration::from_micros(200);

/// What a driver's file is passed on with.
const FILE: Rights = Rights::SEND.with(Rights::READ).with(Rights::GRANT);

/// Bytes of the record for a successor of this program.
pub(crate) const RECORD: u64 = 4096;

/// What a successor has to know of a driver.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Entry {
    pub(crate) device: String,
    pub(crate) program: String,
    pub(crate) process: u64,
    /// Of one whose file came later: how many bytes, and its manifest. Init keeps the file.
    pub(crate) file: Option<(u64, Manifest)>,
}

/// What is written down.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Record {
    /// Drivers at work.
    pub(crate) entries: Vec<Entry>,
    /// Devices, and who has opened them.
    pub(crate) clients: Vec<(String, u64)>,
}

/// A device with all that its drivers are given.
pub(crate) struct Place {
    pub(crate) device: anax_pci::Device,
    pub(crate) hardware: Option<Hardware>,
    pub(crate) line: Option<Line>,
}

/// The machine.
pub(crate) struct Machine {
    pub(crate) init: ProcessesClient<Service>,
    pub(crate) port: Port,
    pub(crate) manifests: Manifests,
    pub(crate) places: Vec<Place>,
    /// What is written down, and where.
    pub(crate) record: Record,
    pub(crate) memory: Region,
}

type Way = PortTransport<Fixed>;

/// One port, found already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fixed(Target);

impl anax_service::Find for Fixed {
    fn find(&mut self) -> Result<Target, Error> {
        Ok(self.0)
    }
}

/// A driver's interface, which answers in time or not at all.
fn ask(port: Handle, patience: Duration) -> Result<DriverClient<Way>, Error> {
    let way = PortTransport::unconnected(Fixed(Target::from_handle(port)))?;
    Ok(DriverClient::over(way.within(patience)))
}

/// Whether a driver that serves an interface of its own has come up: whatever it serves, it answers this.
fn answers(port: Handle, patience: Duration) -> Result<(), Error> {
    let mut way = PortTransport::unconnected(Fixed(Target::from_handle(port)))?.within(patience);
    way.call(&Request::fixed(CONNECT, [0; WORDS]), &mut Beside::default(), &mut []).map(|_| ())
}

fn way(error: DriverError) -> Error {
    match error {
        DriverError::Way(error) => error,
        _ => Error::BadArgument,
    }
}

impl Machine {
    fn manifest<'a>(&'a self, driver: &str, image: &'a Image) -> Option<&'a Manifest> {
        match image {
            Image::Archive => self.manifests.get(driver),
            Image::Region(_, _, manifest) => Some(manifest),
        }
    }

    /// Prepares a driver's process and gives it what it needs.
    fn prepare(&mut self, device: usize, driver: &str, image: &Image, how: How) -> Result<u64, NotStarted> {
        let no_room = |error| NotStarted { why: Why::NoRoom, error };
        let place = self.places.get(device).ok_or(no_room(Error::BadArgument))?;
        let hardware = place.hardware.as_ref().ok_or(no_room(Error::BadArgument))?;
        let mut parts = hardware.parts.clone();
        if let Some(line) = &place.line {
            let start = if how == How::Fresh { Start::Fresh } else { Start::Standby };
            line.write_numbers(start, hardware.words).map_err(no_room)?;
            parts.extend(line.parts());
        }
        let prepared = match image {
            Image::Archive => {
                let name: Name = driver.parse().map_err(|_| no_room(Error::BadArgument))?;
                self.init.prepare(name)
            }
            Image::Region(handle, bytes, manifest) => {
                let file = Gift::copy(*handle, FILE);
                self.init.prepare_file(Manifest::clone(manifest), file, *bytes)
            }
        };
        let process = prepared.map_err(|error| match error {
            Error::NoRights | Error::Exists | Error::BadArgument => NotStarted { why: Why::Manifest, error },
            error => no_room(error),
        })?;
        // Before anything can come of it: init keeps whoever has ended until somebody has asked for that.
        if let Err(error) = self.watch(process) {
            let _ = self.init.kill(process);
            return Err(no_room(error));
        }
        for (name, handle, rights) in parts {
            // Init passes it on.
            let given = self.init.give(process, name, Gift::copy(handle, rights.with(Rights::GRANT)));
            if let Err(error) = given {
                log::warn!("{driver} (process {process}) can't be given {name}: {error}");
                let _ = self.init.kill(process);
                return Err(no_room(error));
            }
        }
        Ok(process)
    }

    fn begin(
        &mut self,
        process: u64,
        device: usize,
        how: How,
        arguments: &[String],
    ) -> Result<Driver, NotStarted> {
        let mut told = vec![self.places[device].device.name.clone()];
        told.extend_from_slice(arguments);
        self.init.start(process, told).map_err(|error| {
            let why = if error == Error::BadArgument { Why::NoProgram } else { Why::NoRoom };
            NotStarted { why, error }
        })?;
        self.come_up(process, device, how).map_err(|error| NotStarted { why: Why::NotUp, error })
    }

    /// Waits until a driver that was started is where it is to be.
    fn come_up(&mut self, process: u64, device: usize, how: How) -> Result<Driver, Error> {
        let port = self.init.port(process)?.handle;
        let driver = Driver { process, port };
        self.answers(driver, device, how).inspect_err(|_| {
            let _ = Space::SELF.close(port);
        })
    }

    fn answers(&mut self, driver: Driver, device: usize, how: How) -> Result<Driver, Error> {
        let Driver { port, .. } = driver;
        if !self.hands_over(device) {
            return answers(port, START).map(|()| driver);
        }
        let wanted = if how == How::Fresh { Mode::Running } else { Mode::Standby };
        let until = anax::time::now().after(START);
        loop {
            match ask(port, START)?.health() {
                Ok(health) if health.mode == wanted => return Ok(driver),
                Ok(_) if anax::time::now() < until => Thread::sleep(anax::time::now().after(LOOK))?,
                Ok(_) => return Err(Error::TimedOut),
                Err(error) => return Err(way(error)),
            }
        }
    }

    /// Asks init to tell of a process's end, by a reply with its number for a token.
    pub(crate) fn watch(&mut self, process: u64) -> Result<(), Error> {
        let mut writer = Writer::default();
        process.put(&mut writer);
        let message = Message { token: process, ..Message::new(processes::WAIT, writer.finish()) };
        let init = anax::handle(anax_startup::handles::INIT).ok_or(Error::BadHandle)?;
        Target::from_handle(init).beginmsg(&message, self.port).map(drop)
    }

    fn write_record(&self) -> Result<(), Error> {
        let bytes = postcard::to_allocvec(&self.record).map_err(|_| Error::NoMemory)?;
        let mapping = Mapping::new(self.memory, RECORD)?;
        let record = mapping.bytes()?;
        record.copy_in(8, &bytes).map_err(|_| Error::Full)?;
        record.write_u64(0, bytes.len() as u64).map_err(|_| Error::Full)
    }
}

/// What a predecessor of this program has written down.
pub(crate) fn read_record(memory: Region) -> Result<Record, Error> {
    let mapping = Mapping::to_read(memory, RECORD)?;
    let bytes = mapping.bytes()?;
    let length = bytes.read_u64(0).map_err(|_| Error::BadArgument)?.min(RECORD - 8);
    let mut copy = vec![0; length as usize];
    bytes.copy_out(8, &mut copy).map_err(|_| Error::BadArgument)?;
    // An empty one is that of the first.
    Ok(postcard::from_bytes(&copy).unwrap_or_default())
}

/// Under which number init keeps the port of a device's driver.
pub(crate) const fn port_number(device: usize) -> u64 {
    crate::FIRST_PORT + device as u64
}

/// And the file of one that came later.
pub(crate) const fn file_number(device: usize) -> u64 {
    crate::FIRST_FILE + device as u64
}

impl System for Machine {
    fn now(&self) -> u64 {
        anax::time::now().nanoseconds()
    }

    fn policy(&self, driver: &str, image: &Image) -> Option<Restart> {
        let manifest = self.manifest(driver, image)?;
        (!manifest.devices.is_empty()).then_some(manifest.restart)
    }

    fn fits(&self, device: usize, driver: &str, image: &Image) -> bool {
        let place = self.places.get(device);
        place.zip(self.manifest(driver, image)).is_some_and(|(place, manifest)| {
            manifest.devices.iter().any(|wanted| anax_pci::matches(&place.device, wanted).is_some())
        })
    }

    fn start(
        &mut self,
        device: usize,
        driver: &str,
        image: &Image,
        how: How,
        arguments: &[String],
    ) -> Result<Driver, NotStarted> {
        let process = self.prepare(device, driver, image, how)?;
        self.begin(process, device, how, arguments).inspect_err(|NotStarted { error, .. }| {
            let device = &self.places[device].device.name;
            log::warn!("{device}: {driver} (process {process}) does not come up: {error}");
            let _ = self.init.kill(process);
        })
    }

    fn end(&mut self, driver: Driver) {
        // One that has died is gone already.
        let _ = self.init.kill(driver.process);
        let _ = Space::SELF.close(driver.port);
    }

    fn hands_over(&self, device: usize) -> bool {
        self.places.get(device).is_some_and(|place| place.line.is_some())
    }

    fn quiesce(&mut self, driver: Driver) -> Result<(), Error> {
        ask(driver.port, STEP)?.quiesce().map_err(way)
    }

    fn resume(&mut self, driver: Driver) -> Result<(), Error> {
        ask(driver.port, STEP)?.resume().map_err(way)
    }

    fn take_over(&mut self, driver: Driver) -> Result<(), Refusal> {
        let taken = ask(driver.port, STEP).map_err(|_| Refusal::Touched)?.take_over();
        taken.map_err(|error| {
            log::warn!("process {} does not take over: {error:?}", driver.process);
            match error {
                DriverError::Refused(refusal) if refusal.is_untouched() => Refusal::Untouched,
                _ => Refusal::Touched,
            }
        })
    }

    fn statistics(&mut self, driver: Driver) -> Result<Statistics, Error> {
        let mut driver = ask(driver.port, STEP)?;
        let (traffic, events) = (driver.traffic().map_err(way)?, driver.events().map_err(way)?);
        let link = driver.link().map_err(way)?;
        Ok(Statistics {
            received: traffic.received,
            received_bytes: traffic.received_bytes,
            sent: traffic.sent,
            sent_bytes: traffic.sent_bytes,
            errors: events.errors,
            resets: events.resets,
            interrupts: events.interrupts,
            link: u64::from(link == anax_driver::Link::Up),
        })
    }

    fn fence(&mut self, device: usize) -> Result<(), Error> {
        self.places.get(device).and_then(|place| place.hardware.as_ref()).map_or(Ok(()), Hardware::fence)
    }

    fn new_epoch(&mut self, device: usize) -> Result<(), Error> {
        let line = self.places.get_mut(device).and_then(|place| place.line.as_mut());
        line.map_or(Ok(()), Line::new_epoch)
    }

    fn epoch(&self, device: usize) -> Option<u32> {
        let line = self.places.get(device).and_then(|place| place.line.as_ref());
        line.map(Line::epoch)
    }

    fn open(&mut self, device: usize) -> Result<(Gift, Gift, Gift), Error> {
        let line = self.places.get(device).and_then(|place| place.line.as_ref());
        line.map(Line::open).ok_or(Error::BadArgument)
    }

    fn lives(&mut self, process: u64) -> bool {
        let report = self.init.list(process.saturating_sub(1)).ok().and_then(|all| all.into_iter().next());
        report.is_some_and(|report| report.process == process && report.condition == Condition::Runs)
    }

    fn remember_client(&mut self, device: usize, client: Option<u64>) {
        let name = &self.places[device].device.name;
        self.record.clients.retain(|(device, _)| device != name);
        self.record.clients.extend(client.map(|client| (name.clone(), client)));
        if let Err(error) = self.write_record() {
            log::error!(
                "who uses {name} is not written down: {error}",
                name = self.places[device].device.name
            );
        }
    }

    fn close(&mut self, image: &Image) {
        if let Image::Region(handle, ..) = image {
            let _ = Space::SELF.close(*handle);
        }
    }

    fn remember(&mut self, device: usize, driver: Option<(Driver, String, Image)>) {
        let name = self.places[device].device.name.clone();
        self.record.entries.retain(|entry| entry.device != name);
        let kept = match driver {
            Some((driver, program, image)) => {
                let (file, kept) = match image {
                    Image::Archive => (None, self.init.forget(file_number(device))),
                    Image::Region(handle, bytes, manifest) => {
                        let kept = self.init.keep(file_number(device), Gift::copy(handle, FILE));
                        (Some((bytes, Rc::unwrap_or_clone(manifest))), kept)
                    }
                };
                self.record.entries.push(Entry { device: name, program, process: driver.process, file });
                kept.and_then(|()| self.init.keep(port_number(device), Gift::copy(driver.port, Rights::ALL)))
            }
            None => self.init.forget(port_number(device)),
        };
        if let Err(error) = kept.and_then(|()| self.write_record()) {
            log::error!("what drives {} is not written down: {error}", self.places[device].device.name);
        }
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        log::info!("{line}");
    }
}

/// For people: where a device is, and which one.
pub(crate) fn describe(device: &anax_pci::Device) -> String {
    match &device.place {
        anax_pci::Place::Legacy(legacy) => format!("ports {:#x}", legacy.registers.first),
        anax_pci::Place::Pci(function) => {
            let ids = function.ids;
            format!("pci {} {:04x}:{:04x}", function.address, ids.vendor, ids.device)
        }
    }
    .to_string()
}
