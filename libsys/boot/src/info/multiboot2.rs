//! The multiboot2 information (Multiboot2 specification 2.0, section 3.6), by the `multiboot2` crate.

use core::ops::Range;

use arrayvec::ArrayVec;
use multiboot2::BootInformation;

use super::{BootError, Found, ROOT_POINTER, RootPointer, command_line, kind_of_e820};
use crate::memmap::RawRegion;

/// Largest block that is believed.
const LIMIT: u64 = 1 << 20;
/// Tags with a copy of the ACPI root pointer, of revision 1 and later; a loader that passes both passes the later last.
const RSDP_TAGS: [u32; 2] = [14, 15];

/// The length of the block that begins with these 8 bytes.
///
/// # Errors
/// `Damaged`.
pub fn length(header: &[u8]) -> Result<u64, BootError> {
    let length = header.first_chunk().map(|length| u64::from(u32::from_le_bytes(*length)));
    length.filter(|length| *length <= LIMIT).ok_or(BootError::Damaged("multiboot2 block is too large"))
}

/// Reads the block at `block`.
///
/// # Errors
/// `Damaged`.
pub fn read(info: &BootInformation<'_>, block: Range<u64>) -> Result<Found, BootError> {
    let map = info.memory_map_tag().ok_or(BootError::Damaged("multiboot2 block has no memory map"))?;
    let mut regions = ArrayVec::new();
    for area in map.memory_areas() {
        let kind = kind_of_e820(u32::from(area.typ()));
        let region = RawRegion { base: area.start_address(), length: area.size(), kind };
        let full = BootError::Damaged("multiboot2 memory map has too many entries");
        regions.try_push(region).map_err(|_| full)?;
    }
    let archive = info
        .module_tags()
        .next()
        .map(|module| u64::from(module.start_address())..u64::from(module.end_address()));
    let line = info
        .command_line_tag()
        .and_then(|tag| tag.cmdline().ok())
        .map_or_else(ArrayVec::new, |line| command_line(line.as_bytes()));
    let rsdp = info.tags().filter(|tag| RSDP_TAGS.contains(&u32::from(tag.header().typ))).last().map(|tag| {
        let mut copy = [0; ROOT_POINTER];
        for (to, from) in copy.iter_mut().zip(tag.payload()) {
            *to = *from;
        }
        RootPointer::Copy(copy)
    });
    Ok(Found { protocol: "multiboot2", regions, command_line: line, archive, rsdp, block: Some(block) })
}
