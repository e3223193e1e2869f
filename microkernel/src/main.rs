//! The Anax microkernel: threads, messages, memory, interrupts and time, and nothing else.
//!
//! This crate is the part that touches the machine; logic that needs none lives in `microkernel-core`, where it is tested
//! on the host. All assembly, registers and table bits are in `arch`. `start` is the way from the loader to the first
//! thread and the place to begin reading.
#![no_std]
#![no_main]
// Giving memory back, waking CPUs and reading statistics have no user yet but the tests.
#![cfg_attr(
    not(feature = "test"),
    allow(dead_code, unused_imports, reason = "exercised by the tests until user-land needs it")
)]

extern crate alloc;

/// Checks an invariant in test kernels and in unoptimised ones; costs nothing in the others.
macro_rules! invariant {
    ($($condition:tt)+) => {
        if cfg!(any(debug_assertions, feature = "test")) {
            assert!($($condition)+);
        }
    };
}

mod arch;
mod backtrace;
mod boot;
mod calls;
mod cap;
mod channel;
mod console;
mod crossbar;
mod dump;
mod firmware;
mod interrupt;
mod irq;
#[cfg(feature = "test")]
mod ktest;
mod lwkt;
mod mm;
mod msg;
mod object;
mod panic;
mod percpu;
#[cfg(feature = "test")]
mod runner;
mod smp;
mod start;
mod time;
mod trace;
mod user;
mod vm;
