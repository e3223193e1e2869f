//! The program of a network driver, all but its card: serves one client by it, until it is killed or the device is past help.
//!
//! It begins with what [`handover`](crate::handover) lists, of which nothing is its own: its successor gets the same.

use core::sync::atomic::Ordering;

use anax_abi::object::notice;
use anax_device::{DmaAddress, DmaBlock, Mmio};
use anax_frames::{DriverSide, Loan};
use anax_ring::{Doorbell, Endpoint, Epoch, Geometry, Side};
use anax_sys::object::{Channel, Irq, Region, Thread};
use anax_sys::{Error, Handle, Port, WORDS};

use crate::handover::{self, Numbers};
use crate::{Card, Next, Service};

/// Frames and requests served before the other side is looked at.
const BUDGET: u32 = 32;

/// What an interrupt is for. Also its badge at the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// Frames, by a vector.
    Queues = 1,
    /// A change of the configuration, by a vector.
    Configuration = 2,
    /// Anything, by the line.
    Line = 3,
}

/// The badge of the channel's doorbell.
const DOORBELL: u64 = 0;

/// What the program ends with when the device does not come up, or breaks each time.
pub const NO_DEVICE: u64 = 1;

/// What there is to bring a card up with.
#[derive(Clone, Copy, Debug)]
pub struct Given {
    /// The device's registers.
    pub registers: Mmio,
    /// Memory for its queues.
    pub queues: DmaBlock<'static>,
    /// What the kind of card is told besides.
    pub numbers: Numbers,
}

/// Serves the client with the card that `open` brings up, in which nothing is in flight, by the interrupts `irqs`. To be called by the
/// program's only thread. Returns the exit status [`NO_DEVICE`] when the device is past help.
///
/// # Errors
/// What was handed over is not what [`handover`] says; or `open`'s, whose own "nothing" is a card that does not come up.
pub fn run<C: Card<Token = Loan>>(
    irqs: &[(Handle, Wake)],
    open: impl FnOnce(&Given) -> Result<Option<C>, Error>,
) -> Result<u64, Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let channel = Channel::from_handle(handover::CHANNEL);
    channel.bind(port, DOORBELL)?;
    for (handle, wake) in irqs {
        Irq::from_handle(*handle).bind(port, *wake as u64)?;
    }
    let given = given()?;
    let Some(card) = open(&given)? else { return Ok(NO_DEVICE) };
    let pool = DmaAddress::new(given.numbers.pool);
    let mut driver = Service::new(card, client(channel)?, pool).ok_or(Error::BadArgument)?;
    // The device has been reset: whatever a predecessor owed an answer for is over.
    for (handle, _) in irqs {
        Irq::from_handle(*handle).enable()?;
    }
    serve(&mut driver, channel, port)?;
    Ok(NO_DEVICE)
}

/// Works until there is nothing to do, waits, and answers what it was woken by. Returns when the device is past help.
fn serve<C: Card<Token = Loan>>(
    driver: &mut Service<'_, C>,
    channel: Channel,
    port: Port,
) -> Result<(), Error> {
    let mut woken = None;
    loop {
        let Ok(served) = driver.serve(BUDGET) else { return Ok(()) };
        if served.doorbell == Doorbell::Ring {
            // A client that is gone is its supervisor's business.
            let _ = channel.ring();
        }
        if served.next == Next::Again {
            continue;
        }
        // The answer enables the interrupt again: not before there is nothing left to do.
        let received = match woken.take() {
            Some(number) => port.replymsg_waitport(number, Ok(0), [0; WORDS])?,
            None => port.waitport()?,
        };
        if received.command() == notice::INTERRUPT {
            woken = Some(received.number);
            let looked = match received.badge {
                badge if badge == Wake::Line as u64 => driver.line_interrupt(),
                badge if badge == Wake::Configuration as u64 => driver.configuration_changed(),
                _ => Ok(()),
            };
            if looked.is_err() {
                return Ok(());
            }
        }
    }
}

fn given() -> Result<Given, Error> {
    let page = anax_mapped::shared(Region::from_handle(handover::NUMBERS))?;
    let words = page.words().first_chunk::<{ handover::WORDS }>().ok_or(Error::BadArgument)?;
    let numbers = Numbers::from_words(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
    let queues = anax_mapped::shared(Region::from_handle(handover::QUEUES))?;
    let queues = DmaBlock::new(queues, DmaAddress::new(numbers.queues)).ok_or(Error::BadArgument)?;
    let registers = anax_mapped::registers(Region::from_handle(handover::REGISTERS))?;
    Ok(Given { registers, queues, numbers })
}

/// Opens the channel in the epoch that the kernel names.
fn client(channel: Channel) -> Result<DriverSide<'static>, Error> {
    let block = anax_mapped::shared(Region::from_handle(handover::BLOCK))?;
    let posted = anax_mapped::epoch(channel)?;
    let epoch = u32::try_from(posted.load(Ordering::Acquire)).ok().and_then(Epoch::from_number);
    let geometry = Geometry::new(handover::BUFFERS, handover::BUFFERS).map_err(|_| Error::BadArgument)?;
    let endpoint =
        Endpoint::watching(block, Side::Server, geometry, epoch.ok_or(Error::PeerMisbehaved)?, posted)
            .map_err(|_| Error::BadArgument)?;
    Ok(DriverSide::new(endpoint, handover::BUFFERS))
}
