//! What a program links.
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! #![forbid(unsafe_code)]
//!
//! use anax::log;
//!
//! #[anax::main]
//! fn main() -> Result<(), anax::Error> {
//!     log::info!("{} arguments", anax::arguments().len());
//!     Ok(())
//! }
//! ```
//!
//! It stands on `anax-sys`, which has the trap and the kernel's objects, and adds what a program would otherwise have to bring along: a
//! heap, a log, the three standard streams, panics with the names of functions, arguments and named handles, random numbers, and objects that are given up
//! when their owner goes out of scope. All of it begins before `main` is called; nothing has to be set up.
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod backtrace;
pub mod debug;
pub mod device;
mod logging;
pub mod lwkt;
mod mapping;
pub mod message;
pub mod owned;
mod printing;
pub mod process;
pub mod random;
mod refused;
mod service;
mod start;
mod stdin;
pub mod stream;
pub mod time;

pub use anax_macros::main;
pub use anax_startup::{NamedHandle, Start, handles};
pub use anax_sys::lock::{Lock, Patient};
pub use anax_sys::{Error, Handle, Rights, Status, object};
pub use log;
pub use mapping::{Mapping, View};
pub use owned::Owned;
pub use printing::{Out, stderr, stdout};
#[doc(hidden)]
pub use printing::{Printed, print_to};
pub use service::{Service, client, connect, names, port, serve};
#[doc(hidden)]
pub use start::begin;
pub use start::{archive, arguments, environment, handle, name, start, variable};
pub use stdin::{Lines, Stdin, stdin};
