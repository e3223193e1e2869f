//! What time it is for people: the interface of who knows it ([`WallClock`]), and what seconds since 1970 are as a [`Date`].
//!
//! Programs that measure use the kernel's clock, which nobody sets (`anax::time`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod date;

pub use date::{Date, Format};

use anax_abi::Error;

/// The name of the service.
pub const SERVICE: &str = "wall-clock";

/// The time of day.
#[anax_proto::interface]
pub trait WallClock {
    /// Nanoseconds since 1970 began, UTC, without leap seconds.
    ///
    /// `BadArgument`: the machine's clock says nothing that can be a time.
    #[idempotent]
    fn now(&mut self) -> Result<u64, Error>;
}
