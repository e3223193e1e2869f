//! Memory that a device and its driver share, under two names: words here, an opaque address there.
//!
//! The device may write it at any time, like any peer, so it is the same [`SharedBlock`] of atomic words that channels use.

use anax_ring::{AtomicU64, SharedBlock};

/// Where a device finds memory: a bus address, or an address of its own where an IOMMU is. Only the kernel knows which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DmaAddress(u64);

impl DmaAddress {
    /// As the kernel names it.
    #[must_use]
    pub const fn new(address: u64) -> Self {
        Self(address)
    }

    /// For the device's registers and descriptors.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// So many bytes further on; nothing past the end of the address space.
    #[must_use]
    pub const fn checked_add(self, bytes: u64) -> Option<Self> {
        match self.0.checked_add(bytes) {
            Some(address) => Some(Self(address)),
            None => None,
        }
    }
}

/// Memory that is contiguous for the device too, whole cache lines.
#[derive(Clone, Copy, Debug)]
pub struct DmaBlock<'a> {
    words: &'a [AtomicU64],
    start: DmaAddress,
}

impl<'a> DmaBlock<'a> {
    /// Bytes of a cache line: no two parts of a block share one.
    pub const LINE: usize = 64;
    const LINE_WORDS: usize = Self::LINE / size_of::<u64>();

    /// The same memory under both names; nothing if the device's isn't aligned to a line or the last byte has no address.
    #[must_use]
    pub fn new(block: SharedBlock<'a>, start: DmaAddress) -> Option<Self> {
        let words = block.words();
        start.checked_add(size_of_val(words) as u64)?;
        start.0.is_multiple_of(Self::LINE as u64).then_some(Self { words, start })
    }

    /// The words.
    #[must_use]
    pub const fn words(self) -> &'a [AtomicU64] {
        self.words
    }

    /// Where the device finds the first of them.
    #[must_use]
    pub const fn start(self) -> DmaAddress {
        self.start
    }

    /// The first `words` words, as whole lines, and what is left; nothing if there are too few.
    #[must_use]
    pub fn split(self, words: usize) -> Option<(Self, Self)> {
        let words = words.checked_next_multiple_of(Self::LINE_WORDS)?;
        let (first, rest) = self.words.split_at_checked(words)?;
        let next = self.start.checked_add(size_of_val(first) as u64)?;
        Some((Self { words: first, start: self.start }, Self { words: rest, start: next }))
    }

    /// Makes all words zero. While the device is stopped.
    pub fn clear(self) {
        self.words.iter().for_each(|word| word.store(0, core::sync::atomic::Ordering::Relaxed));
    }
}
