//! The trap: one function an operation, register for register as [`Operation`](anax_abi::Operation)'s table has it.
//!
//! Nothing is checked or interpreted here. Each function is inlined to the instruction and the moves into its registers, since
//! what it costs is a figure that this system is measured by. The safe names for the same are [`Target`](crate::Target) and
//! [`Port`](crate::Port).
//!
//! Those that carry a command to an object are `unsafe`, for one reason: an object may be the kernel's, and some commands
//! change the calling program's memory (unmap it, write into it), which no safe code may do behind the compiler's back.

use anax_abi::{Envelope, WORDS};

#[cfg(not(anax))]
mod host;
#[cfg(anax)]
mod syscall;

#[cfg(not(anax))]
pub use host::*;
#[cfg(anax)]
pub use syscall::*;

/// What is in the registers after a message or a reply has been received.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// Negative: nothing was received, and the other fields mean nothing.
    pub outcome: i64,
    /// Number of the message, 0 for a reply.
    pub number: u64,
    /// Its words.
    pub words: [u64; WORDS],
    /// Badge of a request, token of a reply.
    pub badge: u64,
    /// Command, flags, handles.
    pub envelope: Envelope,
    /// Result of a reply.
    pub result: i64,
    /// The one handle that came along; 0 if it is still to be collected, meaningless if the envelope says that none came.
    pub came: u64,
}

/// What came beside the words of a reply.
#[derive(Clone, Copy, Debug)]
pub struct Arrived {
    /// Command, flags, handles.
    pub envelope: Envelope,
    /// As in [`Incoming`].
    pub came: u64,
}
