//! The driver for virtio network cards (Virtio 1.2, section 5.1), without its program's wiring.
//!
//! [`Nic`] drives the device: buffers by DMA address go in and come back with what was handed in. [`Service`] serves a client by it, over
//! [`anax_frames`]. Neither looks into a frame, allocates, blocks or calls the kernel.
#![no_std]
#![forbid(unsafe_code)]

mod nic;
mod service;

pub use nic::{Event, Interrupts, Nic, Polled};
pub use service::{Next, Served, Service, ServiceError};
