//! The driver's program in which one bit flips at some time, as its arguments say: device and seed. See `anax_inject`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::program::Given;
use anax_e1000::registers::{RECEIVE_RING, TAIL, TRANSMIT_RING};
use anax_inject::{Injector, Places};
use anax_sys::Error;
use anax_sys::object::Region;
use e1000::program::{self, Ring};

/// A tail has so many bits.
const TAIL_BITS: u32 = 0xffff;

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let registers = anax_mapped::registers(Region::from_handle(given.registers))?;
    let (receive, rest) = given.memory.split(Ring::WORDS).ok_or(Error::BadArgument)?;
    let places = Places::new(given.block, anax_nic::BUFFERS)
        .with_words(receive, Ring::steering())
        .with_words(rest, Ring::steering())
        .with_register(registers, RECEIVE_RING + TAIL, TAIL_BITS)
        .with_register(registers, TRANSMIT_RING + TAIL, TAIL_BITS);
    program::run(&given.with(Injector::from_arguments(places)))
}
