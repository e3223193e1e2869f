//! Sectors that are looked at again and again, and written later: a cache for metadata.
//!
//! What has changed is written in an order that a file system can rely on, whenever it is written:
//!
//! 1. the disk is flushed, so that data that went past the cache is there before what points to it;
//! 2. sectors of [`Rank::First`], by their numbers, and their mirrors; the disk is flushed;
//! 3. sectors of [`Rank::Second`]; the disk is flushed.
//!
//! Steps without anything to write are left out. Neighbours go out in one request. The order holds also when the cache is full and has to make room: then all is written, not
//! one sector alone.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use anax_files::Pages;

use crate::{Disk, DiskError};

/// Bytes of the longest request for neighbours.
const LONGEST: usize = 64 * 1024;
/// Sectors of the smallest cache.
const FEWEST: usize = 16;

/// When a changed sector is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// Before those of the second.
    First,
    /// After those of the first.
    Second,
}

/// Sectors that the disk has several times, one copy behind the other: each write of one is a write of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The first sector of the first copy.
    pub first: u64,
    /// Sectors of each copy.
    pub sectors: u64,
    /// How many copies there are.
    pub copies: u8,
}

#[derive(Clone, Copy, Debug)]
struct Line {
    sector: u64,
    /// It is to be written.
    dirty: Option<Rank>,
    /// It was looked at since the hand passed.
    is_used: bool,
}

/// A disk, and some of its sectors in memory.
#[derive(Debug)]
pub struct Cache<D> {
    disk: D,
    sector_bytes: usize,
    sectors: u64,
    capacity: usize,
    lines: Vec<Line>,
    /// The sectors of all lines, side by side.
    bytes: Vec<u8>,
    by_sector: BTreeMap<u64, usize>,
    /// Where the next line to go is looked for: the clock algorithm.
    hand: usize,
    /// The line that was looked at last, most often looked at next.
    last: usize,
    dirty: usize,
    /// Something was written past the cache since the disk was flushed.
    is_disk_behind: bool,
    mirror: Option<Mirror>,
}

impl<D: Disk> Cache<D> {
    /// A cache of at most so many bytes, at least 16 sectors.
    pub fn new(disk: D, bytes: usize) -> Self {
        let shape = disk.shape();
        let sector_bytes = shape.sector_bytes();
        Self {
            disk,
            sector_bytes,
            sectors: shape.sectors,
            capacity: (bytes / sector_bytes).max(FEWEST),
            lines: Vec::new(),
            bytes: Vec::new(),
            by_sector: BTreeMap::new(),
            hand: 0,
            last: 0,
            dirty: 0,
            is_disk_behind: false,
            mirror: None,
        }
    }

    /// From now on writes of the first copy are writes of all.
    pub fn set_mirror(&mut self, mirror: Mirror) {
        self.mirror = Some(mirror);
    }

    /// Bytes of a sector.
    pub const fn sector_bytes(&self) -> usize {
        self.sector_bytes
    }

    /// The disk, past the cache. Sectors that the cache may have are to be [discarded](Self::discard) before they are used so.
    pub const fn disk(&self) -> &D {
        &self.disk
    }

    /// The disk, when what has changed is written or given up.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// Reads sectors past the cache: of what is never changed through it.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub fn read_data(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.disk.read(first, into)
    }

    /// The same into pages, if the disk can do that.
    ///
    /// # Errors
    /// As [`Disk::read_pages`].
    pub fn read_data_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        self.disk.read_pages(first, bytes, into, at)
    }

    /// Writes sectors past the cache, before anything that is written out later.
    ///
    /// # Errors
    /// As [`Disk::write`].
    pub fn write_data(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.is_disk_behind = true;
        self.disk.write(first, bytes)
    }

    /// A sector. If it has to be read, up to `ahead` behind it are read with it, as far as they are not there.
    ///
    /// # Errors
    /// As [`Disk::read`], and [`Disk::write`] if room is to be made.
    pub fn read(&mut self, sector: u64, ahead: u64) -> Result<&[u8], DiskError> {
        let line = self.line(sector, ahead)?;
        Ok(self.line_bytes(line))
    }

    /// Changes a sector.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn change<R>(
        &mut self,
        sector: u64,
        rank: Rank,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> Result<R, DiskError> {
        if self.disk.is_read_only() {
            return Err(DiskError::ReadOnly);
        }
        let line = self.line(sector, 0)?;
        self.dirty += usize::from(self.lines[line].dirty.is_none());
        self.lines[line].dirty = Some(rank);
        let start = line * self.sector_bytes;
        Ok(change(&mut self.bytes[start..start + self.sector_bytes]))
    }

    /// Forgets sectors, changed or not.
    pub fn discard(&mut self, first: u64, count: u64) {
        let end = first.saturating_add(count);
        while let Some((&sector, &line)) = self.by_sector.range(first..end).next() {
            self.by_sector.remove(&sector);
            self.clean(line);
            // No sector has this number: the disk has fewer.
            self.lines[line].sector = u64::MAX;
            self.lines[line].is_used = false;
        }
    }

    /// Writes all that has changed, in the order that the module describes.
    ///
    /// # Errors
    /// As [`Disk::write`]: what could not be written is still to be written.
    pub fn flush(&mut self) -> Result<(), DiskError> {
        self.flush_disk()?;
        for rank in [Rank::First, Rank::Second] {
            self.write_rank(rank)?;
            self.flush_disk()?;
        }
        Ok(())
    }

    /// Whether anything is to be written or flushed.
    pub const fn is_behind(&self) -> bool {
        self.dirty > 0 || self.is_disk_behind
    }

    fn flush_disk(&mut self) -> Result<(), DiskError> {
        if self.is_disk_behind {
            self.disk.flush()?;
            self.is_disk_behind = false;
        }
        Ok(())
    }

    fn write_rank(&mut self, rank: Rank) -> Result<(), DiskError> {
        if self.dirty == 0 {
            return Ok(());
        }
        let to_write = |line: &usize| self.lines[*line].dirty == Some(rank);
        let lines: Vec<usize> = self.by_sector.values().copied().filter(to_write).collect();
        let most = (LONGEST / self.sector_bytes).max(1);
        let mut rest = lines.as_slice();
        let mut scratch = Vec::new();
        while let Some(&line) = rest.first() {
            let first = self.lines[line].sector;
            let is_next = |(at, line): (usize, &usize)| self.lines[*line].sector == first + at as u64;
            let count = rest.iter().enumerate().take(most).take_while(|pair| is_next(*pair)).count();
            let (run, behind) = rest.split_at(count);
            scratch.clear();
            run.iter().for_each(|line| scratch.extend_from_slice(self.line_bytes(*line)));
            self.is_disk_behind = true;
            self.write_copies(first, &scratch)?;
            run.iter().for_each(|line| self.clean(*line));
            rest = behind;
        }
        Ok(())
    }

    fn write_copies(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.disk.write(first, bytes)?;
        let Some(mirror) = self.mirror else { return Ok(()) };
        let count = (bytes.len() / self.sector_bytes) as u64;
        // What of it the first copy has.
        let from = first.max(mirror.first);
        let to = (first + count).min(mirror.first + mirror.sectors);
        if from >= to {
            return Ok(());
        }
        let part = (from - first) as usize * self.sector_bytes..(to - first) as usize * self.sector_bytes;
        for copy in 1..u64::from(mirror.copies) {
            self.disk.write(from + copy * mirror.sectors, &bytes[part.clone()])?;
        }
        Ok(())
    }

    /// The line of a sector, which is read if it is not there.
    fn line(&mut self, sector: u64, ahead: u64) -> Result<usize, DiskError> {
        if sector >= self.sectors {
            return Err(DiskError::OutOfRange);
        }
        if self.lines.get(self.last).is_some_and(|line| line.sector == sector) {
            return Ok(self.last);
        }
        if let Some(line) = self.by_sector.get(&sector).copied() {
            self.lines[line].is_used = true;
            self.last = line;
            return Ok(line);
        }
        let most = (LONGEST / self.sector_bytes).min(self.capacity / 4) as u64;
        let end = sector.saturating_add(1 + ahead.min(most)).min(self.sectors);
        let known = self.by_sector.range(sector..).next().map_or(u64::MAX, |(known, _)| *known);
        let count = end.min(known).saturating_sub(sector).max(1);
        let mut read = vec![0; count as usize * self.sector_bytes];
        self.disk.read(sector, &mut read)?;
        // The one that was asked for comes last: those before can't take its place.
        for (at, bytes) in read.chunks(self.sector_bytes).enumerate().rev() {
            let line = self.free_line()?;
            self.lines[line] = Line { sector: sector + at as u64, dirty: None, is_used: true };
            let start = line * self.sector_bytes;
            self.bytes[start..start + self.sector_bytes].copy_from_slice(bytes);
            self.by_sector.insert(sector + at as u64, line);
            self.last = line;
        }
        Ok(self.last)
    }

    /// A line that has no sector.
    fn free_line(&mut self) -> Result<usize, DiskError> {
        if self.lines.len() < self.capacity {
            self.lines.push(Line { sector: u64::MAX, dirty: None, is_used: false });
            self.bytes.resize(self.bytes.len() + self.sector_bytes, 0);
            return Ok(self.lines.len() - 1);
        }
        if self.dirty > self.capacity * 3 / 4 {
            self.flush()?;
        }
        // A quarter is clean at least: in two rounds one of them is found.
        loop {
            let line = self.hand;
            self.hand = (self.hand + 1) % self.capacity;
            let found = &mut self.lines[line];
            if found.dirty.is_some() {
                continue;
            }
            if found.is_used {
                found.is_used = false;
                continue;
            }
            if found.sector != u64::MAX {
                self.by_sector.remove(&found.sector);
                found.sector = u64::MAX;
            }
            return Ok(line);
        }
    }

    fn clean(&mut self, line: usize) {
        self.dirty -= usize::from(self.lines[line].dirty.is_some());
        self.lines[line].dirty = None;
    }

    fn line_bytes(&self, line: usize) -> &[u8] {
        &self.bytes[line * self.sector_bytes..(line + 1) * self.sector_bytes]
    }
}
