//! Physical memory of one NUMA node: a buddy allocator for blocks, and a depot of single frames in front of it.
//!
//! The buddy allocator (`buddy_system_allocator`) keeps its free lists inside the free blocks themselves, so it needs no
//! memory of its own, but giving back a single frame searches a list. Single frames therefore move in *batches* of
//! [`BATCH`] between the CPUs' caches and the depot, chained through their own first words: constant time, one lock per
//! batch. They go back to the buddy allocator only when a larger block could not be found.

use core::alloc::Layout;
use core::ptr::NonNull;

use buddy_system_allocator::Heap;
use spin::Mutex;
use x86_64::{PhysAddr, VirtAddr};

use super::layout::{PAGE_SIZE, direct, physical_of_direct};

/// Frames that move between a CPU's cache and its node at a time.
pub(crate) const BATCH: usize = 32;
/// Largest block: 1 GiB.
const ORDERS: usize = 31;

/// Free memory of a node. A cold lock: one taking per [`BATCH`] single frames, or per large block.
pub(crate) struct Node {
    inner: Mutex<Inner>,
}

struct Inner {
    buddy: Heap<ORDERS>,
    depot: Depot,
    total: u64,
}

/// Single free frames as a chain of full batches. Each batch is a [`Chain`]; the second word of a batch's first frame
/// points at the next batch.
struct Depot {
    first: Option<Chain>,
    batches: usize,
}

/// Free frames linked through their first words (addresses in the direct map), ended by zero.
pub(crate) struct Chain {
    head: u64,
}

impl Chain {
    /// No frame.
    pub(crate) const fn new() -> Self {
        Self { head: 0 }
    }

    /// Adds a frame that the caller owns.
    #[inline]
    pub(crate) fn push(&mut self, frame: PhysAddr) {
        let address = direct(frame);
        // SAFETY: a free frame's memory belongs to whoever holds the frame, and the direct map shows it.
        unsafe { address.as_mut_ptr::<u64>().write(self.head) };
        self.head = address.as_u64();
    }

    /// Takes a frame out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<PhysAddr> {
        if self.head == 0 {
            return None;
        }
        let address = VirtAddr::new_truncate(self.head);
        // SAFETY: the chain holds only free frames, written by `push`.
        self.head = unsafe { address.as_ptr::<u64>().read() };
        Some(physical_of_direct(address))
    }
}

impl Node {
    /// A node without memory.
    pub(crate) const fn new() -> Self {
        Self {
            inner: Mutex::new(Inner {
                buddy: Heap::new(),
                depot: Depot { first: None, batches: 0 },
                total: 0,
            }),
        }
    }

    /// Gives the node the frames from `start` to `end`.
    ///
    /// # Safety
    /// They are usable memory, in the direct map, and nobody else's.
    pub(crate) unsafe fn add(&self, start: PhysAddr, end: PhysAddr) {
        let _off = crate::arch::cpu::InterruptsOff::new();
        let mut inner = self.inner.lock();
        // SAFETY: by the caller's promise.
        unsafe { inner.buddy.add_to_heap(direct(start).as_u64() as usize, direct(end).as_u64() as usize) };
        inner.total += end - start;
    }

    /// Up to [`BATCH`] single frames, and how many.
    pub(crate) fn take_batch(&self) -> (Chain, usize) {
        let _off = crate::arch::cpu::InterruptsOff::new();
        let mut inner = self.inner.lock();
        if let Some(batch) = inner.depot.pop() {
            return (batch, BATCH);
        }
        let mut chain = Chain::new();
        // A whole batch as one block is the common case: one split instead of BATCH.
        if let Ok(block) = inner.buddy.alloc(frames(BATCH)) {
            let start = physical_of_direct(VirtAddr::from_ptr(block.as_ptr()));
            for i in (0..BATCH as u64).rev() {
                chain.push(start + i * PAGE_SIZE);
            }
            // The block is never returned as one: its frames come back singly.
            return (chain, BATCH);
        }
        let mut count = 0;
        while count < BATCH
            && let Ok(block) = inner.buddy.alloc(frames(1))
        {
            chain.push(physical_of_direct(VirtAddr::from_ptr(block.as_ptr())));
            count += 1;
        }
        (chain, count)
    }

    /// Takes a full batch back.
    pub(crate) fn give_batch(&self, batch: Chain) {
        let _off = crate::arch::cpu::InterruptsOff::new();
        self.inner.lock().depot.push(batch);
    }

    /// `count` frames in a row, aligned to their size rounded up to a power of two.
    pub(crate) fn take_block(&self, count: usize) -> Option<PhysAddr> {
        let _off = crate::arch::cpu::InterruptsOff::new();
        let mut inner = self.inner.lock();
        let block = inner.buddy.alloc(frames(count)).ok().or_else(|| {
            inner.drain_depot();
            inner.buddy.alloc(frames(count)).ok()
        })?;
        Some(physical_of_direct(VirtAddr::from_ptr(block.as_ptr())))
    }

    /// Takes a block of [`Node::take_block`] back.
    ///
    /// # Safety
    /// The same start and count, and no one uses the block.
    pub(crate) unsafe fn give_block(&self, start: PhysAddr, count: usize) {
        let _off = crate::arch::cpu::InterruptsOff::new();
        let block = NonNull::new(direct(start).as_mut_ptr::<u8>()).expect("the direct map has no address 0");
        // SAFETY: by the caller's promise.
        unsafe { self.inner.lock().buddy.dealloc(block, frames(count)) };
    }

    /// Bytes the node was given, and bytes free in it (not counting the CPUs' caches).
    pub(crate) fn usage(&self) -> (u64, u64) {
        let _off = crate::arch::cpu::InterruptsOff::new();
        let inner = self.inner.lock();
        let free = inner.total - inner.buddy.stats_alloc_actual() as u64
            + inner.depot.batches as u64 * BATCH as u64 * PAGE_SIZE;
        (inner.total, free)
    }
}

impl Inner {
    /// Returns every single frame to the buddy allocator, which joins what it can. Slow, and rare.
    fn drain_depot(&mut self) {
        while let Some(mut batch) = self.depot.pop() {
            while let Some(frame) = batch.pop() {
                let block = NonNull::new(direct(frame).as_mut_ptr::<u8>()).expect("not 0");
                // SAFETY: the depot held it: free, and taken out of the buddy allocator before. That may have been as a
                // part of a larger block, which the buddy allocator does not mind: it keeps no record of blocks in use.
                unsafe { self.buddy.dealloc(block, frames(1)) };
            }
        }
    }
}

impl Depot {
    fn push(&mut self, batch: Chain) {
        let next = self.first.take().map_or(0, |chain| chain.head);
        // SAFETY: the batch's first frame is free and ours; its second word is unused by the chain.
        unsafe { VirtAddr::new_truncate(batch.head).as_mut_ptr::<u64>().add(1).write(next) };
        self.first = Some(batch);
        self.batches += 1;
    }

    fn pop(&mut self) -> Option<Chain> {
        let batch = self.first.take()?;
        // SAFETY: written by `push`.
        let next = unsafe { VirtAddr::new_truncate(batch.head).as_ptr::<u64>().add(1).read() };
        self.first = (next != 0).then_some(Chain { head: next });
        self.batches -= 1;
        Some(batch)
    }
}

fn frames(count: usize) -> Layout {
    let bytes = count.max(1).next_power_of_two() * PAGE_SIZE as usize;
    Layout::from_size_align(bytes, bytes).expect("a power of two")
}
