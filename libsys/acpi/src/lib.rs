//! What firmware says about the machine: CPUs, interrupt controllers, timers, power, memory nodes.
//!
//! Firmware tables are foreign input. They come damaged from old machines, and a hypervisor can make them say
//! anything; so nothing is believed before it is validated, and whatever fails costs exactly itself: a bad MADT leaves
//! the machine with one CPU, a bad HPET table without an HPET, each with a warning. [`discover`] never fails, never
//! panics, and never reads outside what [`PhysMemory`] lends it.
//!
//! Order of trust: RSDP → XSDT (or RSDT) → each table's length, place and checksum → each entry's length → each value.
//! Only then the `acpi` crate gets to see a table: it supplies the structures, but trusts lengths blindly, and so it is
//! handed validated bytes directly (`view`) instead of walking memory by itself. The SRAT, which the crate's release
//! for stable Rust lacks, the HPET table, whose fields it keeps private, and the sleep state in the DSDT are ours.
//!
//! Sources: ACPI Specification 6.5, chapter 5; IA-PC HPET Specification 1.0a, 3.2.4; PCI Firmware Specification 3.3,
//! 4.1.2.
//!
//! The kernel reads the tables first, for what it needs to start; the device manager needs the rest of them, by
//! the same code. Nothing here allocates. Unsafe code is confined to `view`.
#![cfg_attr(not(feature = "build"), no_std)]
#![deny(unsafe_code)]

mod discover;
mod fadt;
mod hpet;
pub mod image;
mod madt;
mod mcfg;
mod platform;
mod root;
mod sleep;
mod srat;
mod table;
mod view;
mod warning;

pub use discover::discover;
pub use platform::{
    AcpiEnable, CpuEntry, CpuState, Hpet, InterruptOverride, IoApic, Lint, LocalNmi, MAX_CPUS, MAX_IO_APICS,
    MAX_NODES, Misplaced, NmiTarget, NumaMemory, PciSegment, Platform, PmTimer, PmTimerWidth, Polarity,
    PowerOff, Register, Reset, Trigger, Wiring,
};
pub use table::Signature;
pub use warning::{AcpiWarning, EntryProblem, Fault, List, MAX_WARNINGS, Warnings};

/// Physical memory as far as it may hold firmware tables.
pub trait PhysMemory {
    /// The `length` bytes at physical `address`; `Some` only if *all* of them are memory that may hold firmware
    /// tables, is mapped, and does not change while the result is in use. `address + length` does not overflow.
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]>;
}
