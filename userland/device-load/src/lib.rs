//! Clients that keep a device busy, verify all of it and time it, while its drivers are replaced.
//!
//! What a client notices of a change is one thing that took longer than the others. So each keeps the longest times, as many as there are changes, and
//! says at the end what was the median of them, and the worst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod echo;
mod longest;
pub mod outcome;
mod watch;
mod work;

pub use longest::Longest;
pub use watch::{ASK, Check, Standing, TRUST, Tally, watch};
pub use work::{COUNT, Load, Open, STOP, run};
