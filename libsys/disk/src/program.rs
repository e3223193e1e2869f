//! The program of a disk's driver, all but its disk: serves one client by it, until it is killed or the device is past help.
//!
//! It begins with what [`handover`](crate::handover) lists, of which nothing is its own: its successor gets the same.

use core::sync::atomic::Ordering;
use core::time::Duration;

use anax_abi::object::notice;
use anax_blocks::Job;
use anax_blocks::handover::{POOL_BYTES, SLOTS};
use anax_device::{DmaAddress, DmaBlock};
use anax_ring::{Doorbell, Endpoint, Epoch, Geometry, Side};
use anax_sys::object::{Channel, Irq, Region, Thread};
use anax_sys::{Deadline, Error, Handle, Instant, Port, Received, WORDS};

use crate::handover::{self, Numbers};
use crate::{Drive, Next, Service};

/// Jobs and requests served before the other side is looked at.
const BUDGET: u32 = 32;

/// What the program ends with when the device does not come up, or breaks each time.
pub const NO_DEVICE: u64 = 1;

/// What an interrupt is for. Also its badge at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// What was asked for.
    Jobs = 1,
    /// A change of the configuration.
    Configuration = 2,
}

/// The badge of the channel's doorbell.
const DOORBELL: u64 = 0;

/// Where the driver waits, for a drive that has to wait while it comes up, too.
#[derive(Debug)]
pub struct Waiter {
    port: Port,
    /// An interrupt that is off until it is answered.
    woken: Option<Received>,
}

impl Waiter {
    /// The time since boot.
    ///
    /// # Errors
    /// As [`Thread::time`].
    pub fn now(&self) -> Result<Duration, Error> {
        Ok(Duration::from_nanos(Thread::time()?.nanoseconds()))
    }

    /// Answers the last interrupt, which enables it again, and waits for the next notice, or until then. Returns what it was for.
    ///
    /// # Errors
    /// Those of the port, but for a time that has passed.
    pub fn wait(&mut self, until: Option<Duration>) -> Result<Option<Wake>, Error> {
        let deadline = until.map_or(Deadline::NEVER, |until| {
            Deadline::at(Instant::from_nanoseconds(u64::try_from(until.as_nanos()).unwrap_or(u64::MAX)))
        });
        let received = match self.woken.take() {
            Some(last) => self.port.replymsg_waitport_until(last.number, Ok(0), [0; WORDS], deadline),
            None => self.port.waitport_until(deadline),
        };
        let received = match received {
            Err(Error::TimedOut) => return Ok(None),
            other => other?,
        };
        if received.command() != notice::INTERRUPT {
            return Ok(None);
        }
        let configuration = received.badge == Wake::Configuration as u64;
        self.woken = Some(received);
        Ok(Some(if configuration { Wake::Configuration } else { Wake::Jobs }))
    }
}

/// Memory for the device's structures, and numbers, as they were handed over.
///
/// # Errors
/// What was handed over is not what [`handover`] says.
pub fn given() -> Result<(DmaBlock<'static>, Numbers), Error> {
    let page = anax_mapped::shared(Region::from_handle(handover::NUMBERS))?;
    let words = page.words().first_chunk::<{ handover::WORDS }>().ok_or(Error::BadArgument)?;
    let numbers = Numbers::from_words(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
    let memory = anax_mapped::shared(Region::from_handle(handover::MEMORY))?;
    let memory = DmaBlock::new(memory, DmaAddress::new(numbers.memory)).ok_or(Error::BadArgument)?;
    Ok((memory, numbers))
}

/// Serves the client with the drive that `open` brings up, in which no job is, by the interrupts `irqs`. To be called by the
/// program's only thread. Returns the exit status [`NO_DEVICE`] when the device is past help.
///
/// # Errors
/// What was handed over is not what [`handover`] says; or `open`'s, whose own "nothing" is a device that does not come up.
pub fn run<D: Drive<Job>>(
    irqs: &[(Handle, Wake)],
    open: impl FnOnce(&mut Waiter) -> Result<Option<D>, Error>,
) -> Result<u64, Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let channel = Channel::from_handle(handover::CHANNEL);
    channel.bind(port, DOORBELL)?;
    for (handle, wake) in irqs {
        // Whatever a predecessor owed an answer for is over: the device was fenced.
        Irq::from_handle(*handle).bind(port, *wake as u64)?;
        Irq::from_handle(*handle).enable()?;
    }
    let mut waiter = Waiter { port, woken: None };
    let Some(drive) = open(&mut waiter)? else { return Ok(NO_DEVICE) };
    let mut service = Service::new(drive, endpoint(channel)?, POOL_BYTES);
    loop {
        let Ok(served) = service.serve(waiter.now()?, BUDGET) else { return Ok(NO_DEVICE) };
        if served.doorbell == Doorbell::Ring {
            // A client that is gone is its supervisor's business.
            let _ = channel.ring();
        }
        let Next::Wait(until) = served.next else { continue };
        let changed = waiter.wait(until)? == Some(Wake::Configuration);
        if changed && service.configuration_changed(waiter.now()?).is_err() {
            return Ok(NO_DEVICE);
        }
    }
}

/// The channel in the epoch that the kernel names.
fn endpoint(channel: Channel) -> Result<Endpoint<'static>, Error> {
    let block = anax_mapped::shared(Region::from_handle(handover::BLOCK))?;
    let posted = anax_mapped::epoch(channel)?;
    let epoch = u32::try_from(posted.load(Ordering::Acquire)).ok().and_then(Epoch::from_number);
    let geometry = Geometry::new(SLOTS, SLOTS).map_err(|_| Error::BadArgument)?;
    Endpoint::watching(block, Side::Server, geometry, epoch.ok_or(Error::PeerMisbehaved)?, posted)
        .map_err(|_| Error::BadArgument)
}
