//! What the programs of this package agree on: messages from the one that causes mishaps to those that suffer from them.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod tally;

pub use tally::Tally;

use core::time::Duration;

/// The client finishes what it does, answers, and ends. Clients of devices (`device-load`) know this one, too.
pub const STOP: u32 = 0x2000;
/// How often it got what it asked for (result), and how often it was told instead that its peer has died (first word). Clients of devices know this
/// one, too.
pub const COUNT: u32 = 0x2001;
/// The client is idle when it has answered, until the next message.
pub const PAUSE: u32 = 0x2002;

/// What takes longer than this has hung. Nothing that passes takes half as long: init looks after a server for two seconds at most.
pub const PATIENCE: Duration = Duration::from_secs(5);
