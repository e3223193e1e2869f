//! Faults on purpose: what becomes of a driver one bit of which is wrong, and of those around it?
//!
//! For each driver there is a second program of the same code, `NAME-faulty`, that links this; the drivers that are used contain none of it. It
//! is started with a number, the seed, and at some turn of its loop, in the middle of its work, one bit flips. The seed says when and
//! where, so that a fault can be had again:
//!
//! | kind | where the bit is |
//! |---|---|
//! | data | in the program's variables, or on its heap |
//! | stack | on its stack, where a driver has its tables; in a byte that is not zero |
//! | text | in its instructions, three of four near those that run |
//! | register | in one of the sixteen general registers, or in the instruction pointer |
//! | device | in what steers the device: indices, flags and successors of descriptors, tail registers |
//! | channel | in what the driver writes to its client: positions, flags, messages |
//!
//! Addresses and lengths that the device is told are left alone, and with them the flag that makes a buffer a table of addresses: without an
//! IOMMU nothing holds a device back, so a fault there can do anything (docs/devices.md).
//!
//! | | |
//! |---|---|
//! | [`Plan`] | what a seed means |
//! | [`Places`] | what steers a device and a client: words and registers, and which of their bits |
//! | `Injector` | does it, from within the driver's loop; for ring 3 only. It lies to the compiler on purpose, and is the only unsafe code here |
#![no_std]

extern crate alloc;

#[cfg(feature = "bin")]
mod injector;
mod places;
mod plan;
#[cfg(feature = "bin")]
mod text;

#[cfg(feature = "bin")]
pub use injector::Injector;
pub use places::{Place, Places};
pub use plan::{Kind, Plan};
