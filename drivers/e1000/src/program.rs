//! The program, all but how it begins: what [`anax_nic::program`] does with an 82540EM, which has one interrupt, by its line.

use anax_driver::program::Given;
use anax_driver::{Turns, Wake};
use anax_frames::Loan;
use anax_nic::program::{self, Hears};
use anax_sys::Error;
use anax_sys::object::Region;

use crate::{Nic, Throttle};

/// Descriptors in each direction.
const DESCRIPTORS: usize = 128;
/// Between interrupts. While there is work the driver polls anyway.
const THROTTLE: Throttle = Throttle::from_microseconds(20);

type Card = Nic<'static, anax_device::Mmio, Loan, DESCRIPTORS>;

/// How each of the card's two rings lies in its memory, the one behind the other.
pub type Ring = anax_e1000::Ring<'static, (), DESCRIPTORS>;

/// Serves as [`program::run`] does.
///
/// # Errors
/// As there.
pub fn run(given: &Given<impl Turns>) -> Result<u64, Error> {
    let registers = anax_mapped::registers(Region::from_handle(given.registers))?;
    let reach = program::reach(given)?;
    let start = || Ok(Card::start(registers, given.memory, &reach, THROTTLE).ok());
    program::run(given, Hears::Interrupts(&[(given.irq, Wake::Line)]), start, |handed| {
        Card::adopt_handed(registers, given.memory, &reach, THROTTLE, handed)
    })
}
