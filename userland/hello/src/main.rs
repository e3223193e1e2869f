//! The example of a program: it says that user mode works and ends with status 0. Its argument makes it end otherwise: 1 restarts the
//! machine, 2 panics, 3 uses up its stack; `exit` and a number ends with that status.
#![no_std]
#![no_main]
#![forbid(unsafe_code)]

use anax::object::Machine;
use anax::{Error, handles};

#[anax::main]
fn main() -> Result<u64, Error> {
    anax::println!("hello from user mode");
    match anax::arguments().first().map(|argument| &**argument) {
        Some("1") => restart(),
        Some("2") => fail(),
        Some("3") => Ok(deeper(0)),
        Some("exit") => {
            anax::arguments().get(1).and_then(|status| status.parse().ok()).ok_or(Error::BadArgument)
        }
        _ => Ok(0),
    }
}

/// Returns only if the program may not.
fn restart() -> Result<u64, Error> {
    let machine = anax::handle(handles::LOG).ok_or(Error::BadHandle)?;
    Machine::from_handle(machine).restart().map(|()| 0)
}

/// Never returns: it ends in the guard page below the stack.
fn deeper(level: u64) -> u64 {
    let frame = core::hint::black_box([level; 64]);
    if core::hint::black_box(true) { deeper(level + 1) + frame[0] } else { 0 }
}

/// Shows what a bug looks like.
#[inline(never)]
fn fail() -> ! {
    panic!("asked to")
}
