//! What `ping`, `nc`, `nslookup`, `ip` and `netstat` are asked to do, and how they say what they were told.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod request;
mod show;

pub use request::{Request, Table, Wrong, help, parse};
pub use show::{Milliseconds, interface, neighbour, route};
