//! The kernel's logic that needs no hardware: what firmware says is checked here, time is computed here, the log is
//! kept here; who runs next, who answers a message, what a handle stands for and what a space may use is decided here.
//! It is a library of its own so that `cargo test` can run all of it on the host; the kernel proper wires
//! it to registers and page tables.
//!
//! Nothing here allocates. Unsafe code is confined to `acpi::view`, which lends validated bytes to the `acpi` crate.
#![cfg_attr(not(any(feature = "build", loom)), no_std)]
#![deny(unsafe_code)]

pub mod acpi;
pub mod clock;
pub mod cmdline;
pub mod crossbar;
pub mod elf;
pub mod handles;
pub mod interrupts;
pub mod list;
pub mod logring;
pub mod memmap;
pub mod preempt;
pub mod quota;
pub mod reply;
pub mod runqueue;
mod sync;
pub mod usched;
pub mod waitqueue;
