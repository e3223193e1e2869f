//! From a raw map to a normal one: sort, refuse contradictions, round to pages, merge.
//!
//! Contradictions are judged before rounding, byte by byte; regions that merely share a page are no contradiction.

use arrayvec::ArrayVec;
use core::ops::Range;

use super::{MAX_REGIONS, MemoryMapError, PAGE, RawRegion, Region, RegionKind};

type Regions = ArrayVec<Region, MAX_REGIONS>;

pub(super) fn normalise(raw: impl Iterator<Item = RawRegion>) -> Result<Regions, MemoryMapError> {
    let exact = exact(raw)?;
    let mut regions = Regions::new();
    for region in &exact {
        let range = match region.kind {
            RegionKind::Usable => inwards(region.start, region.end),
            _ => outwards(region.start, region.end),
        };
        // Two kinds in one page, neither usable: the first keeps it.
        let start = range.start.max(regions.last().map_or(0, |last| last.end));
        push(&mut regions, Region { start, end: range.end, kind: region.kind })?;
    }
    if regions.iter().any(|region| region.kind == RegionKind::Usable) {
        Ok(regions)
    } else {
        Err(MemoryMapError::NothingUsable)
    }
}

/// The raw regions sorted, checked and merged, not yet rounded.
fn exact(raw: impl Iterator<Item = RawRegion>) -> Result<Regions, MemoryMapError> {
    let mut sorted = Regions::new();
    for region in raw.filter(|region| region.length != 0) {
        let end = region.base.checked_add(region.length).ok_or(MemoryMapError::WrapsAround(region))?;
        sorted
            .try_push(Region { start: region.base, end, kind: region.kind })
            .map_err(|_| MemoryMapError::TooMany)?;
    }
    sorted.sort_unstable_by_key(|region| (region.start, region.end, region.kind));

    let mut merged = Regions::new();
    for region in sorted {
        if let Some(last) = merged.last_mut() {
            let overlaps = region.start < last.end;
            let same = region.kind == last.kind;
            if overlaps && (!same || region.kind == RegionKind::Usable) {
                return Err(MemoryMapError::Overlap { first: as_raw(*last), second: as_raw(region) });
            }
            if same && region.start <= last.end {
                last.end = last.end.max(region.end);
                continue;
            }
        }
        merged.push(region);
    }
    Ok(merged)
}

/// Appends a region behind all others: an empty one is dropped, one that continues the last is merged into it.
pub(super) fn push(regions: &mut Regions, region: Region) -> Result<(), MemoryMapError> {
    if region.start >= region.end {
        return Ok(());
    }
    match regions.last_mut() {
        Some(last) if last.kind == region.kind && last.end == region.start => last.end = region.end,
        _ => regions.try_push(region).map_err(|_| MemoryMapError::TooMany)?,
    }
    Ok(())
}

/// The whole pages inside; possibly none (start at or above end).
fn inwards(start: u64, end: u64) -> Range<u64> {
    start.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX)..end & !(PAGE - 1)
}

/// The whole pages touched. The last page of the address space has no end in 64 bits and is left out.
pub(super) fn outwards(start: u64, end: u64) -> Range<u64> {
    start & !(PAGE - 1)..end.checked_next_multiple_of(PAGE).unwrap_or(!(PAGE - 1))
}

fn as_raw(region: Region) -> RawRegion {
    RawRegion { base: region.start, length: region.length(), kind: region.kind }
}
