//! The driver's program: what [`anax_disk::program`] does with a virtio disk.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_blocks::Job;
use anax_blocks::handover::POOL_BYTES;
use anax_device::{DmaAddress, Mmio, Window};
use anax_disk::handover::{CONFIGURATION_IRQ, IRQ, MEMORY_BYTES, REGISTERS};
use anax_disk::program::{self, Wake};
use anax_sys::Error;
use anax_sys::object::Region;
use anax_virtio::{Transport, Windows, handover};
use virtio_blk::{Blk, Interrupts};

anax_sys::main!(main);

/// Requests in flight.
const REQUESTS: usize = 64;

type Disk = Blk<'static, Mmio, Job, REQUESTS>;

const _: () = assert!(Disk::MEMORY_BYTES as u64 <= MEMORY_BYTES);

fn main(_argument: u64) -> Result<u64, Error> {
    program::run(&[(CONFIGURATION_IRQ, Wake::Configuration), (IRQ, Wake::Jobs)], |_| open())
}

fn open() -> Result<Option<Disk>, Error> {
    let (memory, numbers) = program::given()?;
    let registers = anax_mapped::registers(Region::from_handle(REGISTERS))?;
    let window = |window: Window| {
        registers.part(window.offset as usize, window.length as usize).map_err(|_| Error::BadArgument)
    };
    let windows = Windows::from_words(numbers.device);
    let transport = Transport::new(
        window(windows.common)?,
        window(windows.notify)?,
        windows.notify_multiplier,
        window(windows.isr)?,
        window(windows.device)?,
    );
    let interrupts =
        Interrupts::MsiX { queues: handover::QUEUE_VECTOR, configuration: handover::CONFIGURATION_VECTOR };
    Ok(Disk::start(transport, memory, interrupts, DmaAddress::new(numbers.pool), POOL_BYTES).ok())
}
