//! Bytes of a stream that lie elsewhere than in its ring: in memory that the program has shown to the stream's thread, as a piece of a file's, for as long as a table says that they are there.
//!
//! ```text
//!   stream     … head │      body, from position 200 on      │ head …
//!   ring         bytes   reserved, and not written             bytes
//!   memory               ▲ some of a page cache's region, mapped by the server to be read
//!   table                two words: which pages are there, the memory's number (leases, `anax_files::files`)
//! ```
//!
//! What a piece covers has its place in the ring all the same, so that the ring's bound is the stream's, and the program can still put the bytes there: it has to when the
//! server finds, before it copies them into a frame or behind that, that they are not there any more ([`lost`](crate::Sockets::lost), [`filled`](crate::Sockets::filled)). Nobody holds memory for a
//! piece: it can be taken away at any time.

use anax_proto::{Fixed, Reader, Writer};

use crate::Socket;

/// Memory that a program shows to a thread at most, by places from 0 on.
pub const MOST_SHOWN: u32 = 64;
/// Pieces of a stream that are not acknowledged, at most.
pub const MOST_PIECES: usize = 16;
/// Bytes of memory that is shown at once, at most.
pub const LONGEST_SHOWN: u64 = 8 << 20;

/// Memory in which pieces lie: some of a region, in up to 64 units of which a table's word has a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its number, which the table has beside the bits as long as it stands.
    pub number: u64,
    /// Where it begins in the region.
    pub at: u64,
    /// Bytes of it, [`LONGEST_SHOWN`] at most.
    pub length: u64,
}

/// Three words.
impl Fixed for Stretch {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        [self.number, self.at, self.length].into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(Self { number: from.word()?, at: from.word()?, length: from.word()? })
    }
}

/// Bytes of a stream that lie in memory that was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where in the stream it begins.
    pub from: u64,
    /// Bytes of it.
    pub length: u32,
    /// The memory's place.
    pub place: u32,
    /// Where in the memory it begins.
    pub offset: u32,
    /// Where in the table the first of its two words is.
    pub word: u32,
}

/// Three words.
impl Fixed for Piece {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        to.word(self.from);
        to.word(u64::from(self.length) | u64::from(self.place) << 32);
        to.word(u64::from(self.offset) | u64::from(self.word) << 32);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (start, size, place) = (from.word()?, from.word()?, from.word()?);
        Some(Self {
            from: start,
            length: size as u32,
            place: (size >> 32) as u32,
            offset: place as u32,
            word: (place >> 32) as u32,
        })
    }
}

/// A piece whose bytes are not there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Of which stream.
    pub socket: Socket,
    /// Where in it the piece begins, as the program has said.
    pub from: u64,
}

/// Two words.
impl Fixed for Lost {
    const WORDS: usize = 2;

    fn put(self, to: &mut Writer) {
        self.socket.put(to);
        to.word(self.from);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(Self { socket: Socket::take(from)?, from: from.word()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn travels<T: Fixed + PartialEq + Copy + core::fmt::Debug>(value: T) {
        let mut writer = Writer::default();
        value.put(&mut writer);
        assert_eq!(T::take(&mut Reader::new(writer.finish())), Some(value));
    }

    #[test]
    fn pieces_travel() {
        travels(Stretch { number: u64::MAX, at: 4096, length: 1 });
        let edge = u32::MAX;
        travels(Piece { from: 1 << 40, length: edge, place: 1, offset: edge, word: 2 });
        travels(Piece { from: 0, length: 1, place: edge, offset: 3, word: edge });
        travels(Lost { socket: Socket { index: 5, generation: 6 }, from: 7 });
    }
}
