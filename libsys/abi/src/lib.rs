//! The one contract between the kernel and every program.
//!
//! Everything is a message to a port: a [`Message`] of one cache line names a command, carries five words, and comes back with a
//! result. A [`Handle`] names what it is sent to. Kernel objects are ports that the kernel serves, so a system call is the same
//! message as a request to a server. Bulk data is never in a message: it is a region, an offset and a length.
#![no_std]
#![forbid(unsafe_code)]

mod call;
mod error;
pub mod fault;
mod handle;
mod message;
pub mod object;

pub use call::{Along, Envelope, MessageNumber, Operation};
pub use error::Error;
pub use handle::{Handle, Rights};
pub use message::{Flags, MAX_HANDLES, Message, WORDS};
