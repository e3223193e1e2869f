//! Why a memory map is refused. The boot ends with this text, so it names the ranges.

use core::fmt;

use super::{MAX_REGIONS, RawRegion};

/// Why a memory map cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryMapError {
    /// Two regions of different kinds, or two usable ones, share a byte.
    Overlap {
        /// The one that starts first.
        first: RawRegion,
        /// The one that starts inside it.
        second: RawRegion,
    },
    /// The region ends at 2^64 or beyond.
    WrapsAround(RawRegion),
    /// More than [`MAX_REGIONS`] regions.
    TooMany,
    /// There is no usable page.
    NothingUsable,
}

impl fmt::Display for RawRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last byte, not the end: a region may end at 2^64.
        let last = self.base.wrapping_add(self.length.saturating_sub(1));
        write!(f, "{:?} {:#x}-{last:#x}", self.kind, self.base)
    }
}

impl fmt::Display for MemoryMapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap { first, second } => write!(f, "memory map: {first} overlaps {second}"),
            Self::WrapsAround(region) => write!(f, "memory map: {region} goes beyond the last address"),
            Self::TooMany => write!(f, "memory map: more than {MAX_REGIONS} regions"),
            Self::NothingUsable => f.write_str("memory map: no usable memory"),
        }
    }
}

impl core::error::Error for MemoryMapError {}
