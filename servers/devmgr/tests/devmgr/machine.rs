//! A machine whose drivers can fail at every step, and which notices if two of them have the same device.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;

use anax_abi::{Error, Handle, Rights};
use anax_devices::{Statistics, Why};
use anax_manifest::{Layer, Manifest, Restart};
use anax_proto::Gift;
use devmgr::{Driver, Hardware, How, Image, NotStarted, Refusal, System};

/// What a driver does with the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    StandsBy,
    Serves,
    Stopped,
}

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) device: Hardware,
    pub(crate) program: String,
    pub(crate) is_of_file: bool,
    pub(crate) mode: Mode,
}

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) now: u64,
    next: u64,
    pub(crate) processes: BTreeMap<u64, Process>,
    /// Whether what comes next fails: `start`, `quiesce`, `resume`, `take_over`, `fence`.
    pub(crate) fails: VecDeque<bool>,
    pub(crate) touches: bool,
    /// Devices whose drivers serve an interface of their own.
    pub(crate) own_interface: BTreeSet<Hardware>,
    pub(crate) epochs: u64,
    pub(crate) fenced: BTreeSet<Hardware>,
    pub(crate) files: BTreeSet<u64>,
    /// Handles that were closed without being files of this test.
    closed: BTreeSet<u64>,
    /// Devices whose client has asked a driver that did not come up.
    asked: BTreeSet<Hardware>,
    /// What the drivers were told.
    pub(crate) told: Vec<String>,
    pub(crate) remembered: BTreeMap<Hardware, u64>,
    pub(crate) lines: Vec<String>,
    /// Clients that have ended.
    pub(crate) dead: BTreeSet<u64>,
    pub(crate) clients: BTreeMap<Hardware, Option<u64>>,
}

impl World {
    fn fails(&mut self) -> bool {
        self.now += 1000;
        self.fails.pop_front().unwrap_or(false)
    }

    fn process(&mut self, driver: Driver) -> &mut Process {
        self.processes.get_mut(&driver.process).expect("it lives")
    }

    /// Never do two drivers work with one device.
    fn check(&self, device: Hardware) {
        let serves = |process: &&Process| process.device == device && process.mode == Mode::Serves;
        assert!(self.processes.values().filter(serves).count() <= 1, "two drivers at work");
    }

    pub(crate) fn file(&mut self) -> Gift {
        self.next += 1;
        self.files.insert(self.next);
        Gift::given(Handle::from_word(self.next))
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Machine(pub(crate) Rc<RefCell<World>>);

impl System for Machine {
    fn now(&self) -> u64 {
        self.0.borrow().now
    }

    fn policy(&self, driver: &str, _: &Image) -> Option<Restart> {
        (driver != "nothing").then(|| Manifest::new(driver, Layer::Driver).restart)
    }

    fn fits(&self, _: Hardware, driver: &str, _: &Image) -> bool {
        driver != "another-s"
    }

    fn start(
        &mut self,
        device: Hardware,
        program: &str,
        image: &Image,
        how: How,
        arguments: &[String],
    ) -> Result<Driver, NotStarted> {
        let mut world = self.0.borrow_mut();
        if how == How::Fresh {
            assert!(world.fenced.remove(&device), "a device is fenced before a driver begins");
            assert!(!world.asked.contains(&device), "the client waits for what another was asked");
        }
        world.told.extend_from_slice(arguments);
        if world.fails() {
            if how == How::Fresh {
                world.asked.insert(device);
            }
            return Err(NotStarted { why: Why::NotUp, error: Error::TimedOut });
        }
        if let Image::Region(handle, ..) = image {
            assert!(world.files.contains(&handle.to_word()), "its file is still there");
        }
        world.next += 1;
        let process = world.next;
        let is_of_file = matches!(image, Image::Region(..));
        let mode = if how == How::Fresh { Mode::Serves } else { Mode::StandsBy };
        world.processes.insert(process, Process { device, program: program.into(), is_of_file, mode });
        world.check(device);
        Ok(Driver { process, port: Handle::from_word(process) })
    }

    fn end(&mut self, driver: Driver) {
        // One that has died is ended, too.
        self.0.borrow_mut().processes.remove(&driver.process);
    }

    fn hands_over(&self, device: Hardware) -> bool {
        !self.0.borrow().own_interface.contains(&device)
    }

    fn quiesce(&mut self, driver: Driver) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        if world.fails() {
            return Err(Error::TimedOut);
        }
        let process = world.process(driver);
        assert_eq!(process.mode, Mode::Serves);
        process.mode = Mode::Stopped;
        let device = process.device;
        assert!(!world.own_interface.contains(&device), "that is another method there");
        Ok(())
    }

    fn resume(&mut self, driver: Driver) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        if world.fails() {
            return Err(Error::TimedOut);
        }
        let process = world.process(driver);
        assert_eq!(process.mode, Mode::Stopped);
        process.mode = Mode::Serves;
        let device = process.device;
        world.check(device);
        Ok(())
    }

    fn take_over(&mut self, driver: Driver) -> Result<(), Refusal> {
        let mut world = self.0.borrow_mut();
        if world.fails() {
            return Err(if world.touches { Refusal::Touched } else { Refusal::Untouched });
        }
        let process = world.process(driver);
        assert_eq!(process.mode, Mode::StandsBy);
        process.mode = Mode::Serves;
        let device = process.device;
        world.check(device);
        Ok(())
    }

    fn statistics(&mut self, _: Driver) -> Result<Statistics, Error> {
        Ok(Statistics { sent: 5, ..Statistics::default() })
    }

    fn fence(&mut self, device: Hardware) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        let works = |process: &Process| process.device == device && process.mode != Mode::StandsBy;
        assert!(!world.processes.values().any(works), "fenced under a driver");
        if world.fails() {
            return Err(Error::TimedOut);
        }
        world.fenced.insert(device);
        Ok(())
    }

    fn new_epoch(&mut self, device: Hardware) -> Result<(), Error> {
        let mut world = self.0.borrow_mut();
        let serves = |process: &Process| process.device == device && process.mode == Mode::Serves;
        let is_safe = world.fenced.contains(&device) || world.processes.values().any(serves);
        assert!(is_safe, "the client gets its buffers back while the device may write to them");
        world.epochs += 1;
        world.asked.remove(&device);
        Ok(())
    }

    fn epoch(&self, _: Hardware) -> Option<u32> {
        Some(self.0.borrow().epochs as u32)
    }

    fn open(&mut self, _: Hardware) -> Result<(Gift, Gift, Gift), Error> {
        let gift = Gift::copy(Handle::from_word(1), Rights::ALL);
        Ok((gift, gift, gift))
    }

    fn lives(&mut self, process: u64) -> bool {
        !self.0.borrow().dead.contains(&process)
    }

    fn remember_client(&mut self, device: Hardware, client: Option<u64>) {
        self.0.borrow_mut().clients.insert(device, client);
    }

    fn close(&mut self, image: &Image) {
        if let Image::Region(handle, ..) = image {
            let mut world = self.0.borrow_mut();
            let is_known = world.files.remove(&handle.to_word());
            assert!(is_known || world.closed.insert(handle.to_word()), "closed once");
        }
    }

    fn remember(&mut self, device: Hardware, driver: Option<(Driver, String, Image)>) {
        let mut world = self.0.borrow_mut();
        match driver {
            Some((driver, ..)) => _ = world.remembered.insert(device, driver.process),
            None => _ = world.remembered.remove(&device),
        }
    }

    fn say(&mut self, line: fmt::Arguments<'_>) {
        self.0.borrow_mut().lines.push(line.to_string());
    }
}
