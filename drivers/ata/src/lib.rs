//! The driver for an ATA disk behind the ports of legacy IDE (ATA/ATAPI-6), without its program's wiring.
//!
//! [`Starting`] resets the channel and asks the disk what it is; [`Ata`] then does one command at a time, the CPU moving the
//! data (PIO) between the data port and the pool. Nothing waits: each step looks at the device for a moment and says when to look
//! again, and what takes past its deadline is [`Broken`](anax_device::Broken). With a client's jobs for tokens it is what
//! [`anax_disk::Service`] serves. Disks with logical sectors of more than 512 bytes, and packet devices, are refused.
#![no_std]
#![forbid(unsafe_code)]

mod ata;
mod channel;
mod identity;
#[cfg(feature = "bin")]
pub mod program;
mod starting;

pub use ata::Ata;
pub use channel::{Channel, Unit};
pub use identity::Identity;
pub use starting::{SetupError, Starting};

/// A client served by this disk.
pub type Service<'a, P> = anax_disk::Service<'a, Ata<'a, P, anax_blocks::Job>>;
