//! A guest as a Rust value: describe the machine ([`Spec`]), start it ([`Machine`]), run commands in it and
//! hear what it says ([`Event`]).
//!
//! `cargo xtask run`, the tests and the benchmarks all boot through here, so that a guest that works in one
//! of them works in all, on QEMU and on Bochs, and so that no emulator outlives its tool. Nothing here is
//! judged by sleeping: a machine ends with a message from the guest, with the emulator's end, or at a limit.
#![forbid(unsafe_code)]

mod accel;
mod bochs;
mod child;
mod console;
mod control;
mod courier;
mod ending;
mod endpoint;
mod event;
mod host;
mod iso;
mod machine;
mod qemu;
mod rendezvous;
mod spec;
mod terminal;
mod wiring;

pub use courier::{Courier, Failed, Progress, Told};
pub use ending::{Ending, ExecResult, LOST, PANICKED};
pub use event::Event;
pub use host::find_program;
pub use iso::build_iso;
pub use machine::{Machine, Ready};
pub use rendezvous::{Errand, Guest, News, Rendezvous, guests};
pub use spec::{
    Accel, Acpi, BENCH_CPU, BOCHS_X2APIC, BOCHS_XAPIC, Boot, Chipset, Console, ControlLine, Datagrams,
    Debugger, Emulator, Forward, Limits, Net, Nic, Plugin, Spec, Transport,
};

pub use anax_control::{Outcome, Stream, Verified};
