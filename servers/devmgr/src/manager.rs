//! All devices.

use alloc::rc::Rc;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_abi::Error;
use anax_devices::{Change, Complaint, Devices, Event, Report, State, Statistics, Swapped, Why};
use anax_manifest::{Manifest, Restarts, Verdict};
use anax_proto::{Caller, Gift};
use anax_system::{KILLED, Name};

use crate::device::Device;
use crate::system::{Driver, How, Image, NotStarted, Refusal, System};

/// Reports, and events, that fit into one answer.
const REPORTS: usize = 16;
const EVENTS: usize = 32;

/// Everything that the device manager knows.
#[derive(Debug)]
pub struct Manager<S> {
    system: S,
    devices: Vec<Device>,
}

/// A device whose driver has outlived a predecessor of the manager.
#[derive(Clone, Debug)]
pub struct Driven {
    /// The device's place.
    pub place: usize,
    /// Its driver.
    pub driver: Driver,
    /// The program's name.
    pub program: String,
    /// And its file.
    pub image: Image,
}

impl<S: System> Manager<S> {
    /// Of these devices, which the system knows by their places. `driven` are those whose drivers have outlived a predecessor of this one.
    pub fn new(system: S, devices: Vec<Device>, driven: Vec<Driven>) -> Self {
        let mut manager = Self { system, devices };
        for Driven { place, driver, program, image } in driven {
            let policy = manager.system.policy(&program, &image);
            if let Some(device) = manager.devices.get_mut(place) {
                (device.driver, device.program, device.state) = (Some(driver), program, State::Works);
                device.image = image;
                device.restarts = policy.map(Restarts::new);
            }
        }
        manager
    }

    /// Starts a driver for each device that there is one for and that has none. What drove it before, firmware or a driver that has died together with a
    /// predecessor of this program, may have left it at work, and a client waiting.
    pub fn start_all(&mut self) {
        for place in 0..self.devices.len() {
            let device = &self.devices[place];
            if device.driver.is_some() || device.candidates.is_empty() {
                continue;
            }
            if cfg!(bite = "devmgr-starts-unfenced") || self.clear(place).is_ok() {
                self.start_any(place);
            }
        }
    }

    /// The best candidate that comes up.
    fn start_any(&mut self, place: usize) {
        for program in self.devices[place].candidates.clone() {
            let device = &mut self.devices[place];
            (device.program, device.image) = (program, Image::Archive);
            device.restarts = self.system.policy(&device.program, &device.image).map(Restarts::new);
            // A device that does not stop is no other driver's either.
            if self.start(place).is_ok() || self.devices[place].state == State::Failed {
                return;
            }
        }
        let device = &mut self.devices[place];
        device.state = State::Failed;
        self.system.say(format_args!("{}: no driver comes up", device.name));
    }

    /// What it does to the machine.
    pub const fn system(&mut self) -> &mut S {
        &mut self.system
    }

    fn find(&self, name: &str) -> Result<usize, Error> {
        self.devices.iter().position(|device| device.name == name).ok_or(Error::BadArgument)
    }

    fn note(&mut self, place: usize, change: Change) {
        let now = self.system.now();
        self.devices[place].note(now, change);
    }

    /// Starts the device's program, from a device that is fenced.
    fn start(&mut self, place: usize) -> Result<(), Error> {
        let device = &mut self.devices[place];
        device.due = None;
        let started = self.system.start(place, &device.program, &device.image, How::Fresh, &[]);
        let driver = match started {
            Ok(driver) => driver,
            Err(NotStarted { error, .. }) => {
                self.did_not_come_up(place)?;
                return Err(error);
            }
        };
        let device = &mut self.devices[place];
        (device.driver, device.state) = (Some(driver), State::Works);
        self.system.remember(place, Some((driver, device.program.clone(), device.image.clone())));
        self.note(place, Change::Started);
        Ok(())
    }

    /// A driver that did not come up may have been at work for a moment all the same: the next one finds the device still, and the client asks it anew.
    fn did_not_come_up(&mut self, place: usize) -> Result<(), Error> {
        self.fence(place)?;
        if cfg!(not(bite = "devmgr-same-epoch-again")) {
            self.system.new_epoch(place)?;
        }
        Ok(())
    }

    /// Ends the driver, if it has not ended, and makes the device ready for the next.
    fn clear(&mut self, place: usize) -> Result<(), Error> {
        let device = &mut self.devices[place];
        device.state = State::Stopped;
        device.trial = None;
        if let Some(driver) = device.driver.take() {
            self.system.end(driver);
            self.system.remember(place, None);
        }
        self.fence(place)?;
        self.system.new_epoch(place)
    }

    /// The device reaches no memory. One that does not stop is given up: a new epoch would give its client buffers back that it may write to.
    fn fence(&mut self, place: usize) -> Result<(), Error> {
        if let Err(error) = self.system.fence(place) {
            let device = &mut self.devices[place];
            // Nobody starts a driver for it later, either.
            (device.state, device.due) = (State::Failed, None);
            self.system.say(format_args!("{}: the device does not stop: {error}", device.name));
            self.note(place, Change::NotFenced);
            return Err(error);
        }
        Ok(())
    }

    /// A process has ended with that status. If it was a driver, its policy says what comes then.
    pub fn ended(&mut self, process: u64, status: u64) {
        let drives = |device: &Device| device.driver.is_some_and(|driver| driver.process == process);
        if let Some(place) = self.devices.iter().position(drives) {
            let name = &self.devices[place].name;
            let program = self.devices[place].drives();
            self.system.say(format_args!("{name}: {program} (process {process}) ended with {status:#x}"));
            self.note(place, Change::Ended(status));
            self.failed(place, status);
        }
    }

    /// A driver is gone, or has to go: the device is fenced, and its program started again if that is its policy.
    fn failed(&mut self, place: usize, status: u64) {
        self.devices[place].failures += 1;
        let was_on_trial = self.devices[place].trial.is_some();
        if self.clear(place).is_err() {
            return;
        }
        // What one on trial has done is not held against the one that was there before.
        if was_on_trial { self.retry(place) } else { self.again(place, status) }
    }

    fn again(&mut self, place: usize, status: u64) {
        let now = self.system.now();
        let device = &mut self.devices[place];
        if device.state == State::Failed {
            return;
        }
        let verdict = device.restarts.as_mut().map_or(Verdict::Stop, |restarts| restarts.ended(status, now));
        match verdict {
            Verdict::At(at) if at <= now => self.retry(place),
            Verdict::At(at) => (device.state, device.due) = (State::Waits, Some(at)),
            Verdict::Stop => device.state = State::Stopped,
            Verdict::GiveUp => {
                device.state = State::Failed;
                self.system.say(format_args!("{}: {} has ended too often", device.name, device.program));
                self.note(place, Change::GivenUp);
            }
        }
    }

    /// Starts it now; if that fails, the policy is asked again.
    fn retry(&mut self, place: usize) {
        if let Err(error) = self.start(place) {
            let status = error.code().cast_unsigned();
            self.note(place, Change::Ended(status));
            self.again(place, status);
        }
    }

    /// Starts what is due; when to come again, in nanoseconds since boot.
    pub fn tick(&mut self) -> Option<u64> {
        let now = self.system.now();
        for place in 0..self.devices.len() {
            if self.devices[place].due.is_some_and(|due| due <= now) {
                self.devices[place].due = None;
                self.retry(place);
            }
        }
        self.devices.iter().filter_map(|device| device.due).min()
    }

    /// Replaces the driver as planned. The image is the device's, or given up, unless this is an error.
    fn replace(&mut self, place: usize, program: &str, image: Image) -> Result<Swapped, Error> {
        let policy = self.system.policy(program, &image).ok_or(Error::BadArgument)?;
        let device = &self.devices[place];
        let has_died = matches!(device.state, State::Waits | State::Failed) && !device.program.is_empty();
        if device.driver.is_none() && !has_died {
            return Err(Error::WouldBlock);
        }
        if !self.system.fits(place, program, &image) && cfg!(not(bite = "devmgr-fits-all")) {
            return Ok(self.refused(place, &image, Why::OtherDevices));
        }
        let begun = self.system.now();
        let next = Next { program, image, policy };
        let Some(old) = self.devices[place].driver.filter(|_| self.hands_over(place)) else {
            // Its clients wait for the successor as if it had died, or it has.
            return self.roll_on(place, next, begun);
        };
        let driver = match self.system.start(place, program, &next.image, How::Standby, &[]) {
            Ok(driver) => driver,
            Err(NotStarted { why, .. }) => return Ok(self.refused(place, &next.image, why)),
        };
        let begun = self.system.now();
        if self.system.quiesce(old).is_err() {
            // It hangs, or has died over it: its successor begins with a device that is reset.
            self.system.end(driver);
            self.devices[place].failures += 1;
            return self.roll_on(place, next, begun);
        }
        match self.system.take_over(driver) {
            Ok(()) => {
                let pause = self.system.now() - begun;
                self.system.end(old);
                self.devices[place].swaps += 1;
                self.install(place, next, driver);
                let change = Change::Swapped(pause / 1000);
                self.note(place, change);
                Ok(Swapped { change, pause, why: Why::Works })
            }
            Err(refusal) => {
                self.system.end(driver);
                self.system.close(&next.image);
                let is_untouched = refusal == Refusal::Untouched;
                let resumed = is_untouched && self.system.resume(old).is_ok();
                let change = if resumed { Change::Refused } else { Change::RolledBack };
                if !resumed {
                    self.clear(place)?;
                    self.retry(place);
                }
                self.note(place, change);
                let why = if is_untouched { Why::Record } else { Why::AtWork };
                Ok(Swapped { change, pause: self.system.now() - begun, why })
            }
        }
    }

    fn hands_over(&self, place: usize) -> bool {
        self.system.hands_over(place) || cfg!(bite = "devmgr-all-hand-over")
    }

    /// A successor that has touched nothing is given up.
    fn refused(&mut self, place: usize, image: &Image, why: Why) -> Swapped {
        self.note(place, Change::Refused);
        self.system.close(image);
        Swapped { change: Change::Refused, pause: 0, why }
    }

    /// The device is that driver's, and its program the one that is started again.
    fn install(&mut self, place: usize, next: Next<'_>, driver: Driver) {
        let device = &mut self.devices[place];
        let kept = if cfg!(bite = "devmgr-restarts-the-archive-s") { Image::Archive } else { next.image };
        let last = core::mem::replace(&mut device.image, kept.clone());
        device.trial = None;
        (device.driver, device.program, device.state) =
            (Some(driver), next.program.to_string(), State::Works);
        (device.restarts, device.due) = (Some(Restarts::new(next.policy)), None);
        self.system.close(&last);
        self.system.remember(place, Some((driver, next.program.to_string(), kept)));
    }

    /// The old driver does not hand over: the new one starts from a device that is reset, the old program if that fails.
    fn roll_on(&mut self, place: usize, next: Next<'_>, begun: u64) -> Result<Swapped, Error> {
        if let Err(error) = self.clear(place) {
            self.system.close(&next.image);
            return Err(error);
        }
        let (change, why) = match self.system.start(place, next.program, &next.image, How::Fresh, &[]) {
            Ok(driver) => {
                self.install(place, next, driver);
                (Change::Started, Why::Works)
            }
            Err(NotStarted { why, .. }) => {
                self.system.close(&next.image);
                self.did_not_come_up(place)?;
                self.retry(place);
                (Change::RolledBack, why)
            }
        };
        self.note(place, change);
        Ok(Swapped { change, pause: self.system.now() - begun, why })
    }
}

/// What is to drive a device next.
struct Next<'a> {
    program: &'a str,
    image: Image,
    policy: anax_manifest::Restart,
}

impl<S: System> Devices for Manager<S> {
    fn list(&mut self, first: u32) -> Result<Vec<Report>, Error> {
        Ok(self.devices.iter().skip(first as usize).take(REPORTS).map(Device::report).collect())
    }

    fn history(&mut self, device: Name, after: u64) -> Result<Vec<Event>, Error> {
        let place = self.find(device.as_str())?;
        Ok(self.devices[place].since(after).take(EVENTS).cloned().collect())
    }

    fn statistics(&mut self, device: Name) -> Result<Statistics, Error> {
        let place = self.find(device.as_str())?;
        let driver = self.devices[place].driver.ok_or(Error::WouldBlock)?;
        if !self.system.hands_over(place) {
            return Err(Error::BadArgument);
        }
        self.system.statistics(driver)
    }

    fn open(&mut self, caller: Caller, device: Name) -> Result<(Gift, Gift, Gift), Error> {
        let place = self.find(device.as_str())?;
        let other = self.devices[place].client.filter(|client| *client != caller.0);
        if other.is_some_and(|client| self.system.lives(client)) && cfg!(not(bite = "devmgr-gives-to-two")) {
            return Err(Error::Exists);
        }
        // Whoever had it has it no longer: his buffers come back to nobody, and his replies go nowhere.
        let opened = self.system.open(place)?;
        self.system.new_epoch(place)?;
        self.devices[place].client = Some(caller.0);
        self.system.remember_client(place, Some(caller.0));
        Ok(opened)
    }

    fn close(&mut self, caller: Caller, device: Name) -> Result<(), Error> {
        let place = self.find(device.as_str())?;
        match self.devices[place].client {
            Some(client) if client != caller.0 => Err(Error::NoRights),
            Some(_) => {
                self.devices[place].client = None;
                self.system.remember_client(place, None);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn swap(&mut self, device: Name, driver: Name) -> Result<Swapped, Error> {
        let place = self.find(device.as_str())?;
        self.replace(place, driver.as_str(), Image::Archive)
    }

    fn swap_file(
        &mut self,
        device: Name,
        manifest: Manifest,
        file: Gift,
        bytes: u64,
    ) -> Result<Swapped, Error> {
        let (driver, is_sound) = (manifest.name.clone(), manifest.check().is_ok());
        let image = Image::Region(file.handle, bytes, Rc::new(manifest));
        let place =
            self.find(device.as_str()).and_then(|place| is_sound.then_some(place).ok_or(Error::BadArgument));
        let swapped = place.and_then(|place| self.replace(place, &driver, image.clone()));
        if matches!(swapped, Err(Error::BadArgument | Error::WouldBlock)) {
            self.system.close(&image);
        }
        swapped
    }

    fn trial(&mut self, device: Name, driver: Name, arguments: Vec<String>) -> Result<u64, Error> {
        let place = self.find(device.as_str())?;
        self.system.policy(driver.as_str(), &Image::Archive).ok_or(Error::BadArgument)?;
        if self.devices[place].driver.is_none() {
            return Err(Error::WouldBlock);
        }
        self.note(place, Change::Killed);
        self.clear(place)?;
        match self.system.start(place, driver.as_str(), &Image::Archive, How::Fresh, &arguments) {
            Ok(started) => {
                let device = &mut self.devices[place];
                (device.driver, device.trial) = (Some(started), Some(driver.to_string()));
                device.state = State::Works;
                // A successor of this program takes it for the other one, which it starts when this one ends.
                let (program, image) = (device.program.clone(), device.image.clone());
                self.system.remember(place, Some((started, program, image)));
                self.note(place, Change::Started);
                Ok(started.process)
            }
            Err(NotStarted { error, .. }) => {
                self.did_not_come_up(place)?;
                self.retry(place);
                self.note(place, Change::RolledBack);
                Err(error)
            }
        }
    }

    fn complain(
        &mut self,
        caller: Caller,
        device: Name,
        epoch: u32,
        complaint: Complaint,
    ) -> Result<(), Error> {
        let place = self.find(device.as_str())?;
        let device = &self.devices[place];
        if device.client.is_some_and(|client| client != caller.0) {
            return Err(Error::NoRights);
        }
        // A driver does not answer for its predecessor.
        let is_meant = self.system.epoch(place) == Some(epoch) || cfg!(bite = "devmgr-blames-the-successor");
        let Some(driver) = device.driver.filter(|_| is_meant) else { return Ok(()) };
        let what = match complaint {
            Complaint::Lies => "lies",
            Complaint::Silent => "does not answer",
        };
        let (name, program) = (&device.name, device.drives());
        self.system.say(format_args!(
            "{name}: {program} (process {}) {what}, says its client: it is ended",
            driver.process
        ));
        self.note(place, Change::Accused(complaint));
        self.failed(place, KILLED);
        Ok(())
    }

    fn restart(&mut self, device: Name) -> Result<(), Error> {
        let place = self.find(device.as_str())?;
        if self.devices[place].candidates.is_empty() && self.devices[place].program.is_empty() {
            return Err(Error::BadArgument);
        }
        self.note(place, Change::Killed);
        self.clear(place)?;
        // What was is forgiven, and the device has stopped this time.
        let policy = self.system.policy(&self.devices[place].program, &self.devices[place].image);
        self.devices[place].restarts = policy.map(Restarts::new);
        self.start(place).inspect_err(|error| self.again(place, error.code().cast_unsigned()))
    }

    fn kill(&mut self, device: Name) -> Result<(), Error> {
        let place = self.find(device.as_str())?;
        if self.devices[place].driver.is_none() {
            return Err(Error::WouldBlock);
        }
        self.note(place, Change::Killed);
        self.failed(place, KILLED);
        Ok(())
    }

    fn stop(&mut self, device: Name) -> Result<(), Error> {
        let place = self.find(device.as_str())?;
        self.clear(place)?;
        let device = &mut self.devices[place];
        (device.state, device.due) = (State::Stopped, None);
        self.note(place, Change::Stopped);
        Ok(())
    }
}
