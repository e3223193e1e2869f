//! The driver's program in which one bit flips at some time, as its arguments say: device and seed. See `anax_inject`. The device reads no memory.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_blocks::handover::SLOTS;
use anax_driver::program::Given;
use anax_inject::{Injector, Places};
use anax_sys::Error;

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let places = Places::new(given.block, SLOTS);
    ata::program::run(&given.with(Injector::from_arguments(places)))
}
