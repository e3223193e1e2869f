//! What the engine tells.

use crate::{Segment, Tuple};

/// A connection, as long as it lives; no later one has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl ConnectionId {
    /// Its place among its thread's connections, which another one has later.
    #[must_use]
    pub const fn place(self) -> u32 {
        self.index
    }

    /// Which of those that have the place one after the other.
    #[must_use]
    pub const fn generation(self) -> u32 {
        self.generation
    }

    /// As one number.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.index as u64 | (self.generation as u64) << 32
    }

    /// From one.
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self { index: word as u32, generation: (word >> 32) as u32 }
    }
}

/// Who waits for connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ListenerId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

/// Bytes of a segment that was handed in, and where they belong. To be done at once: the engine counts them as there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Whose.
    pub connection: ConnectionId,
    /// The position of the first in the stream.
    pub position: u64,
    /// Which byte of the segment's payload is the first.
    pub from: u32,
    /// How many.
    pub length: u32,
}

impl Place {
    /// The bytes themselves, in the segment as it was parsed.
    #[must_use]
    pub fn of<'a>(&self, segment: &Segment, bytes: &'a [u8]) -> &'a [u8] {
        let from = (segment.payload + self.from) as usize;
        bytes.get(from..from + self.length as usize).unwrap_or_default()
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// Both ends have closed it.
    Done,
    /// The other end has reset it.
    Reset,
    /// The other end does not want it.
    Refused,
    /// It did not answer.
    TimedOut,
    /// Its user has aborted it.
    Aborted,
    /// The network says that the other end can't be reached.
    Unreachable,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A connection that was asked for is open.
    Connected(ConnectionId),
    /// One has come in.
    Accepted {
        /// To whom.
        listener: ListenerId,
        /// It.
        connection: ConnectionId,
        /// Its ends.
        tuple: Tuple,
    },
    /// All bytes before this position have been placed.
    Received {
        /// Whose.
        connection: ConnectionId,
        /// Behind the last.
        upto: u64,
    },
    /// All bytes before this position are the other end's: nobody asks for them again.
    Acknowledged {
        /// Whose.
        connection: ConnectionId,
        /// Behind the last.
        upto: u64,
    },
    /// The other end sends nothing any more.
    PeerClosed(ConnectionId),
    /// The connection is no more, and its number neither.
    Ended {
        /// It.
        connection: ConnectionId,
        /// How.
        how: Closed,
    },
}
