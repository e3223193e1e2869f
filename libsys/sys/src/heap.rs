//! The heap: `talc` over regions that are made when it needs more, and [`shelves`] of small blocks before it.
//!
//! Regions are lazy: what of a step is never touched costs quota, not memory. The heap does not shrink. Where there is no more
//! memory to be had, an allocation fails, which in most Rust code is a panic that says so.
//!
//! It is here, at the bottom, because all programs are built together: if one of them asks a library for what needs a heap, that library asks
//! all of them for one. A program that never allocates has none.

mod growth;
#[cfg(anax)]
mod regions;
mod shelves;

use core::alloc::{GlobalAlloc, Layout};
use core::fmt::Debug;
use core::ptr::{NonNull, null_mut};

use talc::DefaultBinning;
use talc::base::binning::Binning;
use talc::base::{CHUNK_UNIT, Talc};
use talc::source::Source;

use crate::lock::Lock;
use growth::Growth;
use shelves::Shelves;

#[cfg(anax)]
#[global_allocator]
static HEAP: Heap<regions::Regions> = Heap::new(regions::Regions);

/// The heap of a program, for all its threads.
struct Heap<M: Memory>(Lock<Inner<M>>);

struct Inner<M: Memory> {
    shelves: Shelves,
    talc: Talc<Grown<M>, DefaultBinning>,
}

// SAFETY: blocks on shelves are the heap's alone, whichever thread has it.
unsafe impl<M: Memory + Send> Send for Inner<M> {}

impl<M: Memory> Heap<M> {
    const fn new(memory: M) -> Self {
        Self(Lock::new(Inner { shelves: Shelves::new(), talc: Talc::new(Grown::new(memory)) }))
    }
}

// SAFETY: each block is either on a shelf or of talc's, or somebody's: it comes from one of them under the lock, and goes back to one by the layout that it was asked for with, from
// which `whole` makes the same layout each time.
unsafe impl<M: Memory> GlobalAlloc for Heap<M> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let mut heap = self.0.lock();
        let found = heap.shelves.take(layout).or_else(|| {
            // SAFETY: not empty, since `layout` is not.
            unsafe { heap.talc.allocate(Shelves::whole(layout)) }
        });
        found.map_or(null_mut(), NonNull::as_ptr)
    }

    #[inline]
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        let mut heap = self.0.lock();
        let Some(block) = NonNull::new(start) else { return };
        // SAFETY: allocated with that layout, as the caller says, and given back now.
        if !unsafe { heap.shelves.put(block, layout) } {
            // SAFETY: the same.
            unsafe { heap.talc.deallocate(start, Shelves::whole(layout)) };
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        let Ok(new) = Layout::from_size_align(bytes, layout.align()) else { return null_mut() };
        let (from, to) = (Shelves::whole(layout), Shelves::whole(new));
        // SAFETY: allocated with `from`, as the caller says.
        if from == to || unsafe { self.0.lock().talc.try_realloc_in_place(start, from, to.size()) } {
            return start;
        }
        // SAFETY: not empty, as the caller says.
        let moved = unsafe { self.alloc(new) };
        if !moved.is_null() {
            // SAFETY: both have so many bytes, and the new one was nobody's; the old one is given back.
            unsafe {
                core::ptr::copy_nonoverlapping(start, moved, layout.size().min(bytes));
                self.dealloc(start, layout);
            }
        }
        moved
    }
}

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
