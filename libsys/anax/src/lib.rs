//! What a program is written with.
//!
//! ```text
//! #![no_std]
//! #![no_main]
//! #![forbid(unsafe_code)]
//!
//! #[anax::main]
//! fn main() -> Result<(), anax::Error> {
//!     log::info!("{} was started with {:?}", anax::name(), anax::arguments());
//!     Ok(())
//! }
//! ```
//!
//! | | |
//! |---|---|
//! | [`main`](macro@main) | the attribute on the program's function, which takes nothing or a `&'static Start`, and returns a [`Status`] |
//! | [`arguments`], [`handle`], [`start`] | what the program was started with |
//! | `alloc` | works: the heap grows by regions |
//! | `log` | goes to the system's log, a panic with a backtrace in names |
//! | [`print!`], [`println!`] | what a program prints: to whoever started it |
//! | [`serve`], [`connect`] | typed services, under the names of the manifest |
//! | [`process`] | other programs |
//! | [`time`], [`random`] | |
//! | [`Owned`], [`Mapping`] | handles and memory that release themselves |
//! | [`lwkt`], [`message`] | the paper's Tables I and II |
#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod backtrace;
mod entry;
mod logger;
pub mod lwkt;
pub mod message;
mod owned;
mod printing;
pub mod process;
pub mod random;
mod service;
pub mod time;

pub use anax_abi::{Error, Handle, Rights};
pub use anax_macros::main;
pub use anax_mapped::Mapping;
pub use anax_startup::Start;
pub use anax_sys::{PANIC_STATUS, Status};
pub use entry::{archive, arguments, handle, name, run, start};
pub use owned::{Object, Owned};
pub use printing::{Out, out};
pub use service::{Service, connect, names, port, serve};
