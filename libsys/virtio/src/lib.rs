//! Virtio 1.2 for drivers: the PCI transport and the split virtqueue. Section numbers are those of
//! [the OASIS specification](https://docs.oasis-open.org/virtio/virtio/v1.2/virtio-v1.2.html).
//!
//! The device is believed nothing. What it reports is a hint, checked against the driver's private tables; what can't be true is
//! [`Broken`], and then only a reset helps. What stays in its power is what any device has: the bytes in its buffers, silence, and,
//! without an IOMMU, all of memory.
#![no_std]
#![forbid(unsafe_code)]

mod features;
pub mod handover;
mod pci;
mod queue;
mod transport;

/// Also when the device asks for a reset (2.1.2).
pub use anax_device::Broken;
pub use features::Features;
pub use pci::{ProbeError, Windows, device_type};
pub use queue::{Access, Addresses, Completed, Kick, Positions, Queue, Segment, Suppression};
pub use transport::{Cause, Doorbell, SetupError, Transport};
