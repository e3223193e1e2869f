//! How a process ended, in the eight bits of an exit status.

use alloc::format;
use alloc::string::String;

use crate::process::{FAULTED, HUNG, KILLED, Status};
use anax_abi::Error;
use anax_sys::PANIC_STATUS;

/// A fault or a panic ended it.
pub const BROKEN: u8 = 101;
/// Its supervisor ended it, because it did not get on.
pub const HANGS: u8 = 124;
/// Somebody killed it: 128 and the number of the signal that does it elsewhere.
pub const KILLED_BY: u8 = 137;

/// The exit status, and what is said about it: nothing, where the program has chosen it. 0 is success and nothing else is.
#[must_use]
pub fn explain(status: Status) -> (u8, Option<String>) {
    if let Ok(status) = u8::try_from(status) {
        return (status, None);
    }
    let code = status.cast_signed();
    match status {
        KILLED => (KILLED_BY, Some("was killed".into())),
        HUNG => (HANGS, Some("hung".into())),
        PANIC_STATUS => (BROKEN, Some("panicked".into())),
        _ if code < 0 => (1, Some(format!("ended with an error: {}", Error::from_code(code)))),
        _ if status & FAULTED != 0 => (BROKEN, Some(format!("faulted (exception {})", status & 0xff))),
        _ => (u8::MAX, Some(format!("ended with {status:#x}"))),
    }
}
