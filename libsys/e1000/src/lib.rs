//! Intel's 8254x network cards as `libsys/virtio` is for virtio: the registers, the ring of descriptors, and how to stop a card whose
//! driver is dead. Section numbers are those of Intel's "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's
//! Manual" (317453).
//!
//! It is not the driver's own (`drivers/e1000`) because a supervisor, who finds the card and fences it, may not depend on a driver.
#![no_std]
#![forbid(unsafe_code)]

mod fence;
pub mod registers;
mod ring;

pub use fence::{REGISTER_BYTES, fence, is_e1000};
pub use ring::{BUFFER, DONE, Descriptor, Ring};
