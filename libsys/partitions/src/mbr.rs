//! The master boot record: four entries in the first sector, one of which may be a chain of more.
//!
//! No standard has it. Each record of the chain has two entries: a part, whose place counts from this record, and a link to the next record, whose place counts from the
//! extended partition's beginning. Parts in the chain are numbered from 5 on.

use alloc::vec;
use alloc::vec::Vec;

use anax_sectors::{Disk, DiskError};

use crate::{Label, Scheme, Table};

/// Parts that a chain has at most.
const LONGEST_CHAIN: usize = 128;
/// Where the entries are.
const ENTRIES: usize = 446;
const ENTRY_BYTES: usize = 16;
const SIGNATURE: [u8; 2] = [0x55, 0xaa];
/// The type of the one entry that keeps programs which know no GPT off its disk.
const PROTECTIVE: u8 = 0xee;
const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];

/// An entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    status: u8,
    kind: u8,
    first: u32,
    sectors: u32,
}

impl Entry {
    fn parse(bytes: &[u8; ENTRY_BYTES]) -> Self {
        let word = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        Self { status: bytes[0], kind: bytes[4], first: word(8), sectors: word(12) }
    }

    pub(crate) const fn is_protective(&self) -> bool {
        self.kind == PROTECTIVE
    }

    const fn is_empty(&self) -> bool {
        self.kind == 0 || self.sectors == 0
    }

    fn is_extended(&self) -> bool {
        !self.is_empty() && EXTENDED.contains(&self.kind)
    }

    const fn label(&self) -> Label {
        Label::Mbr { kind: self.kind, is_active: self.status == 0x80 }
    }
}

/// The entries of a record; nothing if the sector is none. A FAT's boot sector ends with the same signature: where entries would be it has code, messages or zeros.
pub(crate) fn entries(sector: &[u8]) -> Option<[Entry; 4]> {
    let entries = sector.get(ENTRIES..ENTRIES + 4 * ENTRY_BYTES)?;
    if sector.get(510..512)? != SIGNATURE {
        return None;
    }
    let mut parsed = [Entry { status: 0, kind: 0, first: 0, sectors: 0 }; 4];
    for (entry, bytes) in parsed.iter_mut().zip(entries.as_chunks().0) {
        *entry = Entry::parse(bytes);
    }
    let is_record = parsed.iter().all(|entry| matches!(entry.status, 0 | 0x80));
    (is_record && parsed.iter().any(|entry| !entry.is_empty())).then_some(parsed)
}

/// All parts.
pub(crate) fn read(disk: &mut impl Disk, entries: &[Entry; 4]) -> Result<Table, DiskError> {
    let mut table = Table { scheme: Scheme::Mbr, ..Table::NONE };
    let sectors = disk.shape().sectors;
    let mut chain = None;
    for (number, entry) in (1..).zip(entries) {
        let place = (entry.first.into(), entry.sectors.into());
        if entry.is_extended() {
            // A second one would have the same numbers; nobody makes one.
            chain = chain.or(Some((number, place, entry.label())));
        } else if !entry.is_empty() {
            // The table itself is no part's.
            table.add(1..sectors, place, number, entry.label());
        }
    }
    if let Some((number, place, label)) = chain {
        // Among the parts, the extended one counts with all its sectors, and those in it don't.
        table.add(1..sectors, place, number, label);
        table.part();
        let found = table.partitions.iter().position(|partition| partition.number == number);
        if let Some(at) = found {
            let extended = table.partitions.remove(at);
            let mut inner = Table { scheme: Scheme::Mbr, ..Table::NONE };
            follow(disk, extended.first..extended.end(), &mut inner)?;
            inner.part();
            table.partitions.append(&mut inner.partitions);
            table.refused.append(&mut inner.refused);
        }
    } else {
        table.part();
    }
    Ok(table)
}

/// The parts of a chain.
fn follow(disk: &mut impl Disk, extended: core::ops::Range<u64>, table: &mut Table) -> Result<(), DiskError> {
    let mut sector = vec![0; disk.shape().sector_bytes()];
    let mut seen = Vec::new();
    let mut record = extended.start;
    for number in 5.. {
        if !extended.contains(&record) || seen.contains(&record) || seen.len() == LONGEST_CHAIN {
            break;
        }
        seen.push(record);
        disk.read(record, &mut sector)?;
        let Some([part, link, ..]) = entries(&sector) else { break };
        if !part.is_empty() && !part.is_extended() {
            let first = record + u64::from(part.first);
            table.add(record + 1..extended.end, (first, part.sectors.into()), number, part.label());
        }
        if !link.is_extended() {
            break;
        }
        record = extended.start + u64::from(link.first);
    }
    // A part that covers a record of the chain would destroy it.
    let covers = |partition: &crate::Partition| {
        seen.iter().any(|record| (partition.first..partition.end()).contains(record))
    };
    let refused = table.partitions.extract_if(.., |partition| covers(partition));
    table.refused.extend(refused.map(|partition| (partition.number, crate::Refusal::Overlaps)));
    Ok(())
}
