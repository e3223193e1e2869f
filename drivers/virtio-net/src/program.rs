//! What both programs of this driver do, but for how they hear of the device: with the same memory, places and record, so that each can take
//! the other's place.

use core::time::Duration;

use anax_device::{Mmio, Window};
use anax_driver::program::Given;
use anax_driver::{Pace, Refusal, Turns, Wake};
use anax_frames::Loan;
use anax_nic::program::{self, Hears};
use anax_sys::Error;
use anax_sys::object::Region;
use anax_virtio::{Transport, Windows, handover};

use crate::{Interrupts, Nic};

/// Frames in flight in each direction.
const FRAMES: usize = 64;

type Card = Nic<'static, Mmio, Loan, FRAMES>;

/// How each of the card's two queues lies in its memory, the one behind the other.
pub type Queue = anax_virtio::Queue<'static, (), FRAMES, 2>;

/// Between two looks: after something has happened, and at most.
const SHORTEST: Duration = Duration::from_micros(100);
const LONGEST: Duration = Duration::from_millis(1);

/// Vectors are set whether or not this program waits for them: its successor may.
const INTERRUPTS: Interrupts =
    Interrupts::MsiX { queues: handover::QUEUE_VECTOR, configuration: handover::CONFIGURATION_VECTOR };

/// Serves as [`program::run`] does, by the card's interrupts.
///
/// # Errors
/// As there.
pub fn run_hearing(given: &Given<impl Turns>) -> Result<u64, Error> {
    let irqs = [(given.configuration_irq, Wake::Configuration), (given.irq, Wake::Queues)];
    run(given, Hears::Interrupts(&irqs))
}

/// Serves as [`program::run`] does, without interrupts.
///
/// # Errors
/// As there.
pub fn run_looking(given: &Given<impl Turns>) -> Result<u64, Error> {
    run(given, Hears::Pace(Pace::new(SHORTEST, LONGEST)))
}

fn run(given: &Given<impl Turns>, hears: Hears<'_>) -> Result<u64, Error> {
    let registers = anax_mapped::registers(Region::from_handle(given.registers))?;
    let windows = Windows::from_words(given.numbers.device);
    let transport = || {
        let window = |window: Window| registers.part(window.offset as usize, window.length as usize).ok();
        Some(Transport::new(
            window(windows.common)?,
            window(windows.notify)?,
            windows.notify_multiplier,
            window(windows.isr)?,
            window(windows.device)?,
        ))
    };
    let reach = program::reach(given)?;
    let start = || {
        let transport = transport().ok_or(Error::BadArgument)?;
        Ok(Card::start(transport, given.memory, &reach, INTERRUPTS).ok())
    };
    program::run(given, hears, start, |handed| {
        Card::adopt(transport().ok_or(Refusal::Device)?, given.memory, &reach, INTERRUPTS, handed)
    })
}
