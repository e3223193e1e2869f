//! The driver for virtio network cards (Virtio 1.2, section 5.1), without its program's wiring.
//!
//! [`Nic`] drives the device: buffers by DMA address go in and come back with what was handed in. [`Service`] serves a client by it, over
//! [`anax_frames`]. Neither looks into a frame, allocates, blocks or calls the kernel.
#![no_std]
#![forbid(unsafe_code)]

mod nic;

pub use anax_nic::{Event, Next, Polled, Served, ServiceError};
pub use nic::{Interrupts, Nic};

/// A client served by this card.
pub type Service<'a, R, const N: usize> = anax_nic::Service<'a, Nic<'a, R, anax_frames::Loan, N>>;
