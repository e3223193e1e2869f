//! Runs command lines: what the build tool sends on the control line, or what a person types at the console.
//!
//! ```text
//! COM2 ── driver `serial` ──▶ Link ──▶ Runner ──▶ init: prepare, start, wait
//! COM1 ── the kernel ───────▶ Editor ──┘   ▲
//!                                          └── what programs print (interface Output), badge = process
//! ```
//!
//! One thread, which waits for nobody above it: a command is begun, and goes on when its program's end, or its time, has come. This is the
//! logic; what it does to the system stands behind [`System`], so that the host can test it.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod commands;
mod editor;
mod file;
mod link;
mod printer;
mod runner;
mod status;
mod system;

pub use editor::{Editor, Typed};
pub use link::{Asked, Link};
pub use printer::{Printer, Sink};
pub use runner::{NOT_FOUND, Runner, SYNTAX};
pub use status::{BROKEN, HANGS, KILLED_BY, explain};
pub use system::{Finish, System};
