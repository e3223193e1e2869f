//! Runs command lines: what the build tool sends on the control line, or what a person types at the console.
//!
//! ```text
//! COM2 ── driver `serial` ──▶ Link ──▶ Runner ──▶ init: prepare, start, wait
//! COM1 ── the kernel ───────▶ Editor ──┘   ▲
//!                   └──▶ Input ──▶ Streams ─┴── what programs read and print (ByteStream), badge = process and stream
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
mod input;
mod link;
mod runner;
mod streams;
mod system;

pub use editor::{Editor, Typed};
pub use input::{Input, MOST_SHELLS, Pressed};
pub use link::{Asked, Link};
pub use runner::{INTERRUPTED, NOT_FOUND, NOT_STARTED, Runner, SYNTAX};
pub use streams::{Sink, Standard, Streams, badge};
pub use system::{Finish, System};
