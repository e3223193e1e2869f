//! The example of a program: it says that user mode works and ends with status 0. Its argument makes it end otherwise: 1 restarts the
//! machine, 2 panics.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::object::Machine;
use anax::{Error, handles, log};

#[anax::main]
fn main() -> Result<(), Error> {
    log::info!("hello from user mode");
    match anax::arguments().first().map(|argument| &**argument) {
        Some("1") => restart(),
        Some("2") => fail(),
        _ => Ok(()),
    }
}

/// Returns only if the program may not.
fn restart() -> Result<(), Error> {
    let machine = anax::handle(handles::LOG).ok_or(Error::BadHandle)?;
    Machine::from_handle(machine).restart()
}

/// Shows what a bug looks like.
#[inline(never)]
fn fail() -> ! {
    panic!("asked to")
}
