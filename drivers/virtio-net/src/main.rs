//! The driver's program: what [`anax_nic::program`] does with a virtio network card.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_device::Window;
use anax_nic::handover::{CONFIGURATION_IRQ, IRQ};
use anax_nic::program::{self, Given, Wake};
use anax_sys::Error;
use anax_virtio::{Transport, Windows, handover};
use virtio_net::{Interrupts, Nic};

anax_sys::main!(main);

/// Frames in flight in each direction.
const FRAMES: usize = 64;

fn main(_argument: u64) -> Result<u64, Error> {
    program::run(&[(CONFIGURATION_IRQ, Wake::Configuration), (IRQ, Wake::Queues)], open)
}

fn open(given: &Given) -> Result<Option<Nic<'static, anax_device::Mmio, anax_frames::Loan, FRAMES>>, Error> {
    let window = |window: Window| {
        given.registers.part(window.offset as usize, window.length as usize).map_err(|_| Error::BadArgument)
    };
    let windows = Windows::from_words(given.numbers.card);
    let transport = Transport::new(
        window(windows.common)?,
        window(windows.notify)?,
        windows.notify_multiplier,
        window(windows.isr)?,
        window(windows.device)?,
    );
    let interrupts =
        Interrupts::MsiX { queues: handover::QUEUE_VECTOR, configuration: handover::CONFIGURATION_VECTOR };
    Ok(Nic::start(transport, given.queues, interrupts).ok())
}
