//! One device: who drives it, and what has happened to it.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use anax_devices::{Change, Event, Report, State};
use anax_manifest::Restarts;

use crate::system::{Driver, Image};

/// Events that are remembered of a device.
pub const HISTORY: usize = 64;

/// A device.
#[derive(Debug)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// What it is, for people.
    pub what: String,
    /// Programs that could drive it, the best first.
    pub candidates: Vec<String>,
    pub(crate) state: State,
    /// The program that drives it, or did, or will again when the one on trial has ended.
    pub(crate) program: String,
    /// The one that drives it on trial.
    pub(crate) trial: Option<String>,
    /// Who has opened it; nobody that this program knows of.
    pub(crate) client: Option<u64>,
    pub(crate) image: Image,
    pub(crate) driver: Option<Driver>,
    pub(crate) restarts: Option<Restarts>,
    /// When its driver is started again.
    pub(crate) due: Option<u64>,
    pub(crate) failures: u32,
    pub(crate) swaps: u32,
    events: VecDeque<Event>,
    next: u64,
}

impl Device {
    /// One that nobody drives.
    #[must_use]
    pub fn new(name: &str, what: &str, candidates: Vec<String>) -> Self {
        Self {
            name: name.to_string(),
            what: what.to_string(),
            candidates,
            state: State::NoDriver,
            program: String::new(),
            trial: None,
            client: None,
            image: Image::Archive,
            driver: None,
            restarts: None,
            due: None,
            failures: 0,
            swaps: 0,
            events: VecDeque::new(),
            next: 1,
        }
    }

    /// The same, which a predecessor of this program has opened for that process.
    #[must_use]
    pub const fn used_by(mut self, client: Option<u64>) -> Self {
        self.client = client;
        self
    }

    /// The program that drives it now.
    pub(crate) fn drives(&self) -> &str {
        self.trial.as_ref().unwrap_or(&self.program)
    }

    /// Remembers what has happened, at `now` in nanoseconds since boot.
    pub(crate) fn note(&mut self, now: u64, change: Change) {
        if self.events.len() == HISTORY {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            number: self.next,
            at: now / 1000,
            driver: self.drives().to_string(),
            change,
        });
        self.next += 1;
    }

    /// What has happened since the event of that number.
    pub(crate) fn since(&self, after: u64) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(move |event| event.number > after)
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            name: self.name.clone(),
            what: self.what.clone(),
            state: self.state,
            driver: self.drives().to_string(),
            process: self.driver.map_or(0, |driver| driver.process),
            failures: self.failures,
            swaps: self.swaps,
        }
    }
}
