//! Bulk data in shared memory: bytes that may change underneath, and so are never a `&[u8]`.
//!
//! What is in such memory is copied out before anything looks at it, and copied in when it is final. All accesses are the processor's own
//! instructions, or relaxed atomics of whole words, so that a peer who writes at the same time is a garbled copy and not undefined behaviour; an aligned
//! word moves at once. The bytes beside a copy are left alone, even if the peer writes them meanwhile. Order between payload and messages comes from the
//! ring's positions.

use crate::sync::{AtomicU64, Ordering};
use crate::{OutOfRange, Payload, SharedBlock};
use moves::{move_across, move_in, move_out, sum_blocks};

const WORD: usize = size_of::<u64>();
/// Bytes that are summed at once.
const BLOCK: usize = 64;

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
    #[inline]
    pub fn copy_out(self, offset: usize, target: &mut [u8]) -> Result<(), OutOfRange> {
        move_out(self.part(offset, target.len())?, target);
        Ok(())
    }

    /// Copies all of `source` to `offset` and on.
    ///
    /// # Errors
    /// [`OutOfRange`] if there are too few bytes; nothing is copied then.
    #[inline]
    pub fn copy_in(self, offset: usize, source: &[u8]) -> Result<(), OutOfRange> {
        move_in(self.part(offset, source.len())?, source);
        Ok(())
    }

    /// Copies from `from`, `offset` bytes behind its beginning, as much as there is and as fits. Either may change meanwhile; where the two overlap, what
    /// comes out is some mixture.
    #[inline]
    pub fn copy_from(self, from: SharedBytes<'_>, offset: usize) {
        let length = from.length.saturating_sub(offset).min(self.length);
        if let (Ok(from), Ok(to)) = (from.part(offset, length), self.part(0, length)) {
            move_across(from, to);
        }
    }

    /// Adds the 64-bit words that there are, as the machine reads them, to a sum in ones' complement (RFC 1071); what is missing in the last one is zero.
    #[must_use]
    pub fn sum(self, sum: u64) -> u64 {
        let blocks = self.length / BLOCK;
        let mut sum = sum_blocks(self, blocks, sum);
        let mut rest = [0; BLOCK];
        let done = blocks * BLOCK;
        // What is left is less than a block.
        let _ = self.copy_out(done, &mut rest[..self.length - done]);
        for word in rest.as_chunks().0.iter().take((self.length - done).div_ceil(WORD)) {
            let (added, carry) = sum.overflowing_add(u64::from_ne_bytes(*word));
            sum = added + u64::from(carry);
        }
        sum
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

/// The processor's instructions.
#[cfg(all(target_arch = "x86_64", not(any(loom, miri))))]
mod moves {
    #![expect(unsafe_code, reason = "the instructions take addresses")]

    use super::{BLOCK, SharedBytes, WORD};
    use crate::raw;

    /// The first byte.
    const fn start(bytes: SharedBytes<'_>) -> *mut u8 {
        bytes.words.as_ptr().cast_mut().cast::<u8>().wrapping_add(bytes.skip)
    }

    #[inline]
    pub(super) fn move_out(from: SharedBytes<'_>, to: &mut [u8]) {
        // SAFETY: a range lies within its words, which are shared; and `to` is its own and as long.
        unsafe { raw::copy(start(from), to.as_mut_ptr(), from.length.min(to.len())) }
    }

    #[inline]
    pub(super) fn move_in(to: SharedBytes<'_>, from: &[u8]) {
        // SAFETY: as above.
        unsafe { raw::copy(from.as_ptr(), start(to), to.length.min(from.len())) }
        if cfg!(bite = "ring-bytes-clobbered") && !(to.skip + to.length).is_multiple_of(WORD) {
            // SAFETY: the rest of the last word is shared, too.
            unsafe { raw::copy([0].as_ptr(), start(to).wrapping_add(to.length), 1) }
        }
    }

    #[inline]
    pub(super) fn move_across(from: SharedBytes<'_>, to: SharedBytes<'_>) {
        // SAFETY: both are shared, and any mixture will do.
        unsafe { raw::copy(start(from), start(to), from.length.min(to.length)) }
    }

    #[inline]
    pub(super) fn sum_blocks(bytes: SharedBytes<'_>, blocks: usize, sum: u64) -> u64 {
        // SAFETY: as above; no more than there is.
        unsafe { raw::sum(start(bytes), blocks.min(bytes.length / BLOCK), sum) }
    }
}

/// Word by word, for machines and checkers that know of atomics only.
#[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
mod moves {
    use super::{BLOCK, SharedBytes, WORD};
    use crate::sync::Ordering;

    pub(super) fn move_out(from: SharedBytes<'_>, to: &mut [u8]) {
        let (head, middle, tail) = from.pieces();
        let mut rest = to;
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
    }

    pub(super) fn move_in(to: SharedBytes<'_>, from: &[u8]) {
        let (head, middle, tail) = to.pieces();
        let mut rest = from;
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
    }

    pub(super) fn move_across(from: SharedBytes<'_>, to: SharedBytes<'_>) {
        let mut block = [0; BLOCK];
        let length = from.length.min(to.length);
        for at in (0..length).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(length - at)];
            // Both are within.
            let _ = from.copy_out(at, block);
            let _ = to.copy_in(at, block);
        }
    }

    pub(super) fn sum_blocks(bytes: SharedBytes<'_>, blocks: usize, mut sum: u64) -> u64 {
        let mut block = [0; BLOCK];
        for at in 0..blocks {
            let _ = bytes.copy_out(at * BLOCK, &mut block);
            for word in block.as_chunks().0 {
                let (added, carry) = sum.overflowing_add(u64::from_ne_bytes(*word));
                sum = added + u64::from(carry);
            }
        }
        sum
    }
}

impl Piece<'_> {
    /// Copies out to the beginning of `target`; returns what is left of it.
    #[cfg(not(all(target_arch = "x86_64", not(any(loom, miri)))))]
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
