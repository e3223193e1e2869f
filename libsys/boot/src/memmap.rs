//! The physical memory map, whatever boot protocol it came by.
//!
//! Firmware maps are unsorted, ragged and sometimes contradictory. [`MemoryMap::normalise`] turns one into sorted
//! whole pages that cannot overlap, or refuses it: a kernel that hands out a page twice corrupts memory long after
//! the cause is gone. In doubt a page is not usable. All addresses and lengths are physical bytes.

mod error;
mod normalise;
mod tables;

pub use error::MemoryMapError;
pub use tables::{BIOS_AREA, Table, find_root_pointer};

use arrayvec::ArrayVec;
use core::ops::Range;

/// Bytes of a page, the grain of the map.
pub const PAGE: u64 = 4096;
/// Most regions a map holds, before and after rounding and carving.
pub const MAX_REGIONS: usize = 256;

/// What a piece of physical memory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RegionKind {
    /// Free RAM.
    Usable,
    /// Firmware's, devices', or of a kind this kernel does not know.
    Reserved,
    /// RAM with ACPI tables, free once they are read.
    AcpiReclaimable,
    /// RAM that firmware uses across sleep states.
    AcpiNvs,
    /// RAM reported as defective.
    Bad,
    /// The kernel's image.
    Kernel,
    /// What the boot loader left for the kernel: archive, command line, this map's source.
    BootData,
}

/// A region as the boot protocol reported it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawRegion {
    /// First byte.
    pub base: u64,
    /// Bytes; 0 is ignored.
    pub length: u64,
    /// What the boot protocol says it is.
    pub kind: RegionKind,
}

/// A normalised region: whole pages, never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// First byte, page-aligned.
    pub start: u64,
    /// Byte after the last, page-aligned.
    pub end: u64,
    /// What it is.
    pub kind: RegionKind,
}

impl Region {
    /// Bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.end - self.start
    }
}

/// A sorted map of whole pages without overlaps; adjacent regions of one kind are one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryMap {
    regions: ArrayVec<Region, MAX_REGIONS>,
}

impl MemoryMap {
    /// Sorts, checks, rounds and merges what the boot protocol reported.
    ///
    /// Usable memory is rounded inwards, all else outwards, so a page that is only partly usable is not usable.
    /// Overlapping regions of one kind that is not usable are merged.
    ///
    /// # Errors
    /// - [`MemoryMapError::Overlap`]: two regions of different kinds, or two usable ones, share a byte.
    /// - [`MemoryMapError::WrapsAround`]: a region ends at 2^64 or beyond.
    /// - [`MemoryMapError::TooMany`]: more than [`MAX_REGIONS`] regions.
    /// - [`MemoryMapError::NothingUsable`]: no usable page is left.
    pub fn normalise(raw: impl Iterator<Item = RawRegion>) -> Result<Self, MemoryMapError> {
        normalise::normalise(raw).map(|regions| Self { regions })
    }

    /// The regions in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Region> + Clone + '_ {
        self.regions.iter().copied()
    }

    /// Gives the usable pages that `range` touches to `kind`; other pages keep theirs, holes stay holes. Returns how
    /// many bytes changed hands.
    ///
    /// # Errors
    /// [`MemoryMapError::TooMany`] if the pieces do not fit; the map is then unchanged.
    pub fn reserve(&mut self, range: Range<u64>, kind: RegionKind) -> Result<u64, MemoryMapError> {
        if range.is_empty() {
            return Ok(0);
        }
        let taken = normalise::outwards(range.start, range.end);
        let mut changed = 0;
        let mut regions = ArrayVec::new();
        for region in self.iter() {
            let (start, end) = (region.start.max(taken.start), region.end.min(taken.end));
            if region.kind != RegionKind::Usable || start >= end {
                normalise::push(&mut regions, region)?;
                continue;
            }
            changed += end - start;
            normalise::push(&mut regions, Region { end: start, ..region })?;
            normalise::push(&mut regions, Region { start, end, kind })?;
            normalise::push(&mut regions, Region { start: end, ..region })?;
        }
        self.regions = regions;
        Ok(changed)
    }

    /// Whether every byte of `range` lies in regions of the given kinds. An empty range is contained nowhere.
    #[must_use]
    pub fn contains(&self, range: Range<u64>, kinds: &[RegionKind]) -> bool {
        let mut next = range.start;
        for region in self.iter().filter(|region| kinds.contains(&region.kind)) {
            if region.start > next {
                return false;
            }
            next = next.max(region.end);
            if range.end <= next {
                return !range.is_empty();
            }
        }
        false
    }

    /// Whether a page that `range` touches is memory, or may be: what is neither in the map nor reserved there is a device's.
    #[must_use]
    pub fn touches_memory(&self, range: Range<u64>) -> bool {
        let pages = normalise::outwards(range.start, range.end);
        self.iter().any(|region| {
            region.kind != RegionKind::Reserved && region.start < pages.end && pages.start < region.end
        })
    }

    /// Bytes of the given kind.
    #[must_use]
    pub fn total(&self, kind: RegionKind) -> u64 {
        self.iter().filter(|region| region.kind == kind).map(|region| region.length()).sum()
    }

    /// The byte after the last usable one.
    #[must_use]
    pub fn usable_end(&self) -> u64 {
        self.iter().rev().find(|region| region.kind == RegionKind::Usable).map_or(0, |region| region.end)
    }

    /// The highest usable page that ends at or below `below`, never page 0 (the BIOS keeps its data there).
    ///
    /// Other CPUs start in real mode and need such a page below 1 MiB. The page is not marked as taken: `reserve` it.
    #[must_use]
    pub fn find_low_page(&self, below: u64) -> Option<u64> {
        self.iter()
            .rev()
            .filter(|region| region.kind == RegionKind::Usable)
            .map(|region| (region.start.max(PAGE), region.end.min(below) & !(PAGE - 1)))
            .find(|(start, end)| start < end)
            .map(|(_, end)| end - PAGE)
    }
}
