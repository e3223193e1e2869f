//! Where a program maps what may lie anywhere.
//!
//! The kernel would put each thing behind the last one, at the same addresses in each run. A program that was started with a seed chooses by itself,
//! from a beginning that nobody knows, so that a wrong pointer, or somebody who can make one, finds nothing by luck.

use core::sync::atomic::{AtomicU64, Ordering};

/// Addresses that are chosen from: above what the kernel chooses, below the stacks.
const FIRST: u64 = 0x1000_0000_0000;
const RANGE: u64 = 0x5000_0000_0000;
const PAGE: u64 = 4096;

/// The next place; 0 as long as the kernel chooses.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Chooses from now on; a seed of 0 leaves it to the kernel.
pub fn begin(seed: u64) {
    if seed != 0 {
        NEXT.store(FIRST + seed % RANGE / PAGE * PAGE, Ordering::Relaxed);
    }
}

/// A place for so many bytes, with a page free before it; 0 if the kernel is to choose.
pub(crate) fn choose(bytes: u64) -> u64 {
    if NEXT.load(Ordering::Relaxed) == 0 {
        return 0;
    }
    let pages = bytes.div_ceil(PAGE).saturating_add(1);
    let start = NEXT.fetch_add(pages.saturating_mul(PAGE), Ordering::Relaxed);
    if start < FIRST + RANGE { start + PAGE } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_do_not_touch() {
        assert_eq!(choose(1), 0);
        begin(0);
        assert_eq!(choose(1), 0);
        begin(12_345_678_901);
        let (first, second, third) = (choose(1), choose(PAGE + 1), choose(1));
        assert!(first > FIRST && first % PAGE == 0);
        assert_eq!((second - first, third - second), (2 * PAGE, 3 * PAGE));
    }
}
