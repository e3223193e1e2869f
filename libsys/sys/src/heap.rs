//! The heap: `talc` over regions that are made when it needs more.
//!
//! Regions are lazy: what of a step is never touched costs quota, not memory. The heap does not shrink. Where there is no more
//! memory to be had, an allocation fails, which in most Rust code is a panic that says so.
//!
//! It is here, at the bottom, because all programs are built together: if one of them asks a library for what needs a heap, that library asks
//! all of them for one. A program that never allocates has none.

mod growth;
#[cfg(anax)]
mod regions;

use core::alloc::Layout;
use core::fmt::Debug;
use core::ptr::NonNull;

use talc::base::binning::Binning;
use talc::base::{CHUNK_UNIT, Talc};
use talc::source::Source;

use growth::Growth;

#[cfg(anax)]
#[global_allocator]
static HEAP: talc::TalcLock<crate::lock::Patient, Grown<regions::Regions>> =
    talc::TalcLock::new(Grown::new(regions::Regions));

/// Where memory comes from.
///
/// # Safety
/// What `obtain` returns is memory of so many bytes that is zeroed or not, aligned to a page, and the heap's for good.
unsafe trait Memory: Debug {
    /// So many bytes more, a multiple of a page; none if there are none.
    fn obtain(&mut self, bytes: usize) -> Option<NonNull<u8>>;
}

/// What the allocator asks for more.
#[derive(Debug)]
struct Grown<M> {
    memory: M,
    growth: Growth,
}

impl<M: Memory> Grown<M> {
    const fn new(memory: M) -> Self {
        Self { memory, growth: Growth::new() }
    }

    /// At least `needed` bytes, and how many.
    fn more(&mut self, needed: usize) -> Option<(NonNull<u8>, usize)> {
        self.growth.attempts(needed)?.into_iter().find_map(|bytes| {
            let start = self.memory.obtain(bytes)?;
            self.growth.took(bytes);
            Some((start, bytes))
        })
    }
}

// SAFETY: `acquire` asks the kernel and allocates nothing.
unsafe impl<M: Memory> Source for Grown<M> {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // What the allocator puts around an allocation, and before the very first one.
        let around = 2 * CHUNK_UNIT;
        let before = if talc.is_metadata_established() { 0 } else { talc::min_first_heap_size::<B>() };
        let needed =
            layout.size().checked_add(layout.align()).and_then(|bytes| bytes.checked_add(around + before));
        let (start, bytes) = talc.source.more(needed.ok_or(())?).ok_or(())?;
        // SAFETY: the heap's for good, as `Memory` promises.
        unsafe { talc.claim(start.as_ptr(), bytes) }.map(|_| ()).ok_or(())
    }
}

#[cfg(test)]
mod tests;
