//! The PC's serial line: a 16550 by I/O ports, its buffers, and who waits for them.
//!
//! ```text
//! reader ◀── inward ◀── FIFO ◀── line        interrupt: something came, or there is room
//! writers ──▶ outward ──▶ FIFO ──▶ line
//! ```
//!
//! A full buffer holds its writer up, or leaves bytes in the device; what the device then drops is counted. The device is looked at when it
//! interrupts, and when somebody asks for something.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod line;
mod uart;

pub use line::{BUFFER, Line, MOST_WAITING};
