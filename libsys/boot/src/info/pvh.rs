//! The PVH start information (Xen, `docs/misc/pvh.pandoc` and `public/arch-x86/hvm/start_info.h`).

use arrayvec::ArrayVec;

use super::{BootError, Found, Reach, RootPointer, bytes, command_line, kind_of_e820};
use crate::memmap::RawRegion;

const MAGIC: u32 = 0x336e_c578;
const START_INFO: u64 = 56;
const MODULE: u64 = 32;
const MEMORY_MAP_ENTRY: u64 = 24;
/// Most modules and map entries that are looked at.
const LIMIT: u64 = 256;

/// Reads the block at `block`.
///
/// # Errors
/// `Damaged`.
pub fn read(memory: Reach<'_, '_>, block: u64) -> Result<Found, BootError> {
    let info = bytes(memory, block, START_INFO, "PVH start information out of reach")?;
    if u32_at(info, 0) != MAGIC {
        return Err(BootError::Damaged("PVH magic number is wrong"));
    }
    if u32_at(info, 4) < 1 {
        return Err(BootError::Damaged("PVH start information has no memory map (version 0)"));
    }
    let (modules, entries) = (u64::from(u32_at(info, 12)), u64::from(u32_at(info, 48)));
    if modules > LIMIT || entries > LIMIT {
        return Err(BootError::Damaged("PVH start information has too many entries"));
    }
    let archive = match modules {
        0 => None,
        _ => {
            let module = bytes(memory, u64_at(info, 16), MODULE, "PVH module list out of reach")?;
            let (start, length) = (u64_at(module, 0), u64_at(module, 8));
            let end = start.checked_add(length).ok_or(BootError::Damaged("PVH module wraps around"))?;
            Some(start..end)
        }
    };
    let table = bytes(memory, u64_at(info, 40), entries * MEMORY_MAP_ENTRY, "PVH memory map out of reach")?;
    let mut regions = ArrayVec::new();
    for entry in table.chunks_exact(MEMORY_MAP_ENTRY as usize) {
        let (base, length, kind) = (u64_at(entry, 0), u64_at(entry, 8), kind_of_e820(u32_at(entry, 16)));
        let full = BootError::Damaged("PVH memory map has too many entries");
        regions.try_push(RawRegion { base, length, kind }).map_err(|_| full)?;
    }
    let line = match u64_at(info, 24) {
        0 => ArrayVec::new(),
        at => command_line(bytes(memory, at, 4096, "PVH command line out of reach")?),
    };
    let rsdp = Some(u64_at(info, 32)).filter(|address| *address != 0).map(RootPointer::At);
    Ok(Found { protocol: "PVH", regions, command_line: line, archive, rsdp, block: None })
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("4 bytes"))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes[offset..offset + 8].try_into().expect("8 bytes"))
}
