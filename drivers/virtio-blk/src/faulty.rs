//! The driver's program in which one bit flips at some time, as its arguments say: device and seed. See `anax_inject`.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_blocks::handover::SLOTS;
use anax_driver::program::Given;
use anax_inject::{Injector, Places};
use anax_sys::Error;
use virtio_blk::program::{self, Queue};

#[anax::main]
fn main() -> Result<u64, Error> {
    let given = Given::find()?;
    let places = Places::new(given.block, SLOTS).with_words(given.memory, Queue::steering());
    program::run(&given.with(Injector::from_arguments(places)))
}
