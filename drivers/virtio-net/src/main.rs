//! The driver's program that waits for the card's interrupts.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_driver::program::Given;
use anax_sys::Error;

#[anax::main]
fn main() -> Result<u64, Error> {
    virtio_net::program::run_hearing(&Given::find()?)
}
