//! The smallest program: as the first one, it says that user mode works, and ends with status 0.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_sys::object::Machine;
use anax_sys::{Error, log};

anax_sys::main!(main);

fn main(_argument: u64) -> Result<(), Error> {
    log::to(Machine::FIRST);
    log!("hello from user mode");
    Ok(())
}
