//! The program, all but how it begins: what [`anax_disk::program`] does with a virtio disk.

use core::time::Duration;

use anax_blocks::Job;
use anax_blocks::handover::POOL_BYTES;
use anax_device::{DmaAddress, Mmio, Window};
use anax_disk::program;
use anax_driver::handover::MEMORY_BYTES;
use anax_driver::program::{Given, instant, now};
use anax_driver::{Refusal, Turns, Wake};
use anax_sys::Error;
use anax_sys::object::{Region, Thread};
use anax_virtio::{Transport, Windows, handover};

use crate::{Blk, Interrupts};

/// Requests in flight.
const REQUESTS: usize = 64;

type Disk = Blk<'static, Mmio, Job, REQUESTS>;

/// How the disk's queue lies at the beginning of its memory.
pub type Queue = anax_virtio::Queue<'static, (), REQUESTS, 3>;

const _: () = assert!(Disk::MEMORY_BYTES as u64 <= MEMORY_BYTES);

/// The disk has so long to say its name, and is looked at so often meanwhile: whoever plays it may have no CPU just now.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_micros(100);

const INTERRUPTS: Interrupts =
    Interrupts::MsiX { queues: handover::QUEUE_VECTOR, configuration: handover::CONFIGURATION_VECTOR };

/// Serves as [`program::run`] does.
///
/// # Errors
/// As there.
pub fn run(given: &Given<impl Turns>) -> Result<u64, Error> {
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
    let pool = (DmaAddress::new(given.numbers.pool), POOL_BYTES);
    let start = || {
        let transport = transport().ok_or(Error::BadArgument)?;
        let until = now() + PATIENCE;
        let wait = || now() < until && Thread::sleep(instant(now() + LOOK)).is_ok();
        Ok(Disk::start(transport, given.memory, INTERRUPTS, pool, wait).ok())
    };
    let irqs = [(given.configuration_irq, Wake::Configuration), (given.irq, Wake::Queues)];
    program::run(given, &irqs, start, |words| {
        let transport = transport().ok_or(Refusal::Device)?;
        Disk::adopt(transport, given.memory, INTERRUPTS, pool, words)
    })
}
