//! The driver's program: what [`anax_nic::program`] does with an 82540EM, which has one interrupt, by its line.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::Wake;
use anax_driver::program::Given;
use anax_frames::Loan;
use anax_nic::program::{self, Hears};
use anax_sys::Error;
use anax_sys::object::Region;
use e1000::{Nic, Throttle};

/// Descriptors in each direction.
const DESCRIPTORS: usize = 128;
/// Between interrupts. While there is work the driver polls anyway.
const THROTTLE: Throttle = Throttle::from_microseconds(20);

type Card = Nic<'static, anax_device::Mmio, Loan, DESCRIPTORS>;

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let registers = anax_mapped::registers(Region::from_handle(given.registers))?;
    let start = || Ok(Card::start(registers, given.memory, THROTTLE).ok());
    program::run(&given, Hears::Interrupts(&[(given.irq, Wake::Line)]), start, |handed| {
        Card::adopt_handed(registers, given.memory, THROTTLE, handed)
    })
}
