//! Byte streams: what a program reads and writes without knowing what is behind it, a console, a pipe, or a file.
//!
//! ```text
//!  program ── write ──▶ port of whoever serves the stream ◀── read ── program
//!     │                        │  badge: which stream, which end
//!     └── hold ──▶ (a port that nobody listens at) ── its end is told to who serves
//! ```
//!
//! A stream is a handle to a port, with the right to send. One without that right is the *null stream*: what is written there is gone, and there is nothing to
//! read. Beside it there may be a *hold*, a handle that does nothing but be there: when the last copy of an end's hold is gone, by closing or by
//! the death of whoever had it, the other end learns that. Who passes a stream on passes its hold on.
//!
//! A few bytes travel in a message's words ([`Piece`]), many in a region that the client lends along with one message ([`BULK`]). The first wait in
//! the server, the others never do: `ready` waits for them, so that nobody holds a lent region for longer than a copy takes.
//!
//! [`Pipes`] is a server of pipes without its loop, so that the host can test it; programs have it in a thread of their own (`anax::stream::pipe`).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod piece;
mod pipe;
mod pipes;
mod ring;
mod typing;

pub use piece::{PIECE, Piece};
pub use pipe::{CAPACITY, MOST_WAITING};
pub use pipes::{End, Host, Pipes};
pub use typing::Typing;

use anax_abi::Error;
use anax_proto::{Caller, Gift, Later};

/// Most bytes that a lent region carries at once; the server maps no more of it.
pub const BULK: usize = 16 << 10;

/// A stream of bytes, or one end of it: who serves it knows by the badge which.
#[anax_proto::interface]
pub trait ByteStream {
    /// Writes the first `length` bytes of four words, all or none, behind all that was written before. Answered when there was room.
    ///
    /// `PeerDied`: nobody will read them. `BadArgument`: more than [`PIECE`] bytes. `NoRights`: this is an end to read from. `Aborted`: it waited, and
    /// too many others have come since.
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; 4], later: Later<(), Error>);

    /// The next bytes, at least one and at most `most`, or none at the end: how many, and they. Answered when there are some.
    ///
    /// `BadArgument` for 0, `NoRights`: this is an end to write to. `Aborted` as above.
    fn read(&mut self, caller: Caller, most: u8, later: Later<(u8, [u64; 4]), Error>);

    /// Writes some of the first `length` bytes of a region (READ), at most [`BULK`]: how many, at least one.
    ///
    /// `WouldBlock`: there is no room; see [`ready`](Self::ready). `BadArgument`: it is no such region. Others as [`write`](Self::write).
    fn write_from(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error>;

    /// Puts the next bytes, at most `most` and [`BULK`], to the beginning of a region (READ, WRITE): how many, 0 at the end.
    ///
    /// `WouldBlock`: there are none yet. `BadArgument`: it is no such region. Others as [`read`](Self::read).
    fn read_into(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error>;

    /// Answered when reading, or writing, would not wait; also at the end, which these then tell.
    ///
    /// `Aborted` as above.
    fn ready(&mut self, caller: Caller, later: Later<(), Error>);

    /// How what a person types comes to be read, until the program that reads ends.
    ///
    /// `BadCommand`: nobody types here.
    fn typing(&mut self, caller: Caller, how: Typing) -> Result<(), Error>;

    /// Answered when the person who types wants what runs to end: Ctrl-C, Ctrl-\\. As long as somebody waits for that, these keys end nothing by themselves: it is he who has
    /// started what they are to end. Of several, who has asked last is told.
    ///
    /// `BadCommand`: nobody types here. `NoRights`: he types for somebody else. `Aborted` as above.
    fn interrupted(&mut self, caller: Caller, later: Later<(), Error>);
}
