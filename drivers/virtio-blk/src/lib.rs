//! The driver for virtio disks (Virtio 1.2, section 5.2), without its program's wiring.
//!
//! [`Blk`] drives the device: sectors go between it and a pool that it reaches by itself. With a client's jobs for tokens it is what
//! [`anax_disk::Service`] serves. It looks into no buffer, allocates nothing, never blocks and does not call the kernel.
#![no_std]
#![forbid(unsafe_code)]

mod blk;
mod config;
mod device;
#[cfg(feature = "bin")]
pub mod program;

pub use blk::Blk;
pub use device::Interrupts;

/// A client served by this disk.
pub type Service<'a, R, const N: usize> = anax_disk::Service<'a, Blk<'a, R, anax_blocks::Job, N>>;
