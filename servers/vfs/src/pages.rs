//! Where the bytes of a file lie: pieces of regions, and who has leases of them.
//!
//! Of a file system with memory of its own they are that one's; of others they are the page cache. There a piece lies in a window of 256 KiB, begins behind the one before it and is as long as all before
//! it in the window, so that a file that grows has few of them and a small one takes little.

use alloc::collections::BTreeMap;
use alloc::rc::{Rc, Weak};
use alloc::vec::Vec;

use anax_abi::Handle;
use anax_files::files::{self, PAGE, UNITS};

use crate::host::Host;
use crate::node::Ended;
use crate::session::Session;

/// Bytes of a window.
pub(crate) const WINDOW: u64 = UNITS * PAGE;

/// A piece of a file.
pub(crate) struct Extent<H: Host> {
    /// Its number, never given twice.
    pub(crate) memory: u64,
    pub(crate) region: Handle,
    /// Where it begins in the region.
    pub(crate) at: u64,
    pub(crate) length: u64,
    /// Whether the region is this server's, a part of the cache.
    pub(crate) is_cache: bool,
    /// Units that are there.
    pub(crate) present: u64,
    /// Units that are still to be stored.
    pub(crate) dirty: u64,
    /// Units that are being filled or stored.
    pub(crate) busy: u64,
    /// Units in which something has been: others are zero.
    pub(crate) used: u64,
    /// It was used since somebody looked for what nobody uses.
    pub(crate) is_used: bool,
    leases: Vec<(Weak<Session<H>>, u32)>,
}

impl<H: Host> Extent<H> {
    pub(crate) const fn new(memory: u64, region: Handle, (at, length): (u64, u64), is_cache: bool) -> Self {
        let present = if is_cache { 0 } else { u64::MAX };
        Self {
            memory,
            region,
            at,
            length,
            is_cache,
            present,
            dirty: 0,
            busy: 0,
            used: 0,
            is_used: true,
            leases: Vec::new(),
        }
    }

    /// Whether a unit is as it was made, zero.
    pub(crate) const fn is_fresh(&self, bit: u64) -> bool {
        self.used & bit == 0
    }

    pub(crate) const fn unit(&self) -> u64 {
        files::unit(self.length)
    }

    /// Bytes of the units that are still to be stored.
    pub(crate) const fn dirty_bytes(&self) -> u64 {
        self.dirty.count_ones() as u64 * self.unit()
    }

    /// The bits of bytes of it.
    pub(crate) const fn bits(&self, offset: u64, length: u64) -> u64 {
        files::bits(self.unit(), offset, offset.saturating_add(length))
    }

    /// Other units are there from now on, as all see who have leases.
    pub(crate) fn set_present(&mut self, present: u64) {
        self.present = present;
        self.leases.retain(|(session, lease)| match session.upgrade() {
            Some(session) => {
                session.show(*lease, present);
                true
            }
            None => false,
        });
    }

    pub(crate) fn add_lease(&mut self, session: &Rc<Session<H>>, lease: u32) {
        self.leases.push((Rc::downgrade(session), lease));
    }

    /// It is no more: nobody who looks at the table believes what he finds there.
    fn end(mut self, ended: &mut Ended) {
        for (session, lease) in self.leases.drain(..) {
            if let Some(session) = session.upgrade()
                && cfg!(not(bite = "vfs-ends-in-silence"))
            {
                session.lost(lease);
            }
        }
        if self.is_cache {
            ended.regions.push((self.region, self.length));
        } else {
            ended.lent.push(self.region);
        }
    }
}

/// All pieces of a file, by where they begin in it.
pub(crate) struct Pages<H: Host>(BTreeMap<u64, Extent<H>>);

impl<H: Host> Default for Pages<H> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<H: Host> Pages<H> {
    /// The piece in which an offset lies, and where it begins.
    pub(crate) fn at(&mut self, offset: u64) -> Option<(u64, &mut Extent<H>)> {
        let (from, extent) = self.0.range_mut(..=offset).next_back()?;
        (offset - from < extent.length).then_some((*from, extent))
    }

    /// The piece of that memory that begins there.
    pub(crate) fn exactly(&mut self, from: u64, memory: u64) -> Option<&mut Extent<H>> {
        self.0.get_mut(&from).filter(|extent| extent.memory == memory)
    }

    /// The piece of that memory, wherever it lies.
    pub(crate) fn of_memory(&self, memory: u64) -> Option<&Extent<H>> {
        // Most often the last: whoever reads on asks for what was just made.
        self.0.values().rfind(|extent| extent.memory == memory)
    }

    pub(crate) fn insert(&mut self, from: u64, extent: Extent<H>) {
        self.0.insert(from, extent);
    }

    /// Whether a piece would overlap another one.
    pub(crate) fn overlaps(&self, from: u64, length: u64) -> bool {
        let Some(end) = from.checked_add(length) else { return true };
        self.0.range(..end).next_back().is_some_and(|(at, extent)| at + extent.length > from)
    }

    /// Where a piece for an offset without one would begin, and how long it would be, `most` bytes at most, in a file of that size.
    pub(crate) fn missing(&self, offset: u64, size: u64, most: u64) -> (u64, u64) {
        let (low, length) = self.missing_window(offset, size);
        let skipped = (offset.saturating_sub(low)) / most * most;
        (low + skipped, (length - skipped.min(length)).min(most))
    }

    fn missing_window(&self, offset: u64, size: u64) -> (u64, u64) {
        let window = offset - offset % WINDOW;
        let before = self.0.range(..=offset).next_back().map_or(0, |(from, extent)| from + extent.length);
        let behind = self.0.range(offset..).next().map_or(u64::MAX, |(from, _)| *from);
        let mut low = before.max(window);
        let high = behind.min(window.saturating_add(WINDOW));
        let needed = size.max(offset.saturating_add(1)).next_multiple_of(PAGE).min(high);
        if window > 0 && before <= window && behind >= high {
            // Beyond the first window files are taken to be large.
            return (window, high - window);
        }
        // Far behind the last piece a new one begins where it is needed.
        if size <= offset && offset - low > WINDOW / 4 {
            low = offset - offset % PAGE;
        }
        let doubled = low + (low - window).max(PAGE);
        (low, needed.max(doubled).min(high) - low)
    }

    /// A lease is given up.
    pub(crate) fn forget_lease(&mut self, from: u64, memory: u64, session: &Session<H>, lease: u32) {
        if let Some(extent) = self.exactly(from, memory) {
            extent
                .leases
                .retain(|(holder, number)| *number != lease || !core::ptr::eq(holder.as_ptr(), session));
        }
    }

    /// Takes a piece away.
    pub(crate) fn remove(&mut self, from: u64, ended: &mut Ended) {
        if let Some(extent) = self.0.remove(&from) {
            extent.end(ended);
        }
    }

    /// What lies behind a new, lesser size is nothing any more: pieces behind it end, and the one in which it lies, too, even if the same bytes come back in its place. For whoever is about
    /// to say that he has written into it has done so before they were cut: by the new number of the memory he learns that it is to be written again. How many bytes were to be stored.
    pub(crate) fn cut(&mut self, size: u64, ended: &mut Ended) -> u64 {
        let first = match self.at(size) {
            Some((from, _)) if cfg!(not(bite = "vfs-cut-in-place")) => from,
            _ => size.next_multiple_of(PAGE),
        };
        let behind = self.0.split_off(&first);
        behind
            .into_values()
            .map(|extent| {
                let dirty = extent.dirty_bytes();
                extent.end(ended);
                dirty
            })
            .sum()
    }

    /// All pieces end.
    pub(crate) fn end_all(&mut self, ended: &mut Ended) {
        // Most that come and go are empty.
        if self.0.is_empty() {
            return;
        }
        core::mem::take(&mut self.0).into_values().for_each(|extent| extent.end(ended));
    }

    /// All pieces.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u64, &mut Extent<H>)> {
        self.0.iter_mut().map(|(from, extent)| (*from, extent))
    }

    /// The first units in a row from an offset on that are still to be stored, at most `most` bytes: where their piece begins, its memory, the units, and where they begin and end in the file.
    pub(crate) fn first_dirty(&self, offset: u64, most: u64) -> Option<(u64, u64, u64, (u64, u64))> {
        let behind = |from: u64, extent: &Extent<H>| {
            extent.dirty & !extent.bits(0, offset.saturating_sub(from).min(extent.length))
        };
        let mut dirty = self.0.iter().map(|(from, extent)| (from, extent, behind(*from, extent)));
        let (from, extent, dirty) = dirty.find(|(_, _, dirty)| *dirty != 0)?;
        let (bits, first, count) = run(dirty, dirty.trailing_zeros(), most / extent.unit());
        let begin = from + u64::from(first) * extent.unit();
        let end = (begin + u64::from(count) * extent.unit()).min(from + extent.length);
        Some((*from, extent.memory, bits, (begin, end)))
    }
}

/// Of the bits of a word those that are set in a row from `first` on, `most` of them at most: they, the first, how many.
pub(crate) fn run(word: u64, first: u32, most: u64) -> (u64, u32, u32) {
    let count = (word >> first).trailing_ones().min(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
    let bits = if count >= 64 { u64::MAX } else { ((1 << count) - 1) << first };
    (bits, first, count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_bits() {
        assert_eq!(run(0b0111_0110, 1, 64), (0b0110, 1, 2));
        assert_eq!(run(0b0111_0110, 4, 2), (0b0011_0000, 4, 2));
        assert_eq!(run(u64::MAX, 0, 64), (u64::MAX, 0, 64));
        assert_eq!(run(1, 0, 0), (1, 0, 1));
    }
}
