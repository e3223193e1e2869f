//! Physical frames: a cache on each CPU in front of its node's memory.
//!
//! Taking and giving back a frame touches only this CPU's cache, in constant time; every [`node::BATCH`] frames the cache
//! exchanges a batch with the node. An empty node borrows from the others. Only a CPU touches its own cache.

use core::cell::RefCell;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;
use x86_64::PhysAddr;

use super::layout::{PAGE_SIZE, direct};
use super::node::{BATCH, Chain, Node};
use crate::arch::cpu::{self, InterruptsOff};

/// Nodes the kernel tells apart; memory of further ones is counted to the last.
pub(crate) const MAX_NODES: usize = 16;

static NODES: [Node; MAX_NODES] = [const { Node::new() }; MAX_NODES];
#[cfg(feature = "test")]
static DOUBLE_FREE: Once<ledger::Ledger> = Once::new();
static READY: Once<()> = Once::new();
/// Frames neither in use nor promised. What a user causes to be taken is promised first, and so is the heap's growth.
static UNPROMISED: AtomicU64 = AtomicU64::new(0);
/// Frames never promised, for each CPU: its cache can hold so many back from the others.
const HELD_BACK: u64 = 2 * BATCH as u64;

/// NUMA node of a CPU or of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u8);

impl NodeId {
    /// Node 0, which always exists.
    pub(crate) const FIRST: Self = Self(0);

    /// The `index`th node, or the last the kernel knows.
    pub(crate) fn new(index: usize) -> Self {
        Self(index.min(MAX_NODES - 1) as u8)
    }

    /// Its index.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Single free frames of one CPU: at most two batches, so that a CPU that takes and gives in turn stays off the node.
pub(crate) struct FrameCache {
    inner: RefCell<Cached>,
}

struct Cached {
    /// Frames are taken from and given to this chain.
    active: Chain,
    active_count: usize,
    /// A full batch, or none.
    spare: Option<Chain>,
}

impl FrameCache {
    /// An empty cache.
    pub(crate) const fn new() -> Self {
        Self { inner: RefCell::new(Cached { active: Chain::new(), active_count: 0, spare: None }) }
    }
}

/// Gives memory to a node at boot.
///
/// # Safety
/// As [`Node::add`].
pub(crate) unsafe fn add(node: NodeId, start: PhysAddr, end: PhysAddr) {
    // SAFETY: by the caller's promise.
    unsafe { NODES[node.index()].add(start, end) };
}

/// All memory has been added: allocation may begin. `highest` is the end of the highest usable memory.
pub(crate) fn finish_boot(highest: PhysAddr) {
    READY.call_once(|| ());
    open_ledger(highest);
    UNPROMISED.store(usage().1 / PAGE_SIZE, Ordering::Release);
}

/// From here on it is noted which frames are taken.
#[cfg(feature = "test")]
fn open_ledger(highest: PhysAddr) {
    let frames = highest.as_u64() / PAGE_SIZE;
    let pages = (frames.div_ceil(64) * 8).div_ceil(PAGE_SIZE) as usize;
    if let Some(block) = nearest(NodeId::FIRST).find_map(|node| NODES[node].take_block(pages)) {
        // SAFETY: just taken, `pages` long, in the direct map; zeroed before use.
        DOUBLE_FREE.call_once(|| unsafe { ledger::Ledger::new(direct(block), pages) });
    }
}

#[cfg(not(feature = "test"))]
fn open_ledger(_: PhysAddr) {}

/// What is noted of a frame.
#[cfg(feature = "test")]
fn note(frame: PhysAddr, what: fn(&ledger::Ledger, PhysAddr)) {
    if let Some(ledger) = DOUBLE_FREE.get() {
        what(ledger, frame);
    }
}

/// Frames that are sure to be there when they are taken. Dropping it gives the promise back.
#[must_use = "a promise that is dropped is given back"]
pub(crate) struct Promise(u64);

impl Promise {
    /// The frames are taken now or later, and the promise goes back with [`forgive`] when they have been given back.
    pub(crate) fn keep(mut self) {
        self.0 = 0;
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        forgive(self.0);
    }
}

/// Promises `count` frames: [`take`] will find them, whoever else takes what was promised to him; `None` if there are not
/// that many left. Any CPU.
pub(crate) fn promise(count: u64) -> Option<Promise> {
    let floor = HELD_BACK * crate::percpu::count() as u64;
    let after = |left: u64| left.checked_sub(count).filter(|rest| *rest >= floor);
    UNPROMISED.fetch_update(Ordering::AcqRel, Ordering::Relaxed, after).ok().map(|_| Promise(count))
}

/// Takes back a promise that was kept, after its frames have been given back.
pub(crate) fn forgive(count: u64) {
    UNPROMISED.fetch_add(count, Ordering::AcqRel);
}

/// Frames that could be promised.
#[cfg(feature = "test")]
pub(crate) fn unpromised() -> u64 {
    UNPROMISED.load(Ordering::Acquire)
}

/// A frame with whatever was in it, from this CPU's node where possible; `None` when memory is exhausted. Any thread.
#[inline]
pub(crate) fn take() -> Option<PhysAddr> {
    let _off = InterruptsOff::new();
    let cpu = crate::percpu::this();
    let mut cached = cpu.frames.inner.borrow_mut();
    let frame = match cached.active.pop() {
        Some(frame) => {
            cached.active_count -= 1;
            frame
        }
        None => refill(&mut cached, cpu.node())?,
    };
    #[cfg(feature = "test")]
    note(frame, ledger::Ledger::taken);
    Some(frame)
}

/// A frame full of zeroes.
pub(crate) fn take_zeroed() -> Option<PhysAddr> {
    let frame = take()?;
    // SAFETY: the frame is ours and in the direct map.
    unsafe { cpu::clear_page(direct(frame).as_mut_ptr()) };
    Some(frame)
}

/// Takes a frame back.
///
/// # Safety
/// It came from [`take`] or [`take_zeroed`], and no one uses it: not even another CPU's TLB.
#[inline]
pub(crate) unsafe fn give(frame: PhysAddr) {
    let _off = InterruptsOff::new();
    #[cfg(feature = "test")]
    note(frame, ledger::Ledger::given);
    let cpu = crate::percpu::this();
    let mut cached = cpu.frames.inner.borrow_mut();
    if cached.active_count == BATCH {
        let full = core::mem::replace(&mut cached.active, Chain::new());
        cached.active_count = 0;
        if let Some(spare) = cached.spare.replace(full) {
            NODES[cpu.node().index()].give_batch(spare);
        }
    }
    cached.active.push(frame);
    cached.active_count += 1;
}

#[cold]
fn refill(cached: &mut Cached, node: NodeId) -> Option<PhysAddr> {
    READY.get().expect("frames are taken only after all memory has been added");
    let (mut chain, count) = match cached.spare.take() {
        Some(spare) => (spare, BATCH),
        None => nearest(node).map(|node| NODES[node].take_batch()).find(|(_, count)| *count > 0)?,
    };
    let frame = chain.pop();
    cached.active = chain;
    cached.active_count = count - 1;
    frame
}

/// `count` frames in a row, aligned to their size rounded up to a power of two; a node lock is taken.
pub(crate) fn take_block(count: usize) -> Option<PhysAddr> {
    nearest(crate::percpu::this().node()).find_map(|node| NODES[node].take_block(count))
}

/// Takes a block back into the node of this CPU.
///
/// # Safety
/// It came from [`take_block`] with the same count, and no one uses it.
pub(crate) unsafe fn give_block(start: PhysAddr, count: usize) {
    // SAFETY: by the caller's promise. Which node gets it matters little: blocks are rarely given back.
    unsafe { NODES[crate::percpu::this().node().index()].give_block(start, count) };
}

/// Bytes of all nodes, and bytes free in them; what the CPUs' caches hold counts as used.
pub(crate) fn usage() -> (u64, u64) {
    NODES.iter().map(Node::usage).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
}

/// This node first, then the others.
fn nearest(node: NodeId) -> impl Iterator<Item = usize> {
    let own = node.index();
    core::iter::once(own).chain((0..MAX_NODES).filter(move |other| *other != own))
}

/// One bit a frame, set while it is handed out singly: finds a frame given back twice, or never taken.
#[cfg(feature = "test")]
mod ledger {
    use core::sync::atomic::{AtomicU64, Ordering};

    use x86_64::{PhysAddr, VirtAddr};

    use super::PAGE_SIZE;

    pub(super) struct Ledger(&'static [AtomicU64]);

    impl Ledger {
        /// # Safety
        /// `pages` pages at `start` are the ledger's for ever.
        pub(super) unsafe fn new(start: VirtAddr, pages: usize) -> Self {
            let words = pages * PAGE_SIZE as usize / 8;
            // SAFETY: by the caller's promise; zero is a valid AtomicU64.
            unsafe {
                start.as_mut_ptr::<u64>().write_bytes(0, words);
                Self(core::slice::from_raw_parts(start.as_ptr(), words))
            }
        }

        fn place(&self, frame: PhysAddr) -> (&AtomicU64, u64) {
            let index = frame.as_u64() / PAGE_SIZE;
            (&self.0[(index / 64) as usize], 1 << (index % 64))
        }

        pub(super) fn taken(&self, frame: PhysAddr) {
            let (word, bit) = self.place(frame);
            let before = word.fetch_or(bit, Ordering::Relaxed);
            assert!(before & bit == 0, "frame {:#x} was handed out twice", frame.as_u64());
        }

        pub(super) fn given(&self, frame: PhysAddr) {
            let (word, bit) = self.place(frame);
            let before = word.fetch_and(!bit, Ordering::Relaxed);
            assert!(before & bit != 0, "frame {:#x} was given back twice, or never taken", frame.as_u64());
        }
    }
}
