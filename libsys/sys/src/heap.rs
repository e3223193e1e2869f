//! The heap: `talc` over regions of this program, which grows as it is used and never shrinks.
//!
//! Regions are lazy: what is not touched costs a reservation of the quota and no memory. It is here, at the bottom, because all programs are
//! built together: if one of them asks a library for what needs a heap, that library asks all of them for one. A program that uses none has none.

use core::alloc::Layout;
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Rights;
use talc::TalcLock;
use talc::base::Talc;
use talc::base::binning::Binning;
use talc::source::Source;

use crate::lock::RawLock;
use crate::object::{RegionKind, Space};

/// The first region; each further one is twice as large, up to the largest.
const FIRST: u64 = 64 << 10;
const LARGEST: u64 = 1 << 20;
const PAGE: u64 = 4096;

#[global_allocator]
static HEAP: TalcLock<RawLock, Regions> = TalcLock::new(Regions);

/// Where its memory comes from.
#[derive(Debug)]
struct Regions;

/// Bytes of the next region.
static NEXT: AtomicU64 = AtomicU64::new(FIRST);

// SAFETY: it touches the allocator only as it is handed in, and allocates nothing itself.
unsafe impl Source for Regions {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        let usual = NEXT.load(Ordering::Relaxed);
        // Beside the bytes and their alignment the allocator needs some of its own.
        let needed = (layout.size() as u64).checked_add(layout.align() as u64 + 2 * PAGE).ok_or(())?;
        let bytes = needed.max(usual).checked_next_multiple_of(PAGE).ok_or(())?;
        let region = Space::SELF.create_region(bytes, RegionKind::Lazy).map_err(drop)?;
        let mapped = Space::SELF.map(region, 0, bytes, Rights::READ.with(Rights::WRITE));
        // The mapping keeps the memory.
        let _ = Space::SELF.close(region.handle());
        let start = core::ptr::with_exposed_provenance_mut(mapped.map_err(drop)? as usize);
        NEXT.store((2 * usual).min(LARGEST), Ordering::Relaxed);
        // SAFETY: mapped just now, for good, at a place that nobody else knows.
        unsafe { talc.claim(start, bytes as usize) }.map(drop).ok_or(())
    }
}
