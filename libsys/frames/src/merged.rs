//! Frames that a card has put together out of several, up to 64 KiB long: received in several buffers, for a client that has said that it takes them.
//!
//! Each buffer comes back with a reply of its own, one directly behind the other; the first says how many follow. A card that writes its own
//! header before a frame may have to put a part's first bytes where that would be, which is not in the pool: they come with the reply.

use crate::{BUFFER_BYTES, Checked, Internet, MAX_CUT};

/// Bytes of each part but the first that come with the reply, ahead of those in the buffer; all of a shorter one.
pub const HEAD_BYTES: usize = 12;
/// Buffers of the longest frame.
pub const MAX_PARTS: usize = MAX_CUT.div_ceil(BUFFER_BYTES);

/// Which frames of TCP are put together, out of segments that follow each other: offered by a card, taken by a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coalescing {
    /// Those over IPv4.
    pub v4: bool,
    /// Those over IPv6.
    pub v6: bool,
}

impl Coalescing {
    /// None.
    pub const NONE: Self = Self { v4: false, v6: false };

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        (self.v4 || !other.v4) && (self.v6 || !other.v6)
    }

    /// Whether frames over that protocol are.
    #[must_use]
    pub const fn includes(self, internet: Internet) -> bool {
        match internet {
            Internet::V4 => self.v4,
            Internet::V6 => self.v6,
        }
    }

    pub(crate) const fn to_word(self) -> u64 {
        self.v4 as u64 | (self.v6 as u64) << 1
    }

    /// Any word is something, if perhaps not true.
    pub(crate) const fn from_word(word: u64) -> Self {
        Self { v4: word & 1 != 0, v6: word & 2 != 0 }
    }
}

/// What a frame was put together out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coalesced {
    /// TCP over that protocol.
    pub internet: Internet,
    /// Bytes of payload in each segment but the last, 1 or more.
    pub mss: u16,
}

/// What a card says of a frame, or a part of one, in a buffer that it has filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Here it begins.
    First {
        /// What the card thinks of its checksums.
        checked: Checked,
        /// Whether it was several.
        coalesced: Option<Coalesced>,
        /// In so many buffers more it goes on.
        follow: u16,
    },
    /// Here it goes on, with these bytes ahead of those in the buffer, or as many of them as there are bytes in this part.
    Next([u8; HEAD_BYTES]),
}

impl From<Checked> for Arrival {
    fn from(checked: Checked) -> Self {
        Self::First { checked, coalesced: None, follow: 0 }
    }
}

impl Default for Arrival {
    fn default() -> Self {
        Checked::default().into()
    }
}

/// In a reply's first word: not a frame's beginning; it is a coalesced one; over IPv6.
const NEXT: u64 = 1 << 24;
const COALESCED: u64 = 1 << 16;
const V6: u64 = 1 << 17;

impl Arrival {
    /// For a reply's words.
    pub(crate) const fn to_words(self) -> [u64; 3] {
        match self {
            Self::First { checked, coalesced, follow } => {
                let merged = match coalesced {
                    None => 0,
                    Some(Coalesced { internet: Internet::V4, mss }) => COALESCED | (mss as u64) << 48,
                    Some(Coalesced { internet: Internet::V6, mss }) => COALESCED | V6 | (mss as u64) << 48,
                };
                [checked.to_word() | (follow as u64) << 32 | merged, 0, 0]
            }
            Self::Next([a, b, c, d, e, f, g, h, i, j, k, l]) => {
                let first = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                [NEXT, first, u32::from_le_bytes([i, j, k, l]) as u64]
            }
        }
    }

    /// Any words are something, if perhaps not true.
    pub(crate) const fn from_words([word, first, second]: [u64; 3]) -> Self {
        if word & NEXT != 0 {
            let ([a, b, c, d, e, f, g, h], [i, j, k, l]) =
                (first.to_le_bytes(), (second as u32).to_le_bytes());
            return Self::Next([a, b, c, d, e, f, g, h, i, j, k, l]);
        }
        let internet = if word & V6 == 0 { Internet::V4 } else { Internet::V6 };
        let coalesced =
            if word & COALESCED == 0 { None } else { Some(Coalesced { internet, mss: (word >> 48) as u16 }) };
        Self::First { checked: Checked::from_word(word), coalesced, follow: (word >> 32) as u16 }
    }
}
