//! Bytes that somebody else may change at any time: a frame's in memory that the driver's device writes.
//!
//! So there is no slice of them. Headers are copied out before they are looked at, each byte once; what is then known of a packet are values and ranges.

use core::ops::Range;

/// Bytes that can only be copied.
pub trait Bytes {
    /// How many there are: always the same.
    fn length(&self) -> usize;

    /// Copies those from `at` on. Callers stay within [`length`](Self::length); who implements it fills with anything what lies beyond.
    fn copy(&self, at: usize, into: &mut [u8]);

    /// A fixed number of them, if they are all there.
    fn take<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        let mut taken = [0; N];
        (at.checked_add(N)? <= self.length()).then(|| self.copy(at, &mut taken))?;
        Some(taken)
    }

    /// Their sum in ones' complement, not complemented. Outside of what there is nothing is added.
    fn sum(&self, range: Range<usize>) -> u16 {
        sum_of_copies(self, range)
    }
}

/// [`Bytes::sum`] for those who know no better way than to copy them.
pub fn sum_of_copies<B: Bytes + ?Sized>(bytes: &B, range: Range<usize>) -> u16 {
    let mut sum = Sum::default();
    let (mut at, end) = (range.start, range.end.min(bytes.length()));
    let mut piece = [0; PIECE];
    while at < end {
        let taken = PIECE.min(end - at);
        bytes.copy(at, &mut piece[..taken]);
        sum.add(&piece[..taken]);
        at += taken;
    }
    sum.folded()
}

/// Bytes that are copied at a time to be summed: an even number.
const PIECE: usize = 256;

impl Bytes for [u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn copy(&self, at: usize, into: &mut [u8]) {
        let there = self.get(at..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
    }

    /// These are nobody else's: they are summed where they are.
    fn sum(&self, range: Range<usize>) -> u16 {
        let mut sum = Sum::default();
        sum.add(self.get(range.start..range.end.min(self.len())).unwrap_or_default());
        sum.folded()
    }
}

/// A sum of 16-bit words in ones' complement (RFC 1071).
///
/// It does not depend on the order of bytes within words, but for being swapped itself, nor on how many words are added at a time, as long as each carry comes in
/// again below. So 64 bits are, as the machine has them, and what comes out is swapped at the end: about 2.5 instructions for 8 bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes, which begin a word; an odd one at the end is followed by 0.
    pub fn add(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<64>();
        for block in blocks {
            for word in block.as_chunks().0 {
                self.carry(u64::from_ne_bytes(*word));
            }
        }
        let (words, rest) = rest.as_chunks();
        for word in words {
            self.carry(u64::from_ne_bytes(*word));
        }
        let (words, rest) = rest.as_chunks();
        for word in words {
            self.carry(u16::from_ne_bytes(*word).into());
        }
        if let [last] = rest {
            self.carry(u16::from_ne_bytes([*last, 0]).into());
        }
    }

    /// Adds a word, or a sum.
    pub fn word(&mut self, word: u16) {
        self.carry(word.to_be().into());
    }

    /// Goes on from a sum of 64-bit words as the machine has them.
    #[must_use]
    pub const fn of_words(words: u64) -> Self {
        Self(words)
    }

    fn carry(&mut self, words: u64) {
        let (sum, carry) = self.0.overflowing_add(words);
        self.0 = sum + u64::from(carry);
    }

    /// In 16 bits.
    #[must_use]
    pub const fn folded(self) -> u16 {
        // The upper half of a number and itself with halves exchanged is the halves' sum, the carry out of the lower one included.
        let words = (self.0.wrapping_add(self.0.rotate_left(32)) >> 32) as u32;
        let word = (words.wrapping_add(words.rotate_left(16)) >> 16) as u16;
        u16::from_be(word)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    /// As RFC 1071 defines it.
    fn slowly(bytes: &[u8]) -> u16 {
        let words =
            bytes.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0)));
        let mut sum: u64 = words.sum();
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }

    /// Bytes that can only be copied, as a frame's.
    struct Opaque(Vec<u8>);

    impl Bytes for Opaque {
        fn length(&self) -> usize {
            self.0.len()
        }

        fn copy(&self, at: usize, into: &mut [u8]) {
            self.0.copy(at, into);
        }
    }

    /// Mostly what carries and what is nothing.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![3 => Just(0xff_u8), 2 => Just(0), 2 => any::<u8>()];
        proptest::collection::vec(byte, 0..700)
    }

    proptest! {
        #[test]
        fn it_is_as_defined(bytes in bytes(), from in 0usize..720, to in 0usize..720) {
            let within = bytes.get(from..to.min(bytes.len())).unwrap_or_default();
            prop_assert_eq!(bytes.as_slice().sum(from..to), slowly(within));
            prop_assert_eq!(Opaque(bytes.clone()).sum(from..to), slowly(within));
        }

        #[test]
        fn it_may_be_added_up_of_parts(bytes in bytes(), cuts in proptest::collection::vec(0usize..350, 0..5), word in any::<u16>()) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| (2 * cut).min(bytes.len())).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            let (mut whole, mut parts, mut from) = (bytes.clone(), Sum::default(), 0);
            for (number, to) in cuts.into_iter().enumerate() {
                // By itself, or as the sum that somebody has taken before.
                if number % 2 == 0 || to % 2 == 1 {
                    parts.add(&bytes[from..to]);
                } else {
                    parts.word(bytes.as_slice().sum(from..to));
                }
                from = to;
            }
            parts.word(word);
            if whole.len() % 2 == 1 {
                whole.push(0);
            }
            whole.extend(word.to_be_bytes());
            prop_assert_eq!(parts.folded(), slowly(&whole));
        }
    }
}
