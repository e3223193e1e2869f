//! The kernel's logic that needs no hardware, by the names that the kernel uses.
//! It is a library of its own so that `cargo test` can run all of it on the host; the kernel proper wires
//! it to registers and page tables.
//!
//! What programs need as well (capability tables, threads' queues and policies, the crossbar, the ELF policy, ACPI tables, the memory map, accounts, the clock, the log) is in
//! libraries of libsys; it is named here, too, so that the kernel finds all of its logic in one place.
//!
//! Nothing here allocates.
#![no_std]
#![forbid(unsafe_code)]

pub use anax_acpi as acpi;
pub use anax_boot::{cmdline, info as bootinfo, memmap};
pub use anax_clock as clock;
pub use anax_elf as elf;
pub use anax_handles as handles;
pub use anax_logring as logring;
pub use anax_lwkt::{cpuset, crossbar, list, preempt, rendezvous, runqueue, twoclass, usched, waitqueue};
pub use anax_mappings as mappings;
pub use anax_portset as portset;
pub use anax_quota::{self as quota, interrupts};
