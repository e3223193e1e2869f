//! The GUID partition table: UEFI 2.10, section 5.3. A header in sector 1 and another in the last one, each with entries of its own; both under a CRC-32.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

use anax_sectors::{Disk, DiskError};

use crate::{Guid, Label, Scheme, Table, TableError};

const SIGNATURE: &[u8; 8] = b"EFI PART";
/// Bytes of a header that are defined.
const HEADER_BYTES: usize = 92;
/// Bytes of all entries at most. All tools make 16,384.
const MOST_BYTES: u64 = 1 << 20;
const SMALLEST_ENTRY: u32 = 128;
const LARGEST_ENTRY: u32 = 4096;
/// Where in an entry the name is, and its bytes.
const NAME: Range<usize> = 56..128;

struct Header {
    usable: Range<u64>,
    entries: u64,
    count: u32,
    entry_bytes: u32,
    entries_crc: u32,
}

/// The table.
pub(crate) fn read(disk: &mut impl Disk) -> Result<Table, TableError> {
    let sectors = disk.shape().sectors;
    for (at, is_backup) in [(1, false), (sectors - 1, true)] {
        let header = match header(disk, at) {
            Ok(Some(header)) => header,
            // A sector that can't be read is why there is a backup.
            Ok(None) | Err(_) => continue,
        };
        let Ok(Some(entries)) = entries(disk, &header) else { continue };
        let mut table = Table { scheme: Scheme::Gpt, is_backup, ..Table::NONE };
        let size = header.entry_bytes as usize;
        for (number, entry) in (1..).zip(entries.chunks_exact(size)) {
            add(&mut table, &header, number, entry);
        }
        table.part();
        return Ok(table);
    }
    Err(TableError::Damaged)
}

/// The header in that sector, if it is one.
fn header(disk: &mut impl Disk, at: u64) -> Result<Option<Header>, DiskError> {
    let mut sector = vec![0; disk.shape().sector_bytes()];
    let sectors = disk.shape().sectors;
    disk.read(at, &mut sector)?;
    let size = word(&sector, 12) as usize;
    if &sector[..8] != SIGNATURE || !(HEADER_BYTES..=sector.len()).contains(&size) {
        return Ok(None);
    }
    let crc = word(&sector, 16);
    sector[16..20].fill(0);
    let (first, last) = (long(&sector, 40), long(&sector, 48));
    let (count, entry_bytes) = (word(&sector, 80), word(&sector, 84));
    let is_good = crc32fast::hash(&sector[..size]) == crc
        && long(&sector, 24) == at
        && first <= last
        && last < sectors
        && (SMALLEST_ENTRY..=LARGEST_ENTRY).contains(&entry_bytes)
        && entry_bytes.is_power_of_two()
        && u64::from(count) * u64::from(entry_bytes) <= MOST_BYTES;
    let header = Header {
        // Sector 0, and the header itself, are nobody's.
        usable: first.max(2)..last.saturating_add(1),
        entries: long(&sector, 72),
        count,
        entry_bytes,
        entries_crc: word(&sector, 88),
    };
    Ok(is_good.then_some(header))
}

/// The entries, if they are what the header says.
fn entries(disk: &mut impl Disk, header: &Header) -> Result<Option<Vec<u8>>, DiskError> {
    let bytes = header.count as usize * header.entry_bytes as usize;
    let mut entries = vec![0; bytes.next_multiple_of(disk.shape().sector_bytes())];
    disk.read(header.entries, &mut entries)?;
    entries.truncate(bytes);
    Ok((crc32fast::hash(&entries) == header.entries_crc).then_some(entries))
}

fn add(table: &mut Table, header: &Header, number: u32, entry: &[u8]) {
    let (kind, id) = (guid(entry, 0), guid(entry, 16));
    if kind == Guid::NONE {
        return;
    }
    let (first, last) = (long(entry, 32), long(entry, 40));
    let sectors = last.checked_sub(first).and_then(|more| more.checked_add(1)).unwrap_or(0);
    let units = entry[NAME].as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit));
    let units = units.take_while(|unit| *unit != 0);
    let name: String =
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    let label = Label::Gpt { kind, id, attributes: long(entry, 48), name };
    table.add(header.usable.clone(), (first, sectors), number, label);
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
}

fn guid(bytes: &[u8], at: usize) -> Guid {
    bytes[at..].first_chunk().map_or(Guid::NONE, |guid| Guid(*guid))
}
