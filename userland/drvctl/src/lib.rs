//! What `drvctl` is asked to do, and how it says what it was told.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod request;
mod show;

pub use request::{HELP, Request, Wrong, parse};
pub use show::{event, heading, report, state, statistics, swapped};
