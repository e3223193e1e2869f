//! What `ping`, `nc`, `nslookup`, `ip`, `netstat`, `fetch` and `netperf` are asked to do, and how they say what they were told.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod request;
mod show;
mod url;

pub use request::{Request, Table, Wrong, help, parse};
pub use show::{Milliseconds, interface, neighbour, route};
pub use url::{MAX_HEAD, Url, head_end, status};
