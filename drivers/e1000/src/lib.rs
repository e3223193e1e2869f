//! The driver for Intel's 82540EM, which QEMU and Bochs call e1000, without its program's wiring.
//!
//! [`Nic`] drives the device: buffers by DMA address go in and come back with what was handed in. [`anax_nic::Service`] serves a client by
//! it. Neither looks into a frame, allocates, blocks or calls the kernel.
//!
//! The device is believed nothing: what it reports is checked against the driver's private tables, and what can't be true is
//! [`Broken`](anax_device::Broken), after which only a reset helps. Section numbers are those of Intel's "PCI/PCI-X Family of Gigabit
//! Ethernet Controllers Software Developer's Manual" (317453).
#![no_std]
#![forbid(unsafe_code)]

mod adopt;
mod descriptor;
mod hardware;
mod nic;
#[cfg(feature = "bin")]
pub mod program;

pub use adopt::{AdoptError, InFlight};
pub use hardware::{SetupError, Statistics, Throttle};
pub use nic::Nic;
