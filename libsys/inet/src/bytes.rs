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
        let mut sum = Sum::default();
        let (mut at, end) = (range.start, range.end.min(self.length()));
        let mut piece = [0; 128];
        while at < end {
            let taken = piece.len().min(end - at);
            self.copy(at, &mut piece[..taken]);
            sum.add(&piece[..taken]);
            at += taken;
        }
        sum.folded()
    }
}

impl Bytes for [u8] {
    fn length(&self) -> usize {
        self.len()
    }

    fn copy(&self, at: usize, into: &mut [u8]) {
        let there = self.get(at..).unwrap_or_default();
        let count = there.len().min(into.len());
        into[..count].copy_from_slice(&there[..count]);
    }
}

/// A sum of 16-bit words in ones' complement (RFC 1071).
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// Adds bytes, which begin a word; an odd one at the end is followed by 0.
    pub fn add(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(2);
        for word in &mut words {
            self.0 += u64::from(u16::from_be_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            self.0 += u64::from(*last) << 8;
        }
    }

    /// Adds a word, or a sum.
    pub fn word(&mut self, word: u16) {
        self.0 += u64::from(word);
    }

    /// In 16 bits.
    #[must_use]
    pub const fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum >> 16 != 0 {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum as u16
    }
}
