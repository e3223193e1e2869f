//! How datagrams lie in a ring: records one behind the other, each a header and the payload, rounded up to eight bytes.
//!
//! | bytes | |
//! |---|---|
//! | 0..8 | length of the payload, at most [`MOST`] |
//! | 8..32 | with whom: where to, or from; of what is sent, port 0 is the end that the socket is connected to |

use crate::End;
use crate::ring::Ring;

/// Bytes of a record's header.
pub const HEADER: usize = 32;
/// Bytes of the longest payload: what a packet of version 4 can hold.
pub const MOST: usize = 65_507;

/// Bytes of a record with so many of payload.
#[must_use]
pub const fn record(length: usize) -> usize {
    (HEADER + length).next_multiple_of(8)
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of payload.
    pub length: usize,
    /// With whom.
    pub end: Option<End>,
}

impl Header {
    /// Writes it at a position.
    pub fn write(&self, ring: Ring<'_>, position: u64) {
        let mut bytes = [0; HEADER];
        let words = self.end.map_or([0; 3], End::to_words);
        let all = [self.length as u64, words[0], words[1], words[2]];
        for (to, word) in bytes.chunks_exact_mut(8).zip(all) {
            to.copy_from_slice(&word.to_le_bytes());
        }
        ring.write(position, &bytes);
    }

    /// Reads the one at a position, of a record that ends before another one; nothing for what is none.
    #[must_use]
    pub fn read(ring: Ring<'_>, position: u64, before: u64) -> Option<Self> {
        let room = before.checked_sub(position)?;
        if room < HEADER as u64 {
            return None;
        }
        let mut bytes = [0; HEADER];
        ring.read(position, &mut bytes);
        let (words, _) = bytes.as_chunks::<8>();
        let [length, words @ ..] = [words[0], words[1], words[2], words[3]].map(u64::from_le_bytes);
        let length = usize::try_from(length).ok().filter(|length| *length <= MOST)?;
        if record(length) as u64 > room {
            return None;
        }
        let end = if words == [0; 3] { None } else { Some(End::from_words(words)?) };
        Some(Self { length, end })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::net::Ipv4Addr;

    use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn headers_come_back_and_anything_is_none_or_fits(
            position in any::<u64>(), length in 0usize..MOST, garbage in proptest::array::uniform4(any::<u64>())
        ) {
            let words: Vec<AtomicU64> = (0..16_384).map(|_| AtomicU64::new(0)).collect();
            let arena = SharedBytes::new(SharedBlock::from_words(&words));
            let ring = Ring::new(arena, (0, 131_072)).unwrap();
            let position = position / 2;
            let end = Some(End::new(Ipv4Addr::new(10, 0, 0, 1), 53));
            Header { length, end }.write(ring, position);
            let behind = position + record(length) as u64;
            prop_assert_eq!(Header::read(ring, position, behind), Some(Header { length, end }));
            prop_assert_eq!(Header::read(ring, position, behind - 1), None);
            let bytes: Vec<u8> = garbage.iter().flat_map(|word| word.to_le_bytes()).collect();
            ring.write(position, &bytes);
            if let Some(read) = Header::read(ring, position, position + 131_072) {
                prop_assert!(read.length <= MOST);
            }
        }
    }
}
