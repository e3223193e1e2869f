//! The kernel's heap: `buddy_system_allocator` over blocks of frames that it asks for as it grows.
//!
//! Nothing on a message path allocates; the heap holds what objects are made of. Exhaustion is a null pointer to the
//! caller (`try_reserve` sees it as an error), never a panic here.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::NonNull;

use buddy_system_allocator::Heap;
use spin::Mutex;

use super::frames;
use super::layout::{PAGE_SIZE, direct};
use crate::arch::cpu::InterruptsOff;

/// Frames by which the heap grows at least.
const GROWTH: usize = 16;
/// Largest single allocation: 16 MiB. Anything larger is a region, not a kernel object.
const LARGEST: usize = 16 << 20;

struct KernelHeap {
    /// A cold lock: creation and destruction of objects.
    inner: Mutex<Heap<25>>,
}

#[global_allocator]
static HEAP: KernelHeap = KernelHeap { inner: Mutex::new(Heap::new()) };

// SAFETY: the buddy allocator hands out disjoint blocks of at least the layout's size and alignment, under a lock and with
// interrupts off, so that an interrupt of this CPU cannot find the lock taken.
unsafe impl GlobalAlloc for KernelHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.size() > LARGEST || layout.align() > PAGE_SIZE as usize {
            return core::ptr::null_mut();
        }
        let _off = InterruptsOff::new();
        let mut heap = self.inner.lock();
        if let Ok(block) = heap.alloc(layout) {
            return block.as_ptr();
        }
        let wanted =
            layout.size().next_power_of_two().div_ceil(PAGE_SIZE as usize).max(GROWTH).next_power_of_two();
        let Some(promise) = frames::promise(wanted as u64) else { return core::ptr::null_mut() };
        let Some(block) = frames::take_block(wanted) else { return core::ptr::null_mut() };
        promise.keep();
        let start = direct(block).as_u64() as usize;
        // SAFETY: the block is fresh, ours for ever, and in the direct map.
        unsafe { heap.add_to_heap(start, start + wanted * PAGE_SIZE as usize) };
        heap.alloc(layout).map_or(core::ptr::null_mut(), NonNull::as_ptr)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _off = InterruptsOff::new();
        if let Some(block) = NonNull::new(pointer) {
            // SAFETY: by the caller's promise it came from `alloc` with this layout.
            unsafe { self.inner.lock().dealloc(block, layout) };
        }
    }
}

/// Bytes in use, and bytes the heap holds.
#[cfg(feature = "test")]
pub(crate) fn usage() -> (usize, usize) {
    let _off = InterruptsOff::new();
    let heap = HEAP.inner.lock();
    (heap.stats_alloc_actual(), heap.stats_total_bytes())
}
