//! The driver for virtio network cards (Virtio 1.2, section 5.1), without its program's wiring.
//!
//! [`Nic`] drives the device: buffers by DMA address go in and come back with what was handed in. [`anax_nic::Service`] serves a client by
//! it. Neither looks into a frame, allocates, blocks or calls the kernel.
#![no_std]
#![forbid(unsafe_code)]

mod adopt;
mod header;
mod nic;
#[cfg(feature = "bin")]
pub mod program;

pub use nic::{Interrupts, Nic};
