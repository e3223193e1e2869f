//! Where everything lies in a channel's block: the format that both sides and the supervisor agree on.
//!
//! The block is an array of 64-bit words in the machine's byte order (little-endian); a line is eight of them, 64 bytes. Each
//! word that one side writes often has its line to itself, so that the sides' writes don't disturb each other.
//!
//! | line | words | written by |
//! |---|---|---|
//! | 0 | header: magic, version, slot counts (client's in the low half, server's in the high half), epoch | supervisor |
//! | 1 | client-to-server ring: producer position | client |
//! | 2 | client-to-server ring: consumer position | server |
//! | 3 | client-to-server ring: "consumer is asleep", "producer wants room" | set by the one named, cleared by the other |
//! | 4-6 | the same for the server-to-client ring, sides swapped | |
//! | 7 | nothing, zero | |
//! | 8... | the slots of the client-to-server ring, then those of the other: one line, one message each | the producer |
//!
//! A **position** is an epoch in the high half and a free-running index in the low half: full and empty are unambiguous, and a
//! position of an earlier epoch is recognised without another read. A **flag** is an epoch and one bit in the same way. A
//! position or flag of another epoch says nothing: its writer has not arrived in this epoch, or is not alive any more.

use crate::OpenError;

/// Words of a line: 64 bytes.
pub const LINE_WORDS: usize = 8;
/// "ANAXCHAN", read as a little-endian word.
pub const MAGIC: u64 = u64::from_le_bytes(*b"ANAXCHAN");
/// The version that this page describes.
pub const VERSION: u64 = 1;
/// Most slots of a ring.
pub const MAX_SLOTS: u32 = 1 << 16;
/// Lines before the first slot.
pub const CONTROL_LINES: usize = 8;

pub(crate) const MAGIC_WORD: usize = 0;
pub(crate) const VERSION_WORD: usize = 1;
pub(crate) const SLOTS_WORD: usize = 2;
pub(crate) const EPOCH_WORD: usize = 3;

/// The words of one ring, by their numbers in the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingWords {
    /// The producer's position.
    pub producer: usize,
    /// The consumer's position.
    pub consumer: usize,
    /// The flag "the consumer is asleep".
    pub asleep: usize,
    /// The flag "the producer wants room".
    pub room: usize,
    /// The first slot.
    pub slots: usize,
}

/// The two sides of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Asks.
    Client,
    /// Answers.
    Server,
}

impl Side {
    /// The other one.
    #[must_use]
    pub const fn peer(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// How many slots each side's ring has; a power of two from 1 to [`MAX_SLOTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    client: u32,
    server: u32,
}

impl Geometry {
    /// `client` slots for what the client sends and `server` slots for what the server sends.
    ///
    /// # Errors
    /// [`OpenError::Geometry`] if one is no power of two, or more than [`MAX_SLOTS`].
    pub const fn new(client: u32, server: u32) -> Result<Self, OpenError> {
        if client.is_power_of_two() && server.is_power_of_two() && client <= MAX_SLOTS && server <= MAX_SLOTS
        {
            Ok(Self { client, server })
        } else {
            Err(OpenError::Geometry)
        }
    }

    /// Slots of the ring that `side` sends on.
    #[must_use]
    pub const fn slots(self, side: Side) -> u32 {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Words of memory for the whole channel.
    #[must_use]
    pub const fn words(self) -> usize {
        (CONTROL_LINES + self.client as usize + self.server as usize) * LINE_WORDS
    }

    /// Bytes of memory for the whole channel.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.words() * size_of::<u64>()
    }

    /// Where the ring lies that `side` sends on.
    #[must_use]
    pub const fn ring(self, side: Side) -> RingWords {
        let (line, slots) = match side {
            Side::Client => (1, CONTROL_LINES),
            Side::Server => (4, CONTROL_LINES + self.client as usize),
        };
        RingWords {
            producer: line * LINE_WORDS,
            consumer: (line + 1) * LINE_WORDS,
            asleep: (line + 2) * LINE_WORDS,
            room: (line + 2) * LINE_WORDS + 1,
            slots: slots * LINE_WORDS,
        }
    }

    pub(crate) const fn to_word(self) -> u64 {
        pair(self.server, self.client)
    }

    pub(crate) const fn from_word(word: u64) -> Result<Self, OpenError> {
        Self::new(low(word), high(word))
    }
}

/// Which pair of peers a channel connects: moves on when one of them is replaced. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Epoch(u32);

impl Epoch {
    /// The first peers.
    pub const FIRST: Self = Self(1);

    /// From a number that the kernel gave; zero is none.
    #[must_use]
    pub const fn from_number(number: u32) -> Option<Self> {
        if number == 0 { None } else { Some(Self(number)) }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one after it. Wraps, past zero.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.0.wrapping_add(1) {
            0 => Self::FIRST,
            number => Self(number),
        }
    }

    /// Whether this one comes after `earlier`: the shorter way round decides.
    #[must_use]
    pub const fn is_after(self, earlier: Self) -> bool {
        self.0.wrapping_sub(earlier.0).cast_signed() > 0
    }
}

/// The flag's one bit.
pub(crate) const SET: u32 = 1;

/// The word for a position or a flag of `epoch`.
pub(crate) const fn stamped(epoch: Epoch, value: u32) -> u64 {
    pair(epoch.0, value)
}

/// The index or flag in `word` if it is of `epoch`; nothing if its writer isn't there.
pub(crate) const fn value_in(epoch: Epoch, word: u64) -> Option<u32> {
    if cfg!(bite = "ring-old-epoch-believed") || high(word) == epoch.0 { Some(low(word)) } else { None }
}

const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn low(word: u64) -> u32 {
    word as u32
}

const fn high(word: u64) -> u32 {
    (word >> 32) as u32
}
