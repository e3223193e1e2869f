//! A disk's partition table, read without waiting: the parser sees the sectors that have come so far, and what it has missed is asked for before it tries again.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;

use anax_partitions::{Table, TableError, read};
use anax_sectors::{Disk, DiskError, Shape};

/// Sectors that a table is looked for in at most. A GPT has a megabyte of entries at most, twice, and an MBR some hundred links.
const MOST_SECTORS: usize = 8192;

/// What is known of a table.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    /// Sectors that have come; those that can't be read are nothing.
    sectors: BTreeMap<u64, Option<Box<[u8]>>>,
}

/// What is to be done next.
#[derive(Debug)]
pub(crate) enum Step {
    /// To read these sectors, and to say so by [`Reading::came`].
    Read(Vec<Range<u64>>),
    /// Nothing: this is the table.
    Known(Table),
    /// Nothing: there is no table that can be read.
    Unreadable,
}

/// The disk as it is known so far.
struct Seen<'s> {
    shape: Shape,
    sectors: &'s BTreeMap<u64, Option<Box<[u8]>>>,
    missed: Vec<u64>,
}

impl Reading {
    /// Tries to make sense of what has come.
    pub(crate) fn next(&self, shape: Shape) -> Step {
        let mut seen = Seen { shape, sectors: &self.sectors, missed: Vec::new() };
        let table = read(&mut seen);
        let missed = seen.missed;
        if missed.is_empty() {
            return match table {
                Ok(table) => Step::Known(table),
                Err(TableError::Disk(_) | TableError::Damaged) => Step::Unreadable,
            };
        }
        if self.sectors.len() + missed.len() > MOST_SECTORS {
            return Step::Unreadable;
        }
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for sector in missed {
            match ranges.last_mut() {
                Some(range) if range.end == sector => range.end += 1,
                _ => ranges.push(sector..sector + 1),
            }
        }
        Step::Read(ranges)
    }

    /// These sectors have come, or can't be read.
    pub(crate) fn came(&mut self, first: u64, sectors: u64, bytes: Option<&[u8]>, size: usize) {
        match bytes {
            Some(bytes) => {
                let all = (first..).zip(bytes.chunks_exact(size));
                self.sectors.extend(all.map(|(sector, bytes)| (sector, Some(bytes.into()))));
            }
            None => self.sectors.extend((first..first + sectors).map(|sector| (sector, None))),
        }
    }
}

impl Disk for Seen<'_> {
    fn shape(&self) -> Shape {
        self.shape
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.shape.holds(first, into.len())?;
        let mut outcome = Ok(());
        for (sector, part) in (first..).zip(into.chunks_exact_mut(self.shape.sector_bytes())) {
            match self.sectors.get(&sector) {
                Some(Some(bytes)) => part.copy_from_slice(bytes),
                Some(None) => outcome = Err(DiskError::Failed),
                None => {
                    self.missed.push(sector);
                    outcome = Err(DiskError::Failed);
                }
            }
        }
        outcome
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), DiskError> {
        Err(DiskError::ReadOnly)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        Ok(())
    }
}
