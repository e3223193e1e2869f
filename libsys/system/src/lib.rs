//! The interfaces of the system's own servers, and the words they share. Each is a trait that its server implements and that yields its clients.
//!
//! | interface | server | for |
//! |---|---|---|
//! | [`Names`] | `servers/names` | who serves what: look up, wait for a restart, publish |
//! | [`Loader`] | `servers/loader` | a program file becomes memory of a space |
//! | [`Processes`] | `servers/init` | start, watch, end; what outlives a server; the machine's end |
//!
//! A process is known by its number, which is never used again: it is the badge of every handle to these servers that the process is given, so each of
//! them knows who asks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod directory;
mod ending;
mod loading;
mod name;

mod process;

pub use directory::{Names, NamesClient, names};
pub use ending::{BROKEN, HANGS, KILLED_BY, explain};
pub use loading::{Loader, LoaderClient, loader};
pub use name::{Name, NameError};
pub use process::{Condition, FAULTED, HUNG, KILLED, Processes, ProcessesClient, Report, Status, processes};
