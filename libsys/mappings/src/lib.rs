//! What is mapped where in an address space: a list sorted by address, disjoint, searched by halves.
//!
//! The kernel keeps one for each space; what a mapping is of, its region, is a type parameter. All addresses and lengths are bytes.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec::Vec;
use core::ops::Range;

use anax_abi::{Error, Rights};
use anax_elf::Protection;

/// Bytes of a page.
pub const PAGE_SIZE: u64 = 4096;
/// Where programs may lie: not page 0, so that null stays a fault, and not the last page, so that no system call can return to a
/// non-canonical address.
pub const USER: Range<u64> = 0x1000..0x7fff_ffff_f000;

/// Pages of a region at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping<R> {
    /// First byte, of a page.
    pub start: u64,
    /// Byte after the last, of a page.
    pub end: u64,
    /// The region's page at `start`.
    pub first: u32,
    /// What is mapped; none: it was lost.
    pub region: Option<R>,
    /// What it allows.
    pub protection: Protection,
    /// What it may be protected to at most.
    pub most: Rights,
}

impl<R> Mapping<R> {
    /// Which of the region's pages lies at `at`.
    #[must_use]
    pub fn page(&self, at: u64) -> u32 {
        self.first + ((at - self.start) / PAGE_SIZE) as u32
    }
}

/// The protection that these rights ask for.
///
/// # Errors
/// `BadArgument` for writable code, or what can't be read.
pub fn protection_of(rights: Rights) -> Result<Protection, Error> {
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
///
/// # Errors
/// `BadAddress`.
pub fn pages(address: u64, bytes: u64) -> Result<Range<u64>, Error> {
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
///
/// # Errors
/// `BadAddress`, also if there is none.
pub fn overlap<R>(
    mappings: &[Mapping<R>],
    address: u64,
    bytes: u64,
) -> Result<(Range<u64>, Range<usize>), Error> {
    let pages = pages(address, bytes)?;
    let first = mappings.partition_point(|mapping| mapping.end <= pages.start);
    let count = mappings[first..].iter().take_while(|mapping| mapping.start < pages.end).count();
    if count > 0 { Ok((pages, first..first + count)) } else { Err(Error::BadAddress) }
}

/// How many of these mappings, which reach into the range, reach out of it: each becomes one more.
#[must_use]
pub fn cuts<R>(mappings: &[Mapping<R>], pages: &Range<u64>) -> usize {
    let out = |mapping: &Mapping<R>| {
        usize::from(mapping.start < pages.start) + usize::from(mapping.end > pages.end)
    };
    mappings.iter().map(out).sum()
}

/// Splits the mapping at `index` if it reaches across `at`; true if it did.
pub fn cut<R: Clone>(mappings: &mut Vec<Mapping<R>>, index: usize, at: u64) -> bool {
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
#[must_use]
pub fn gap<R>(mappings: &[Mapping<R>], from: u64, length: u64) -> Option<(usize, u64)> {
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
