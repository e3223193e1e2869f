//! The memory of a file: pieces of it, each a region.

use alloc::collections::BTreeMap;

use anax_abi::Handle;
use anax_files::{Extent, Failure};

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Bytes of the largest piece.
const LARGEST: u64 = 256 << 10;

/// Where regions come from. A test has some of its own.
pub trait Regions {
    /// A region of so many bytes, whole pages of zeros.
    ///
    /// # Errors
    /// `NoSpace`.
    fn make(&mut self, bytes: u64) -> Result<Handle, Failure>;

    /// Makes what lies in it from an offset on zero.
    fn clear(&mut self, region: Handle, from: u64);

    /// Ends it, also for those who have mapped it.
    fn end(&mut self, region: Handle);
}

/// The pieces of a file, by where they begin in it.
#[derive(Debug, Default)]
pub(crate) struct Pieces(BTreeMap<u64, (u64, Handle)>);

impl Pieces {
    /// The piece in which an offset lies.
    pub(crate) fn at(&self, offset: u64) -> Option<Extent> {
        let (from, (length, region)) = self.0.range(..=offset).next_back()?;
        (offset - from < *length).then_some(Extent {
            region: *region,
            offset: 0,
            from: *from,
            length: *length,
        })
    }

    /// Where a piece for an offset without one would begin, and how long it would be: as long as all before it, if the others leave it room.
    pub(crate) fn missing(&self, offset: u64) -> (u64, u64) {
        let from = offset - offset % PAGE;
        let natural = if from == 0 { PAGE } else { 1 << from.trailing_zeros() };
        let next = self.0.range(from..).next().map_or(u64::MAX, |(next, _)| *next);
        let mut length = natural.min(LARGEST);
        while length > next - from {
            length /= 2;
        }
        (from, length)
    }

    pub(crate) fn insert(&mut self, from: u64, length: u64, region: Handle) {
        self.0.insert(from, (length, region));
    }

    /// Ends all that lies behind the page in which `size` ends, and makes the rest of what remains zero: how many bytes of memory that frees.
    pub(crate) fn cut(&mut self, size: u64, regions: &mut impl Regions) -> u64 {
        let behind = self.0.split_off(&size.next_multiple_of(PAGE));
        let freed = behind.values().map(|(length, _)| *length).sum();
        behind.into_values().for_each(|(_, region)| regions.end(region));
        if let Some(last) = self.at(size) {
            regions.clear(last.region, size - last.from);
        }
        freed
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use super::*;

    fn handle() -> Handle {
        Handle::from_word(1 << 32 | 7)
    }

    #[test]
    fn pieces_double() {
        let mut pieces = Pieces::default();
        let mut lengths = Vec::new();
        let mut offset = 0;
        while offset < 1 << 20 {
            let (from, length) = pieces.missing(offset);
            assert_eq!(from, offset);
            pieces.insert(from, length, handle());
            lengths.push(length / PAGE);
            offset += length;
        }
        assert_eq!(lengths, [1, 1, 2, 4, 8, 16, 32, 64, 64, 64]);
        for offset in [0, 4095, 4096, 300_000, (1 << 20) - 1] {
            let piece = pieces.at(offset).unwrap();
            assert!(piece.from <= offset && offset < piece.from + piece.length);
        }
        assert_eq!(pieces.at(1 << 20), None);
    }

    #[test]
    fn a_piece_fits_between_others() {
        let mut pieces = Pieces::default();
        pieces.insert(6 * PAGE, PAGE, handle());
        assert_eq!(pieces.missing(4 * PAGE), (4 * PAGE, 2 * PAGE));
        assert_eq!(pieces.missing(5 * PAGE), (5 * PAGE, PAGE));
        assert_eq!(pieces.missing(7 * PAGE + 1), (7 * PAGE, PAGE));
    }
}
