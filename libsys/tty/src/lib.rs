//! A terminal line: bytes in, bytes out, in order. Its drivers serve this, whatever the line is made of.
//!
//! Bytes travel in a message's words, up to [`PIECE`] at a time, so that neither side allocates or maps anything for a few characters.
//! Nothing is polled: who reads is answered when there is something, who writes when there is room.
#![no_std]
#![forbid(unsafe_code)]

pub use anax_stream::{PIECE, Piece};

use anax_abi::Error;
use anax_proto::{Caller, Later};
use serde::{Deserialize, Serialize};

/// Bytes that a driver keeps in each direction at most. Those that it has taken to send, and not sent, are lost when it dies.
pub const BUFFER: usize = 4096;

/// What a line has carried and lost since its driver began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Bytes received.
    pub received: u64,
    /// Bytes sent.
    pub sent: u64,
    /// Times that the device had to drop bytes, because nobody fetched them in time.
    pub overruns: u64,
    /// Bytes that came damaged (parity, framing, break), and were dropped.
    pub damaged: u64,
}

/// A terminal line.
#[anax_proto::interface]
pub trait Terminal {
    /// Sends a piece, of which the first `length` bytes count. Answered when it has found room behind all that was written before.
    ///
    /// `BadArgument` for more than [`PIECE`] bytes, `Full` if too many wait for room.
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; 4], later: Later<(), Error>);

    /// The next bytes that came, at least one: how many, and they. Answered when there are some.
    ///
    /// One read waits at a time, the last one: an earlier one ends with `Aborted`, for its reader may have died over it.
    fn read(&mut self, caller: Caller, later: Later<(u8, [u64; 4]), Error>);

    /// Answered when all that was written has left the line. `Full` if too many wait.
    fn drain(&mut self, caller: Caller, later: Later<(), Error>);

    /// What it has carried and lost.
    #[control]
    #[idempotent]
    fn statistics(&mut self) -> Result<Statistics, Error>;
}
