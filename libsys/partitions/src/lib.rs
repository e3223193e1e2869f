//! Which parts a disk has: by its GPT (UEFI 2.10, section 5.3) or its MBR with extended partitions.
//!
//! What the disk says is not believed: entries beyond the disk, or that share sectors with another one, are refused, both of two that do, because nobody knows which of them is
//! right and a write to one would harm the other. Loops are bounded, whatever the links say.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod gpt;
mod guid;
mod mbr;

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax_sectors::{Disk, DiskError};

pub use guid::Guid;

/// How a disk is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Not at all: if anything is there, it is a file system on the whole disk.
    None,
    /// By a master boot record.
    Mbr,
    /// By a GUID partition table.
    Gpt,
}

/// What an entry says of its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Label {
    /// That of an MBR.
    Mbr {
        /// The type: 0x0c is FAT32, 0x83 one of Linux.
        kind: u8,
        /// The mark of the part that a PC starts from.
        is_active: bool,
    },
    /// That of a GPT.
    Gpt {
        /// The type.
        kind: Guid,
        /// Its own.
        id: Guid,
        /// Bits, as UEFI defines them.
        attributes: u64,
        /// What people call it.
        name: String,
    },
}

/// A part of a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// From 1 on: its place in the table; with an MBR, those in the extended partition from 5 on.
    pub number: u32,
    /// The first sector.
    pub first: u64,
    /// How many.
    pub sectors: u64,
    /// What the table says of it.
    pub label: Label,
}

impl Partition {
    /// What it is called behind its disk's name: `p1`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("p{}", self.number)
    }

    const fn end(&self) -> u64 {
        self.first + self.sectors
    }
}

/// Why an entry was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It goes beyond the disk, or beyond what the table says can be used, or has no sectors.
    OutOfRange,
    /// It shares sectors with another one, or with the table.
    Overlaps,
}

/// What a disk's table says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Which kind it is.
    pub scheme: Scheme,
    /// The parts, by their numbers.
    pub partitions: Vec<Partition>,
    /// Entries that can't be: their numbers, and why.
    pub refused: Vec<(u32, Refusal)>,
    /// Of a GPT: the first header or its entries are damaged, and the backup at the disk's end was read.
    pub is_backup: bool,
}

impl Table {
    const NONE: Self =
        Self { scheme: Scheme::None, partitions: Vec::new(), refused: Vec::new(), is_backup: false };

    /// Takes up an entry that is within `range`, or refuses it.
    fn add(&mut self, range: core::ops::Range<u64>, (first, sectors): (u64, u64), number: u32, label: Label) {
        match first.checked_add(sectors) {
            Some(end) if sectors > 0 && first >= range.start && end <= range.end => {
                self.partitions.push(Partition { number, first, sectors, label });
            }
            _ => self.refused.push((number, Refusal::OutOfRange)),
        }
    }

    /// Refuses all that overlap.
    fn part(&mut self) {
        self.partitions.sort_by_key(|partition| partition.first);
        let mut overlaps = vec![false; self.partitions.len()];
        // Who reaches farthest of those before.
        let mut farthest: Option<usize> = None;
        for (at, partition) in self.partitions.iter().enumerate() {
            if let Some(before) = farthest.filter(|before| self.partitions[*before].end() > partition.first) {
                (overlaps[before], overlaps[at]) = (true, true);
            }
            if farthest.is_none_or(|before| self.partitions[before].end() <= partition.end()) {
                farthest = Some(at);
            }
        }
        let mut overlaps = overlaps.into_iter();
        let refused = &mut self.refused;
        self.partitions.retain(|partition| {
            let overlaps = overlaps.next().unwrap_or(false);
            if overlaps {
                refused.push((partition.number, Refusal::Overlaps));
            }
            !overlaps
        });
        self.partitions.sort_by_key(|partition| partition.number);
        self.refused.sort_by_key(|(number, _)| *number);
    }
}

/// Why a disk's table can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableError {
    /// The disk.
    Disk(DiskError),
    /// It has a GPT, of which both copies are damaged.
    Damaged,
}

impl From<DiskError> for TableError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

/// Reads a disk's table. A disk without one is a [`Table`] of no parts.
///
/// # Errors
/// [`TableError`].
pub fn read(disk: &mut impl Disk) -> Result<Table, TableError> {
    let shape = disk.shape();
    let mut sector = vec![0; shape.sector_bytes()];
    if shape.sectors == 0 {
        return Ok(Table::NONE);
    }
    disk.read(0, &mut sector)?;
    let Some(entries) = mbr::entries(&sector) else { return Ok(Table::NONE) };
    if entries.iter().any(mbr::Entry::is_protective) {
        return gpt::read(disk);
    }
    Ok(mbr::read(disk, &entries)?)
}
