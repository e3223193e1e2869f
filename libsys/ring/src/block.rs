//! The channel's memory as an array of atomic words: the only place that touches a raw pointer.
//!
//! Everything above works on `&[AtomicU64]`, so it needs no unsafe code, can be tested on an ordinary array and runs under
//! the model checker, which brings its own atomics. Only whole words are ever accessed: no two accesses to the same memory
//! have different sizes.

use crate::OpenError;
use crate::layout::LINE_WORDS;
use crate::sync::AtomicU64;

/// One message's place.
pub(crate) type Slot = [AtomicU64; LINE_WORDS];

/// Memory that is shared with somebody who may write anything in it at any time.
#[derive(Clone, Copy, Debug)]
pub struct SharedBlock<'a> {
    words: &'a [AtomicU64],
}

impl<'a> SharedBlock<'a> {
    /// Memory that is seen as atomic words already.
    #[must_use]
    pub const fn from_words(words: &'a [AtomicU64]) -> Self {
        Self { words }
    }

    /// Mapped memory, from its first byte and its length in bytes.
    ///
    /// # Errors
    /// [`OpenError::Misaligned`] if it doesn't begin on a cache line of 64 bytes, or isn't a whole number of words.
    ///
    /// # Safety
    /// For all of `'a` the memory stays mapped, readable and writable (a mapping that is taken away by force is replaced by
    /// zero pages, not by a hole), and this program accesses it through such blocks only. What others do with it doesn't
    /// matter.
    #[cfg(not(loom))]
    #[expect(unsafe_code, reason = "shared memory is known by its address")]
    pub unsafe fn from_raw(start: core::ptr::NonNull<u8>, bytes: usize) -> Result<Self, OpenError> {
        let words = start.cast::<AtomicU64>();
        let line = LINE_WORDS * size_of::<u64>();
        let whole = bytes.is_multiple_of(size_of::<u64>()) && bytes <= isize::MAX as usize;
        if !whole || !start.addr().get().is_multiple_of(line) {
            return Err(OpenError::Misaligned);
        }
        // SAFETY: aligned and of legal size, as just checked; mapped for `'a` and accessed by atomics only, as the caller
        // promises. Atomics are what a change from outside is allowed to happen to.
        Ok(Self { words: unsafe { core::slice::from_raw_parts(words.as_ptr(), bytes / size_of::<u64>()) } })
    }

    /// Under the model checker memory is its own, and none is mapped.
    ///
    /// # Errors
    /// [`OpenError::Misaligned`].
    ///
    /// # Safety
    /// None is needed.
    #[cfg(loom)]
    #[expect(unsafe_code, reason = "as the other one")]
    pub const unsafe fn from_raw(_: core::ptr::NonNull<u8>, _: usize) -> Result<Self, OpenError> {
        Err(OpenError::Misaligned)
    }

    /// The words.
    #[must_use]
    pub const fn words(self) -> &'a [AtomicU64] {
        self.words
    }

    pub(crate) fn word(self, number: usize) -> Result<&'a AtomicU64, OpenError> {
        self.words.get(number).ok_or(OpenError::TooSmall)
    }

    pub(crate) fn slots(self, first_word: usize, count: u32) -> Result<&'a [Slot], OpenError> {
        let words = (count as usize).checked_mul(LINE_WORDS).ok_or(OpenError::TooSmall)?;
        let end = first_word.checked_add(words).ok_or(OpenError::TooSmall)?;
        let (slots, _) = self.words.get(first_word..end).ok_or(OpenError::TooSmall)?.as_chunks();
        Ok(slots)
    }
}
