//! The message: one cache line.

use crate::Error;

/// Words of payload that travel with a message.
pub const WORDS: usize = 5;
/// Handles that travel beside a message, at most.
pub const MAX_HANDLES: usize = 4;

/// A message as it lies in rings and buffers. In a synchronous call the same fields travel in registers.
///
/// Only its current owner may touch it: the sender until it is sent, the target until it is replied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Message {
    /// What is asked; its meaning is the port's.
    pub command: u32,
    /// See [`Flags`].
    pub flags: Flags,
    /// How many handles travel beside it, 0 to [`MAX_HANDLES`].
    pub handles: u8,
    /// Zero.
    pub reserved: u8,
    /// The reply's result: not negative for success, else an [`Error`]'s code.
    pub result: i64,
    /// The sender's own name for the message; comes back unchanged in the reply.
    pub token: u64,
    /// Arguments on the way out, answers on the way back.
    pub words: [u64; WORDS],
}

impl Message {
    /// A request.
    #[must_use]
    pub const fn new(command: u32, words: [u64; WORDS]) -> Self {
        Self { command, flags: Flags::NONE, handles: 0, reserved: 0, result: 0, token: 0, words }
    }

    /// The result as a value: what a successful reply says, or why there is none.
    ///
    /// # Errors
    /// The error that the reply carries; a code that is none of the known ones counts as [`Error::PeerMisbehaved`].
    pub const fn outcome(&self) -> Result<u64, Error> {
        if self.result >= 0 { Ok(self.result.cast_unsigned()) } else { Err(Error::from_code(self.result)) }
    }
}

/// How a message is to be handled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Flags(pub u16);

impl Flags {
    /// Nothing special.
    pub const NONE: Self = Self(0);
    /// Taken before messages without it.
    pub const PRIORITY: Self = Self(1);
    /// May be thrown away by a full port; the sender then gets [`Error::Dropped`].
    pub const DROPPABLE: Self = Self(1 << 1);
    /// Can be aborted: the target receives a separate request and may ignore it.
    pub const ABORTABLE: Self = Self(1 << 2);
    /// This is a reply.
    pub const REPLY: Self = Self(1 << 3);

    /// Whether all of `other`'s flags are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

const _: () = assert!(size_of::<Message>() == 64 && align_of::<Message>() == 64);
