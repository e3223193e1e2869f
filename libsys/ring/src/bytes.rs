//! Bulk data in shared memory: bytes that may change underneath, and so are never a `&[u8]`.
//!
//! What is in such memory is copied out before anything looks at it, and copied in when it is final. All accesses are relaxed
//! atomics of whole words, so that a peer who writes at the same time is a garbled copy and not undefined behaviour; a whole
//! word moves in one instruction. Where a copy begins or ends within a word, the bytes beside it are left alone, even
//! if the peer writes them meanwhile. Order between payload and messages comes from the ring's positions.

use crate::sync::{AtomicU64, Ordering};
use crate::{OutOfRange, Payload, SharedBlock};

const WORD: usize = size_of::<u64>();
/// Bytes that are copied between two places of shared memory at once.
const CHUNK: usize = 512;

/// A range of bytes in shared memory.
#[derive(Clone, Copy, Debug)]
pub struct SharedBytes<'a> {
    words: &'a [AtomicU64],
    /// Bytes before the range in the first word, 0 to 7.
    skip: usize,
    length: usize,
}

/// A run of bytes within one word, or all of it.
struct Piece<'a> {
    word: &'a AtomicU64,
    /// Bytes before it in the word.
    skip: usize,
    length: usize,
}

impl<'a> SharedBytes<'a> {
    /// The whole block.
    #[must_use]
    pub const fn new(block: SharedBlock<'a>) -> Self {
        let words = block.words();
        Self { words, skip: 0, length: words.len() * WORD }
    }

    /// How many bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.length
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.length == 0
    }

    /// `length` bytes from `offset`.
    ///
    /// # Errors
    /// [`OutOfRange`] if they aren't all in this range.
    pub fn part(self, offset: usize, length: usize) -> Result<Self, OutOfRange> {
        let end = offset.checked_add(length).filter(|end| *end <= self.length).ok_or(OutOfRange)?;
        let (first, last) = (self.skip + offset, self.skip + end);
        let words = self.words.get(first / WORD..last.div_ceil(WORD).max(first / WORD)).ok_or(OutOfRange)?;
        Ok(Self { words, skip: first % WORD, length })
    }

    /// The bytes that a descriptor names, this range being its region.
    ///
    /// # Errors
    /// [`OutOfRange`] if they aren't all in this range.
    pub fn payload(self, payload: Payload) -> Result<Self, OutOfRange> {
        payload.end_within(self.length as u64)?;
        let offset = usize::try_from(payload.offset).map_err(|_| OutOfRange)?;
        self.part(offset, payload.length as usize)
    }

    /// Copies from `offset` on into `target`, all of it.
    ///
    /// # Errors
    /// [`OutOfRange`] if there are too few bytes; nothing is copied then.
    pub fn copy_out(self, offset: usize, target: &mut [u8]) -> Result<(), OutOfRange> {
        let (head, middle, tail) = self.part(offset, target.len())?.pieces();
        let mut rest = target;
        if let Some(piece) = head {
            rest = piece.copy_out(rest);
        }
        let (chunks, end) = rest.as_chunks_mut::<WORD>();
        for (chunk, word) in chunks.iter_mut().zip(middle) {
            *chunk = word.load(Ordering::Relaxed).to_le_bytes();
        }
        if let Some(piece) = tail {
            piece.copy_out(end);
        }
        Ok(())
    }

    /// Copies all of `source` to `offset` and on.
    ///
    /// # Errors
    /// [`OutOfRange`] if there are too few bytes; nothing is copied then.
    pub fn copy_in(self, offset: usize, source: &[u8]) -> Result<(), OutOfRange> {
        let (head, middle, tail) = self.part(offset, source.len())?.pieces();
        let mut rest = source;
        if let Some(piece) = head {
            rest = piece.copy_in(rest);
        }
        let (chunks, end) = rest.as_chunks::<WORD>();
        for (chunk, word) in chunks.iter().zip(middle) {
            word.store(u64::from_le_bytes(*chunk), Ordering::Relaxed);
        }
        if let Some(piece) = tail {
            piece.copy_in(end);
        }
        Ok(())
    }

    /// Copies from `from`, `offset` bytes behind its beginning, as much as there is and as fits. Either may change meanwhile; where the two overlap, what
    /// comes out is some mixture.
    pub fn copy_from(self, from: SharedBytes<'_>, offset: usize) {
        let length = from.length.saturating_sub(offset).min(self.length);
        let mut chunk = [0; CHUNK];
        let mut done = 0;
        while done < length {
            let count = CHUNK.min(length - done);
            let chunk = &mut chunk[..count];
            // Both are within.
            let _ = from.copy_out(offset + done, chunk);
            let _ = self.copy_in(done, chunk);
            done += count;
        }
    }

    /// Makes all bytes `value`.
    pub fn fill(self, value: u8) {
        let (head, middle, tail) = self.pieces();
        for piece in [head, tail].into_iter().flatten() {
            piece.copy_in(&[value; WORD]);
        }
        for word in middle {
            word.store(u64::from_le_bytes([value; WORD]), Ordering::Relaxed);
        }
    }

    /// The words before, in and after the middle, which is all whole words.
    fn pieces(self) -> (Option<Piece<'a>>, &'a [AtomicU64], Option<Piece<'a>>) {
        let mut words = self.words;
        let mut left = self.length;
        let mut head = None;
        if self.skip > 0
            && let Some((word, rest)) = words.split_first()
        {
            let length = left.min(WORD - self.skip);
            head = Some(Piece { word, skip: self.skip, length });
            (words, left) = (rest, left - length);
        }
        let (middle, end) = words.split_at_checked(left / WORD).unwrap_or((&[], &[]));
        let tail = end.first().map(|word| Piece { word, skip: 0, length: left % WORD });
        (head, middle, tail)
    }
}

impl Piece<'_> {
    /// Copies out to the beginning of `target`; returns what is left of it.
    fn copy_out<'t>(&self, target: &'t mut [u8]) -> &'t mut [u8] {
        let bytes = self.word.load(Ordering::Relaxed).to_le_bytes();
        let length = self.length.min(target.len());
        let (now, later) = target.split_at_mut(length);
        for (to, from) in now.iter_mut().zip(bytes.iter().skip(self.skip)) {
            *to = *from;
        }
        later
    }

    /// Copies in from the beginning of `source`; returns what is left of it.
    fn copy_in<'s>(&self, source: &'s [u8]) -> &'s [u8] {
        let (now, later) = source.split_at(self.length.min(source.len()));
        let before = self.word.load(Ordering::Relaxed);
        let mut bytes = before.to_le_bytes();
        for (to, from) in bytes.iter_mut().skip(self.skip).zip(now) {
            *to = *from;
        }
        let change = u64::from_le_bytes(bytes) ^ before;
        if cfg!(bite = "ring-bytes-clobbered") {
            self.word.store(u64::from_le_bytes(bytes), Ordering::Relaxed);
        } else {
            // Only the bytes of this piece differ, so whatever a neighbour writes meanwhile stays.
            self.word.fetch_xor(change, Ordering::Relaxed);
        }
        later
    }
}

macro_rules! integers {
    ($($read:ident, $write:ident, $type:ty, $text:literal;)+) => {
        impl SharedBytes<'_> { $(
            #[doc = concat!("Reads ", $text, " at `offset`, at any alignment, little-endian.")]
            ///
            /// One that lies across two words may be half old and half new if the peer writes it meanwhile.
            ///
            /// # Errors
            /// [`OutOfRange`] if it isn't all in this range.
            pub fn $read(self, offset: usize) -> Result<$type, OutOfRange> {
                let mut bytes = [0; size_of::<$type>()];
                self.copy_out(offset, &mut bytes)?;
                Ok(<$type>::from_le_bytes(bytes))
            }

            #[doc = concat!("Writes ", $text, " at `offset`, at any alignment, little-endian.")]
            ///
            /// # Errors
            /// [`OutOfRange`] if it isn't all in this range.
            pub fn $write(self, offset: usize, value: $type) -> Result<(), OutOfRange> {
                self.copy_in(offset, &value.to_le_bytes())
            }
        )+ }
    };
}
integers! {
    read_u8, write_u8, u8, "a byte";
    read_u16, write_u16, u16, "a 16-bit number";
    read_u32, write_u32, u32, "a 32-bit number";
    read_u64, write_u64, u64, "a 64-bit number";
}
