//! Small blocks that were given back, kept by their sizes for whoever wants one next: most of what a program allocates comes and goes with each thing that it does, and is the same again
//! the next time. A block from a shelf costs a tenth of one that has to be found, and one that goes there is not joined with its neighbours.
//!
//! A shelf keeps few blocks: what lies there is joined with nothing, so that what a program needed once would stay apart for ever, and tables could not grow where they are.

use core::alloc::Layout;
use core::ptr::NonNull;

use talc::base::CHUNK_UNIT;

/// Bytes of a block that the allocator underneath keeps for itself.
const TAG: usize = size_of::<usize>();
/// Shelves: blocks of up to 2 KiB, which most tasks are smaller than.
const SHELVES: usize = 64;
/// Blocks on each.
const MOST: usize = 2;

/// A block on a shelf.
struct Block {
    next: Option<NonNull<Block>>,
}

/// One shelf.
struct Shelf {
    first: Option<NonNull<Block>>,
    count: usize,
}

/// All shelves.
pub(super) struct Shelves([Shelf; SHELVES]);

impl Shelves {
    pub(super) const fn new() -> Self {
        Self([const { Shelf { first: None, count: 0 } }; SHELVES])
    }

    /// The shelf for that layout.
    #[inline]
    const fn shelf(layout: Layout) -> usize {
        (layout.size() + TAG - 1) / CHUNK_UNIT
    }

    /// What is asked of the allocator underneath for that layout: all that its block has, if there is a shelf for it.
    #[inline]
    pub(super) const fn whole(layout: Layout) -> Layout {
        let shelf = Self::shelf(layout);
        let size = (shelf + 1) * CHUNK_UNIT - TAG;
        match Layout::from_size_align(size, CHUNK_UNIT) {
            Ok(whole) if shelf < SHELVES && layout.align() <= CHUNK_UNIT => whole,
            _ => layout,
        }
    }

    /// A block for that layout, if there is one.
    #[inline]
    pub(super) fn take(&mut self, layout: Layout) -> Option<NonNull<u8>> {
        if layout.align() > CHUNK_UNIT {
            return None;
        }
        let shelf = self.0.get_mut(Self::shelf(layout))?;
        let block = shelf.first?;
        // SAFETY: `put` has written it, and nobody has had it since.
        shelf.first = unsafe { block.read() }.next;
        shelf.count -= 1;
        Some(block.cast())
    }

    /// Keeps a block; whether there was room.
    ///
    /// # Safety
    /// It was allocated by [`whole`](Self::whole) of that layout, and is the caller's to give away.
    #[inline]
    pub(super) unsafe fn put(&mut self, start: NonNull<u8>, layout: Layout) -> bool {
        if layout.align() > CHUNK_UNIT {
            return false;
        }
        let Some(shelf) = self.0.get_mut(Self::shelf(layout)) else { return false };
        if shelf.count >= MOST {
            return false;
        }
        let block = start.cast::<Block>();
        // SAFETY: the caller's, and all blocks have room for it and are aligned to units.
        unsafe { block.write(Block { next: shelf.first }) };
        shelf.first = Some(block);
        shelf.count += 1;
        true
    }
}
