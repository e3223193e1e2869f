//! Kernel stacks, each in an address slot of its own with an unmapped guard page below.

use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Error;
use x86_64::VirtAddr;

use super::layout::{PAGE_SIZE, STACKS, STACKS_SIZE};
use super::window;

/// Usable pages of a stack: 16 KiB.
const PAGES: u64 = 4;
/// Address space of a stack, guard included.
const SLOT: u64 = 2 * PAGES * PAGE_SIZE;

static NEXT: AtomicU64 = AtomicU64::new(STACKS);

/// A fresh kernel stack: the first address above it. It is never unmapped: threads that end leave theirs to the next.
///
/// # Errors
/// `NoMemory`, or no address space.
pub(crate) fn make() -> Result<VirtAddr, Error> {
    let slot = NEXT.fetch_add(SLOT, Ordering::Relaxed);
    if slot + SLOT > STACKS + STACKS_SIZE {
        return Err(Error::NoMemory);
    }
    let bottom = VirtAddr::new_truncate(slot + SLOT - PAGES * PAGE_SIZE);
    window::back(bottom, PAGES).map_err(|_| Error::NoMemory)?;
    Ok(bottom + PAGES * PAGE_SIZE)
}

/// Writes `value` to the topmost word of the free stack that ends at `top`, and returns the address below it that still
/// aligns to 16: where an interrupt stack begins whose entry code wants to find its CPU.
pub(crate) fn with_top_word(top: VirtAddr, value: u64) -> VirtAddr {
    let word = top - 16u64;
    // SAFETY: inside the stack, which by the caller's word nobody uses yet.
    unsafe { word.as_mut_ptr::<u64>().write(value) };
    word
}

/// Whether `address` lies in the guard below some stack: a page fault there is a stack overflow.
pub(crate) fn is_guard(address: u64) -> bool {
    (STACKS..NEXT.load(Ordering::Relaxed)).contains(&address)
        && (address - STACKS) % SLOT < SLOT - PAGES * PAGE_SIZE
}

/// Whether `address` lies in the mapped part of a stack that exists.
pub(crate) fn is_backed(address: u64) -> bool {
    (STACKS..NEXT.load(Ordering::Relaxed)).contains(&address) && !is_guard(address)
}
