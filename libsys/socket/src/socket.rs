//! Sockets' names and kinds.

use anax_proto::{Fixed, Reader, Writer};

/// A socket, as long as it lives; no later one of its thread has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Socket {
    /// Its place.
    pub index: u32,
    /// How many had that place before, in 31 bits.
    pub generation: u32,
}

const NAME: u64 = u64::MAX >> 1;

impl Socket {
    const fn word(self) -> u64 {
        (self.index as u64 | (self.generation as u64) << 32) & NAME
    }

    const fn from_word(word: u64) -> Self {
        Self { index: word as u32, generation: ((word & NAME) >> 32) as u32 }
    }
}

/// One word.
impl Fixed for Socket {
    const WORDS: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.word(self.word());
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        from.word().filter(|word| word & !NAME == 0).map(Self::from_word)
    }
}

/// About which socket is asked, and what the program knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// The socket.
    pub socket: Socket,
    /// Whether the program knows that the other end has closed its stream.
    pub knows_end: bool,
}

/// One word.
impl Fixed for Question {
    const WORDS: usize = 1;

    #[inline(always)]
    fn put(self, to: &mut Writer) {
        to.word(self.socket.word() | u64::from(self.knows_end) << 63);
    }

    #[inline(always)]
    fn take(from: &mut Reader) -> Option<Self> {
        let word = from.word()?;
        Some(Self { socket: Socket::from_word(word), knows_end: word & !NAME != 0 })
    }
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Streams: TCP.
    Stream,
    /// Datagrams: UDP.
    Datagram,
}

/// One word.
impl Fixed for Kind {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self as u64);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        match from.word()? {
            0 => Some(Self::Stream),
            1 => Some(Self::Datagram),
            _ => None,
        }
    }
}

/// An option of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Of streams: small segments go out while others are under way (no Nagle): 0 or 1.
    NoDelay,
    /// Of streams: milliseconds without a word after which the other end is asked whether it is there, 0 for never.
    KeepAlive,
    /// Of streams: milliseconds for which data may stay unacknowledged (RFC 9293 3.9.1), 0 for as long as usual.
    UserTimeout,
    /// Of datagrams: whether those to everybody may be sent: 0 or 1.
    Broadcast,
    /// Of datagrams: hops of what is sent, 1 to 255.
    HopLimit,
}

/// One word.
impl Fixed for Choice {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self as u64);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        match from.word()? {
            0 => Some(Self::NoDelay),
            1 => Some(Self::KeepAlive),
            2 => Some(Self::UserTimeout),
            3 => Some(Self::Broadcast),
            4 => Some(Self::HopLimit),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel() {
        let socket = Socket { index: 7, generation: u32::MAX >> 1 };
        for knows_end in [false, true] {
            let mut writer = Writer::default();
            Question { socket, knows_end }.put(&mut writer);
            assert_eq!(
                Question::take(&mut Reader::new(writer.finish())),
                Some(Question { socket, knows_end })
            );
        }
    }
}
