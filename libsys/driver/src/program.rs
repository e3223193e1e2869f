//! The program of a driver, all but its device: serves one client, and its supervisor, until it is killed or the device is past help.
//!
//! It begins with what [`handover`](crate::handover) lists, of which nothing is its own: its successor gets the same. Everything comes to one
//! port: interrupts, the channel's doorbell, and what the supervisor asks.

use core::sync::atomic::Ordering;
use core::time::Duration;

use anax_abi::object::notice;
use anax_device::{DmaAddress, DmaBlock, Reach};
use anax_ring::{AtomicU64, Doorbell, Endpoint, Epoch, Geometry, SharedBlock, SharedBytes, Side};
use anax_sys::object::{Channel, Irq, Region, Space, Thread};
use anax_sys::{Deadline, Error, Handle, Instant, MessageNumber, Port, Received, WORDS, replymsg};

use crate::handover::{self, Numbers, Start};
use crate::{Mode, Moment, Next, Record, Refusal, STATE_BYTES, Serve, Station, Turns, Wake, driver};

/// Things and requests served before the other side is looked at.
const BUDGET: u32 = 32;
/// A driver that never has to wait looks at its port each time it has used up its budget so often.
const TURNS: u32 = 16;
/// No handle.
const NOTHING: Handle = Handle::from_word(0);
/// The badge of the channel's doorbell.
const DOORBELL: u64 = 0;

/// What the program ends with when the device does not come up, or breaks each time.
pub const NO_DEVICE: u64 = 1;

/// What the supervisor gave to the program: the one place where it is looked up.
#[derive(Clone, Copy, Debug)]
pub struct Given<T = ()> {
    turns: T,
    port: Port,
    channel: Channel,
    /// The channel's block.
    pub block: SharedBlock<'static>,
    posted: &'static AtomicU64,
    state: Option<SharedBytes<'static>>,
    /// Memory for the device's own structures.
    pub memory: DmaBlock<'static>,
    /// What the driver is told besides.
    pub numbers: Numbers,
    /// The device's registers.
    pub registers: Handle,
    /// The interrupt of what was asked for, or the only one.
    pub irq: Handle,
    /// The interrupt for changes of the configuration, of a device that has one.
    pub configuration_irq: Handle,
    /// The ports of the control block, of a device that has them.
    pub control: Handle,
    /// The pool.
    pub pool: Handle,
}

impl Given {
    /// Looks it up, and maps what is memory. To be called once, by the program's only thread.
    ///
    /// # Errors
    /// What was handed over is not what [`handover`] says.
    pub fn find() -> Result<Self, Error> {
        let by_name = anax::handle(handover::name(handover::CHANNEL)).is_some();
        let named = |name: &str, slot: Handle| match by_name {
            true => anax::handle(name),
            false => Space::SELF.inspect(slot).is_ok().then_some(slot),
        };
        let given = |slot: Handle| named(handover::name(slot), slot);
        let needed = |slot: Handle| given(slot).ok_or(Error::BadHandle);
        let page = anax_mapped::shared(Region::from_handle(needed(handover::NUMBERS)?))?;
        let words = page.words().first_chunk::<{ handover::WORDS }>().ok_or(Error::BadArgument)?;
        let numbers = Numbers::from_words(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
        let numbers = numbers.ok_or(Error::BadArgument)?;
        let memory = anax_mapped::shared(Region::from_handle(needed(handover::MEMORY)?))?;
        let state = match given(handover::STATE) {
            Some(handle) => Some(SharedBytes::new(anax_mapped::shared(Region::from_handle(handle))?)),
            None => None,
        };
        let port = match given(handover::PORT) {
            Some(handle) => Port::from_handle(handle),
            // Nobody could tell it to take over.
            None if numbers.start == Start::Standby => return Err(Error::BadArgument),
            None => Port::initport(Thread::SELF, 0)?,
        };
        let channel = Channel::from_handle(needed(handover::CHANNEL)?);
        Ok(Self {
            turns: (),
            port,
            channel,
            block: anax_mapped::shared(Region::from_handle(needed(handover::BLOCK)?))?,
            posted: anax_mapped::epoch(channel)?,
            state: state.filter(|state| state.len() >= STATE_BYTES),
            memory: DmaBlock::new(memory, DmaAddress::new(numbers.memory)).ok_or(Error::BadArgument)?,
            numbers,
            registers: needed(handover::REGISTERS)?,
            irq: needed(handover::IRQ)?,
            // One that the device has not is nobody's.
            configuration_irq: given(handover::CONFIGURATION_IRQ).unwrap_or(NOTHING),
            control: named(handover::CONTROL_NAME, handover::CONTROL).unwrap_or(NOTHING),
            pool: given(handover::POOL).unwrap_or(NOTHING),
        })
    }

    /// The same, with something that the program does besides.
    #[must_use]
    pub fn with<T>(self, turns: T) -> Given<T> {
        let Self { turns: (), port, channel, block, posted, state, memory, numbers, .. } = self;
        let Self { registers, irq, configuration_irq, control, pool, .. } = self;
        Given {
            turns,
            port,
            channel,
            block,
            posted,
            state,
            memory,
            numbers,
            registers,
            irq,
            configuration_irq,
            control,
            pool,
        }
    }
}

impl<T> Given<T> {
    /// What the driver may name to its device, of a pool of so many bytes.
    ///
    /// # Errors
    /// No pool can lie where it is said to.
    pub fn reach(&self, pool_bytes: u64) -> Result<Reach, Error> {
        Reach::new(self.memory, DmaAddress::new(self.numbers.pool), pool_bytes).ok_or(Error::BadArgument)
    }

    fn epoch(&self) -> Option<Epoch> {
        u32::try_from(self.posted.load(Ordering::Acquire)).ok().and_then(Epoch::from_number)
    }

    /// The channel, for whoever begins in the epoch that the kernel names.
    ///
    /// # Errors
    /// The block is too small.
    pub fn endpoint(&self, geometry: Geometry) -> Result<Endpoint<'static>, Error> {
        let epoch = self.epoch().ok_or(Error::PeerMisbehaved)?;
        Endpoint::watching(self.block, Side::Server, geometry, epoch, self.posted)
            .map_err(|_| Error::BadArgument)
    }

    /// The channel, for whoever goes on where another was.
    ///
    /// # Errors
    /// [`Refusal::Channel`]: the block is too small.
    pub fn unarrived(&self, geometry: Geometry) -> Result<Endpoint<'static>, Refusal> {
        let epoch = self.epoch().ok_or(Refusal::Stale)?;
        Endpoint::unarrived(self.block, Side::Server, geometry, epoch, self.posted)
            .map_err(|_| Refusal::Channel)
    }

    fn ring(&self, doorbell: Doorbell) {
        if doorbell == Doorbell::Ring {
            // A client that is gone is its supervisor's business.
            let _ = self.channel.ring();
        }
    }

    /// Doorbell and interrupts come to this program from now on.
    fn bind(&self, irqs: &[(Handle, Wake)]) -> Result<(), Error> {
        self.channel.bind(self.port, DOORBELL)?;
        irqs.iter().try_for_each(|(handle, wake)| Irq::from_handle(*handle).bind(self.port, *wake as u64))
    }
}

/// Lets interrupts in, whatever answer a predecessor owes.
fn enable(irqs: &[(Handle, Wake)]) -> Result<(), Error> {
    irqs.iter().try_for_each(|(handle, _)| Irq::from_handle(*handle).enable())
}

/// The time since boot. A clock that can't be read stands still.
#[must_use]
pub fn now() -> Duration {
    Thread::time().map_or(Duration::ZERO, |now| Duration::from_nanos(now.nanoseconds()))
}

/// The same for the kernel.
#[must_use]
pub fn instant(time: Duration) -> Instant {
    Instant::from_nanoseconds(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
}

/// Serves by the interrupts `irqs`: at once with the device that `fresh` brings up, or, standing by, with what `adopt` goes on with when
/// the supervisor says so. Returns the exit status [`NO_DEVICE`] when the device is past help.
///
/// # Errors
/// What was handed over is not what [`handover`] says; or `fresh`'s, whose own "nothing" is a device that does not come up.
pub fn run<S: Serve, T: Turns>(
    given: &Given<T>,
    irqs: &[(Handle, Wake)],
    fresh: impl FnOnce() -> Result<Option<S>, Error>,
    mut adopt: impl FnMut(&Record) -> Result<S, Refusal>,
) -> Result<u64, Error> {
    let service = match given.numbers.start {
        Start::Standby => None,
        Start::Fresh => {
            given.bind(irqs)?;
            let Some(service) = begin(fresh)? else { return Ok(NO_DEVICE) };
            // The device has been reset: whatever a predecessor owed an answer for is over.
            enable(irqs)?;
            Some(service)
        }
    };
    let adopt = |record: &Record| {
        let service = adopt(record)?;
        given.bind(irqs).and_then(|()| enable(irqs)).map_err(|_| Refusal::Binding)?;
        Ok(service)
    };
    let mut station = driver::Serve(Station::new(service, adopt, now, given.state));
    // An interrupt that is off until it is answered.
    let mut owed: Option<MessageNumber> = None;
    let mut turns = 0;
    loop {
        given.turns.turn(Moment::Before);
        let Ok(served) = station.0.work(BUDGET) else { return Ok(NO_DEVICE) };
        given.turns.turn(Moment::Served);
        given.ring(served.doorbell);
        let received = match served.next {
            Next::Again if turns < TURNS => {
                turns += 1;
                continue;
            }
            Next::Again => given.port.getport(),
            Next::Wait(until) => {
                let until = until.map_or(Deadline::NEVER, |until| Deadline::at(instant(until)));
                // The answer enables the interrupt again: not before there is nothing left to do, and not in a successor's place.
                match owed.take_if(|_| station.0.mode() == Mode::Running) {
                    Some(number) => given.port.replymsg_waitport_until(number, Ok(0), [0; WORDS], until),
                    None => given.port.waitport_until(until),
                }
            }
        };
        given.turns.turn(Moment::Woken);
        turns = 0;
        match received {
            Ok(received) if received.command() == notice::INTERRUPT => {
                // Of two interrupts only one waits until there is nothing left to do.
                if let Some(earlier) = owed.replace(received.number) {
                    replymsg(earlier, Ok(0), [0; WORDS])?;
                }
                if station.0.woken(wake(&received)).is_err() {
                    return Ok(NO_DEVICE);
                }
            }
            Ok(received) => {
                if let Some((result, words)) = anax_service::answer_in_words(&mut station, &received) {
                    given.ring(station.0.take_doorbell());
                    // A supervisor that does not wait for the answer has its reasons.
                    let _ = replymsg(received.number, result, words);
                }
            }
            Err(Error::TimedOut | Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Apart from the loop, so that the stack it needs is free again.
#[cold]
#[inline(never)]
fn begin<S>(fresh: impl FnOnce() -> Result<Option<S>, Error>) -> Result<Option<S>, Error> {
    fresh()
}

fn wake(received: &Received) -> Wake {
    match received.badge {
        badge if badge == Wake::Line as u64 => Wake::Line,
        badge if badge == Wake::Configuration as u64 => Wake::Configuration,
        _ => Wake::Queues,
    }
}
