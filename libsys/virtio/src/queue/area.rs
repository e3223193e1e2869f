//! The queue's memory: where everything lies in it (2.7.5, 2.7.6, 2.7.8), and how it is reached.

use core::sync::atomic::Ordering;

use anax_device::{DmaAddress, DmaBlock};
use anax_ring::AtomicU64;

pub(super) const DESCRIPTOR_NEXT: u64 = 1 << 32;
pub(super) const DESCRIPTOR_WRITE: u64 = 2 << 32;
pub(super) const NEXT_SHIFT: u32 = 48;

/// In the first word of both areas: flags, then the index; below them is nothing.
pub(super) const FLAGS_SHIFT: u32 = 32;
pub(super) const INDEX_SHIFT: u32 = 48;
/// No interrupts, please (2.7.6); no notifications, please (2.7.8). The same bit.
pub(super) const SUPPRESS: u64 = 1 << FLAGS_SHIFT;

/// Bytes from the beginning of the word to the beginning of an area.
pub(super) const AREA_SKIP: u64 = 4;
/// Available entries in a word.
pub(super) const ENTRIES: u16 = 4;
/// So small a queue has no word of the available ring to spare.
pub(super) const LEAST: u16 = 8;

/// Where a queue is, for [`Transport::enable_queue`](crate::Transport::enable_queue).
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub(crate) size: u16,
    pub(crate) descriptors: DmaAddress,
    pub(crate) driver: DmaAddress,
    pub(crate) device: DmaAddress,
}

/// Words of descriptor table, driver area and device area, whole cache lines.
pub(super) const fn areas(size: u16) -> [usize; 3] {
    const LINE: usize = DmaBlock::LINE / size_of::<u64>();
    let size = size as usize;
    [
        (2 * size).next_multiple_of(LINE),
        (1 + size / ENTRIES as usize + 1).next_multiple_of(LINE),
        (1 + size + 1).next_multiple_of(LINE),
    ]
}

/// Whether an index that moved from `old` to `new` passed `event` (`vring_need_event` of 2.7.10).
pub(super) const fn passed(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

#[inline]
pub(super) fn load(block: DmaBlock<'_>, word: usize) -> u64 {
    block.words().get(word).map_or(0, |word: &AtomicU64| word.load(Ordering::Relaxed))
}

#[inline]
pub(super) fn store(block: DmaBlock<'_>, word: usize, value: u64) {
    if let Some(word) = block.words().get(word) {
        word.store(value, Ordering::Relaxed);
    }
}
