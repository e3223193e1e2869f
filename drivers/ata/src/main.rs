//! The driver's program: what [`anax_disk::program`] does with an ATA disk.
//!
//! Its numbers are the first port of the command block, of the control block, and which device of the channel: 0 or 1.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_blocks::Job;
use anax_device::IoPorts;
use anax_disk::handover::{CONTROL, IRQ, POOL, REGISTERS};
use anax_disk::program::{self, Waiter, Wake};
use anax_ring::SharedBytes;
use anax_sys::Error;
use anax_sys::object::{Ports, Region};
use ata::{Ata, Channel, Starting, Unit};

anax_sys::main!(main);

fn main(_argument: u64) -> Result<u64, Error> {
    program::run(&[(IRQ, Wake::Jobs)], open)
}

fn open(waiter: &mut Waiter) -> Result<Option<Ata<'static, IoPorts, Job>>, Error> {
    let (_, numbers) = program::given()?;
    let [command, control, unit, ..] = numbers.device;
    let range = |handle, first: u64, count| {
        let first = u16::try_from(first).map_err(|_| Error::BadArgument)?;
        anax_mapped::ports(Ports::from_handle(handle), first, count)
    };
    let unit = if unit == 0 { Unit::Master } else { Unit::Slave };
    let channel = Channel::new(range(REGISTERS, command, 8)?, range(CONTROL, control, 1)?, unit);
    let pool = SharedBytes::new(anax_mapped::shared(Region::from_handle(POOL))?);
    let mut starting = Starting::new(channel, waiter.now()?);
    loop {
        let now = waiter.now()?;
        match starting.poll(now) {
            Ok(Some(identity)) => return Ok(Some(Ata::new(starting, identity, pool))),
            Ok(None) => waiter.wait(Some(starting.look_again(now)))?,
            Err(_) => return Ok(None),
        };
    }
}
