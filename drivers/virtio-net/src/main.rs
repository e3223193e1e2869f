//! The driver's program: serves one client by one card, until it is killed or the device is past help.
//!
//! It begins with what [`handover`](anax_virtio::handover) lists, of which nothing is its own: its successor gets the same.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use core::sync::atomic::Ordering;

use anax_abi::object::notice;
use anax_device::{DmaAddress, DmaBlock, Mmio, Window};
use anax_frames::DriverSide;
use anax_ring::{Doorbell, Endpoint, Epoch, Geometry, Side};
use anax_sys::object::{Channel, Irq, Region, Thread};
use anax_sys::{Error, Port, WORDS};
use anax_virtio::Transport;
use anax_virtio::handover::{self, Numbers};
use virtio_net::{Interrupts, Next, Nic, Service};

anax_sys::main!(main);

/// Frames in flight in each direction.
const FRAMES: usize = 64;
/// Frames and requests served before the other side is looked at.
const BUDGET: u32 = 32;

/// Badges at the port.
const DOORBELL: u64 = 1;
const CONFIGURATION: u64 = 2;
const QUEUES: u64 = 3;

/// What the thread ends with when the device does not come up, or breaks each time.
const NO_DEVICE: u64 = 1;

type Driver = Service<'static, Mmio, FRAMES>;

fn main(_argument: u64) -> Result<u64, Error> {
    let port = Port::initport(Thread::SELF, 0)?;
    let channel = Channel::from_handle(handover::CHANNEL);
    channel.bind(port, DOORBELL)?;
    let irqs = [(handover::CONFIGURATION_IRQ, CONFIGURATION), (handover::QUEUE_IRQ, QUEUES)];
    for (handle, badge) in irqs {
        Irq::from_handle(handle).bind(port, badge)?;
    }
    let Some(mut driver) = open(channel)? else { return Ok(NO_DEVICE) };
    // The device has been reset: whatever a predecessor owed an answer for is over.
    for (handle, _) in irqs {
        Irq::from_handle(handle).enable()?;
    }
    serve(&mut driver, channel, port)?;
    Ok(NO_DEVICE)
}

/// Works until there is nothing to do, waits, and answers what it was woken by. Returns when the device is past help.
fn serve(driver: &mut Driver, channel: Channel, port: Port) -> Result<(), Error> {
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
            if received.badge == CONFIGURATION && driver.configuration_changed().is_err() {
                return Ok(());
            }
        }
    }
}

/// Brings the card up, and opens the channel in the epoch that the kernel names. Nothing if the card does not come up.
fn open(channel: Channel) -> Result<Option<Driver>, Error> {
    let page = anax_mapped::shared(Region::from_handle(handover::NUMBERS))?;
    let words = page.words().first_chunk::<{ handover::WORDS }>().ok_or(Error::BadArgument)?;
    let numbers = Numbers::from_words(words.each_ref().map(|word| word.load(Ordering::Relaxed)));
    let registers = anax_mapped::registers(Region::from_handle(handover::REGISTERS))?;
    let window = |window: Window| {
        registers.part(window.offset as usize, window.length as usize).map_err(|_| Error::BadArgument)
    };
    let windows = numbers.windows;
    let transport = Transport::new(
        window(windows.common)?,
        window(windows.notify)?,
        windows.notify_multiplier,
        window(windows.isr)?,
        window(windows.device)?,
    );
    let queues = anax_mapped::shared(Region::from_handle(handover::QUEUES))?;
    let queues = DmaBlock::new(queues, DmaAddress::new(numbers.queues)).ok_or(Error::BadArgument)?;
    let interrupts =
        Interrupts::MsiX { queues: handover::QUEUE_VECTOR, configuration: handover::CONFIGURATION_VECTOR };
    let Ok(nic) = Nic::start(transport, queues, interrupts) else { return Ok(None) };

    let block = anax_mapped::shared(Region::from_handle(handover::BLOCK))?;
    let posted = anax_mapped::epoch(channel)?;
    let epoch = u32::try_from(posted.load(Ordering::Acquire)).ok().and_then(Epoch::from_number);
    let geometry = Geometry::new(handover::BUFFERS, handover::BUFFERS).map_err(|_| Error::BadArgument)?;
    let endpoint =
        Endpoint::watching(block, Side::Server, geometry, epoch.ok_or(Error::PeerMisbehaved)?, posted)
            .map_err(|_| Error::BadArgument)?;
    let client = DriverSide::new(endpoint, handover::BUFFERS);
    Service::new(nic, client, DmaAddress::new(numbers.pool)).map(Some).ok_or(Error::BadArgument)
}
