//! What `peerd` does on a connection, and with datagrams.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate alloc;

mod patterns;
mod port;
mod services;

pub use port::{Bound, DATAGRAMS, PORTS, Port, Service};
pub use services::{connection, datagrams};

/// What there is to say about its use.
pub const HELP: &str = "\
Offers services to measure and test a network by, over IPv4 and IPv6, until it is ended.

  peerd            all of them
  peerd --help     this text

  UDP 5007  what comes goes back
  TCP 5001  takes all until the end, then says how many bytes that were (8 bytes, little-endian)
  TCP 5002  sends zeros until nobody takes them
  TCP 5003  closes each connection at once
  TCP 5004  what comes goes back
  TCP 7001  patterns both ways, checked: see libsys/pattern
";
