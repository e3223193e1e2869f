//! What the counting plugin counts, how it recognises it, and the file in which it says so.
//!
//! The plugin runs inside QEMU and its readers inside `cargo xtask`; the names, the order of the counters, the
//! marker instruction and the file format are what the two must agree on, so they stand here once. Keeping the
//! classifier here as well leaves the plugin itself with nothing but the calls of QEMU's interface, and lets
//! `cargo test` check the rest without an emulator.
#![forbid(unsafe_code)]

mod ask;
mod classify;
mod counter;
mod marker;
mod record;

pub use ask::{answer, ask};
pub use classify::{Class, classify};
pub use counter::{Counter, Counts};
pub use marker::{ADDRESS_SIZE_PREFIX, MARKER_HIGH, MARKER_LENGTH, marker_bytes};
pub use record::{Header, ReadError, Recording, Snapshot, read};
