//! What a client wants to know of a card.

use anax_abi::WORDS;

use crate::Offers;

/// A hardware address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// Whether there is anybody at the other end of the cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Yes, or the card can't tell.
    Up,
    /// No.
    Down,
}

/// A card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its address.
    pub mac: Mac,
    /// Bytes of the longest frame, without its checksum.
    pub max_frame: u16,
    /// The link.
    pub link: Link,
    /// Empty buffers that the driver can hold.
    pub receive_buffers: u16,
    /// What it does with frames beside sending them.
    pub offers: Offers,
}

impl Link {
    /// For a request's or a reply's word; 0 is "not known".
    pub(crate) const fn to_word(self) -> u64 {
        match self {
            Self::Down => 1,
            Self::Up => 2,
        }
    }

    pub(crate) const fn from_word(word: u64) -> Option<Self> {
        match word {
            1 => Some(Self::Down),
            2 => Some(Self::Up),
            _ => None,
        }
    }
}

impl About {
    /// From a reply's words; any words are something, if perhaps not true.
    #[must_use]
    pub const fn from_words(words: [u64; WORDS]) -> Self {
        let [a, b, c, d, e, f, ..] = words[0].to_le_bytes();
        Self {
            mac: Mac([a, b, c, d, e, f]),
            max_frame: words[1] as u16,
            link: if words[1] >> 16 & 1 == 0 { Link::Down } else { Link::Up },
            receive_buffers: (words[1] >> 32) as u16,
            offers: Offers::from_word(words[2]),
        }
    }

    /// For a reply.
    #[must_use]
    pub const fn to_words(self) -> [u64; WORDS] {
        let [a, b, c, d, e, f] = self.mac.0;
        let link = match self.link {
            Link::Down => 0,
            Link::Up => 1,
        };
        let rest = self.max_frame as u64 | link << 16 | (self.receive_buffers as u64) << 32;
        [u64::from_le_bytes([a, b, c, d, e, f, 0, 0]), rest, self.offers.to_word(), 0, 0]
    }
}
