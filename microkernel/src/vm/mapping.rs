//! The mapping list of a space: sorted by address, disjoint, searched by halves.

use alloc::vec::Vec;
use core::ops::Range;

use anax_abi::{Error, Rights};
use microkernel_core::elf::Protection;

use super::region::RegionRef;
use super::space::USER;
use crate::mm::layout::PAGE_SIZE;

/// Pages of a region at an address.
#[derive(Clone)]
pub(super) struct Mapping {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The region's page at `start`.
    pub(super) first: u32,
    /// What is mapped; none: it was lost.
    pub(super) region: Option<RegionRef>,
    pub(super) protection: Protection,
    /// What it may be protected to at most.
    pub(super) most: Rights,
}

impl Mapping {
    /// Which of the region's pages lies at `at`.
    pub(super) fn page(&self, at: u64) -> u32 {
        self.first + ((at - self.start) / PAGE_SIZE) as u32
    }
}

/// The protection that these rights ask for.
pub(super) fn protection_of(rights: Rights) -> Result<Protection, Error> {
    const READ_WRITE: Rights = Rights::READ.with(Rights::WRITE);
    const READ_EXECUTE: Rights = Rights::READ.with(Rights::EXECUTE);
    match rights {
        Rights::READ => Ok(Protection::Read),
        READ_WRITE => Ok(Protection::ReadWrite),
        READ_EXECUTE => Ok(Protection::ReadExecute),
        _ => Err(Error::BadArgument),
    }
}

/// The range as whole pages of user memory.
pub(super) fn pages(address: u64, bytes: u64) -> Result<Range<u64>, Error> {
    let end = bytes.checked_next_multiple_of(PAGE_SIZE).and_then(|length| address.checked_add(length));
    match end {
        Some(end)
            if address.is_multiple_of(PAGE_SIZE)
                && USER.start <= address
                && address < end
                && end <= USER.end =>
        {
            Ok(address..end)
        }
        _ => Err(Error::BadAddress),
    }
}

/// The range as pages, and the mappings that reach into it: at least one.
pub(super) fn overlap(
    mappings: &[Mapping],
    address: u64,
    bytes: u64,
) -> Result<(Range<u64>, Range<usize>), Error> {
    let pages = pages(address, bytes)?;
    let first = mappings.partition_point(|mapping| mapping.end <= pages.start);
    let count = mappings[first..].iter().take_while(|mapping| mapping.start < pages.end).count();
    if count > 0 { Ok((pages, first..first + count)) } else { Err(Error::BadAddress) }
}

/// How many of these mappings, which reach into the range, reach out of it: each becomes one more.
pub(super) fn cuts(mappings: &[Mapping], pages: &Range<u64>) -> usize {
    let out =
        |mapping: &Mapping| usize::from(mapping.start < pages.start) + usize::from(mapping.end > pages.end);
    mappings.iter().map(out).sum()
}

/// Splits the mapping at `index` if it reaches across `at`; true if it did.
pub(super) fn cut(mappings: &mut Vec<Mapping>, index: usize, at: u64) -> bool {
    let lower = &mut mappings[index];
    let across = lower.start < at && at < lower.end;
    if across {
        let upper = Mapping { start: at, first: lower.page(at), ..lower.clone() };
        lower.end = at;
        mappings.insert(index + 1, upper);
    }
    across
}

/// The first place from `from` on for `length` bytes above an unmapped page.
pub(super) fn gap(mappings: &[Mapping], from: u64, length: u64) -> Option<(usize, u64)> {
    let first = mappings.partition_point(|mapping| mapping.end <= from);
    let mut below = from;
    for (index, mapping) in mappings.iter().enumerate().skip(first) {
        if below + PAGE_SIZE + length <= mapping.start {
            return Some((index, below + PAGE_SIZE));
        }
        below = below.max(mapping.end);
    }
    (below + PAGE_SIZE + length <= USER.end).then_some((mappings.len(), below + PAGE_SIZE))
}
