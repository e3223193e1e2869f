//! The smallest program: it says that user mode works, and ends with status 0, or restarts the machine if its argument is 1.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax_sys::object::Machine;
use anax_sys::{Error, log};

anax_sys::main!(main);

fn main(argument: u64) -> Result<(), Error> {
    log::to(Machine::FIRST);
    log!("hello from user mode");
    if argument == 1 { Machine::FIRST.restart() } else { Ok(()) }
}
