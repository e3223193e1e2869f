//! A driver's states, and its supervisor's interface by them.
//!
//! ```text
//! standby --take_over--> running --quiesce--> quiesced --resume--> running
//!                           |--retire--> retired
//! ```
//!
//! Whoever quiesces waits inside the call until nothing is under way that ends by itself, a few milliseconds at most: the supervisor
//! has nothing else to do meanwhile, and the client's requests wait in the ring for whoever goes on.

use core::time::Duration;

use anax_ring::{Doorbell, SharedBytes};

use crate::interface::{Driver, DriverError, Events, Health, Link, Mode, Traffic};
use crate::{Counters, Next, Record, Refusal, Serve, Served, Wake};

/// Things given back before it is looked whether that was all.
const BUDGET: u32 = 32;
/// So often it is looked at most, should the clock stand still.
const LOOKS: u32 = 1_000_000;

/// A driver in one of its states.
#[derive(Debug)]
pub struct Station<'a, S, A, C> {
    service: Option<S>,
    mode: Mode,
    adopt: A,
    clock: C,
    /// Where records lie, if there is to be a successor.
    state: Option<SharedBytes<'a>>,
    interrupts: u64,
    doorbell: Doorbell,
}

impl<'a, S, A, C> Station<'a, S, A, C>
where
    S: Serve,
    A: FnMut(&Record) -> Result<S, Refusal>,
    C: FnMut() -> Duration,
{
    /// Runs with `service`, or stands by without one. `adopt` goes on from a record; `clock` tells the time since boot.
    #[must_use]
    pub const fn new(service: Option<S>, adopt: A, clock: C, state: Option<SharedBytes<'a>>) -> Self {
        let mode = if service.is_some() { Mode::Running } else { Mode::Standby };
        Self { service, mode, adopt, clock, state, interrupts: 0, doorbell: Doorbell::Quiet }
    }

    /// Its state.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// The service, if there is one by now.
    #[must_use]
    pub const fn service(&self) -> Option<&S> {
        self.service.as_ref()
    }

    /// Serves if it is running; else there is nothing to do but to wait for the supervisor.
    ///
    /// # Errors
    /// The device is past help.
    pub fn work(&mut self, budget: u32) -> Result<Served, S::Error> {
        let rung = core::mem::replace(&mut self.doorbell, Doorbell::Quiet);
        let now = (self.clock)();
        match &mut self.service {
            Some(service) if self.mode == Mode::Running => {
                let served = service.serve(now, budget);
                if served.is_err() {
                    self.mode = Mode::Ended;
                }
                served.map(|served| Served { doorbell: served.doorbell.or(rung), ..served })
            }
            _ => Ok(Served { doorbell: rung, next: Next::Wait(None) }),
        }
    }

    /// An interrupt has come. What comes to one that does nothing more is its successor's.
    ///
    /// # Errors
    /// The device is past help.
    pub fn woken(&mut self, wake: Wake) -> Result<(), S::Error> {
        let now = (self.clock)();
        let Some(service) = self.service.as_mut().filter(|_| self.mode == Mode::Running) else {
            return Ok(());
        };
        self.interrupts = self.interrupts.wrapping_add(1);
        service.woken(wake, now)
    }

    fn running(&mut self) -> Result<&mut S, DriverError> {
        let running = self.mode == Mode::Running;
        self.service.as_mut().filter(|_| running).ok_or(DriverError::Mode)
    }

    /// Until nothing is under way that ends by itself, or patience is at its end.
    fn settle(&mut self) -> Result<(), DriverError> {
        let until = (self.clock)() + S::PATIENCE;
        for _ in 0..LOOKS {
            let now = (self.clock)();
            let service = self.running()?;
            let Ok(settled) = service.settle(now, BUDGET) else {
                self.mode = Mode::Ended;
                return Err(DriverError::Device);
            };
            self.doorbell = self.doorbell.or(settled.doorbell);
            if settled.pending == 0 || now >= until {
                return Ok(());
            }
        }
        Ok(())
    }

    fn counters(&self) -> Counters {
        let counters = self.service.as_ref().map_or_else(Counters::default, Serve::counters);
        Counters { interrupts: counters.interrupts.wrapping_add(self.interrupts), ..counters }
    }
}

impl<S, A, C> Driver for Station<'_, S, A, C>
where
    S: Serve,
    A: FnMut(&Record) -> Result<S, Refusal>,
    C: FnMut() -> Duration,
{
    fn health(&mut self) -> Result<Health, DriverError> {
        let resets = self.counters().resets;
        let pending = self.service.as_ref().map_or(0, |service| service.pending().into());
        Ok(Health { mode: self.mode, resets, pending })
    }

    // A record is large, and so is what becomes of it: neither belongs into the frame of the loop.
    #[inline(never)]
    fn quiesce(&mut self) -> Result<(), DriverError> {
        let state = self.state.ok_or(Refusal::State)?;
        self.running()?;
        self.settle()?;
        let interrupts = self.interrupts;
        let service = self.running()?;
        let (mut record, doorbell) = service.suspend()?;
        record.counters.interrupts = record.counters.interrupts.wrapping_add(interrupts);
        if let Err(refusal) = record.write(state) {
            service.resume();
            return Err(refusal.into());
        }
        self.doorbell = self.doorbell.or(doorbell);
        if cfg!(not(bite = "driver-works-after-quiesce")) {
            self.mode = Mode::Quiesced;
        } else {
            self.running()?.resume();
        }
        Ok(())
    }

    fn resume(&mut self) -> Result<(), DriverError> {
        let service = self.service.as_mut().filter(|_| self.mode == Mode::Quiesced);
        service.ok_or(DriverError::Mode)?.resume();
        self.mode = Mode::Running;
        // A successor that comes later finds what is true then, or nothing.
        let state = self.state.ok_or(Refusal::State)?;
        Ok(Record::clear(state)?)
    }

    #[inline(never)]
    fn take_over(&mut self) -> Result<(), DriverError> {
        if self.mode != Mode::Standby {
            return Err(DriverError::Mode);
        }
        let state = self.state.ok_or(Refusal::State)?;
        let record = Record::read(state)?;
        let adopted = (self.adopt)(&record);
        if adopted.is_ok() && cfg!(not(bite = "driver-record-used-twice")) {
            Record::clear(state)?;
        }
        self.service = Some(adopted?);
        self.mode = Mode::Running;
        Ok(())
    }

    fn retire(&mut self) -> Result<(), DriverError> {
        let Ok(doorbell) = self.running()?.retire() else {
            self.mode = Mode::Ended;
            return Err(DriverError::Device);
        };
        self.doorbell = self.doorbell.or(doorbell);
        self.mode = Mode::Retired;
        Ok(())
    }

    fn traffic(&mut self) -> Result<Traffic, DriverError> {
        let Counters { received, received_bytes, sent, sent_bytes, flushed, .. } = self.counters();
        Ok(Traffic { received, received_bytes, sent, sent_bytes, flushed })
    }

    fn events(&mut self) -> Result<Events, DriverError> {
        let Counters { errors, resets, interrupts, .. } = self.counters();
        Ok(Events { errors, resets, interrupts })
    }

    fn link(&mut self) -> Result<Link, DriverError> {
        self.service.as_ref().map(Serve::link).ok_or(DriverError::Mode)
    }
}
