//! The multiboot2 information (Multiboot2 specification 2.0, section 3.6), by the `multiboot2` crate.

use arrayvec::ArrayVec;
use microkernel_core::memmap::RawRegion;
use multiboot2::{BootInformation, BootInformationHeader};
use x86_64::PhysAddr;

use super::{
    BootError, Found, Framebuffer, ROOT_POINTER, RootPointer, copy_command_line, kind_of_e820, physical_bytes,
};
use crate::mm::layout::direct;

/// Largest block that is believed.
const LIMIT: u64 = 1 << 20;
/// Tags with a copy of the ACPI root pointer, of revision 1 and later; a loader that passes both passes the later last.
const RSDP_TAGS: [u32; 2] = [14, 15];

/// Reads the block at `block`.
pub(super) fn read(block: PhysAddr) -> Result<Found, BootError> {
    let header = physical_bytes(block.as_u64(), 8, "multiboot2 block out of reach")?;
    let length = u64::from(u32::from_le_bytes([header[0], header[1], header[2], header[3]]));
    if length > LIMIT {
        return Err(BootError::Damaged("multiboot2 block is too large"));
    }
    physical_bytes(block.as_u64(), length, "multiboot2 block out of reach")?;
    let start: *const BootInformationHeader = direct(block).as_ptr();
    // SAFETY: the boot code's direct map shows the whole block, as just checked; the crate checks alignment and tags.
    let info = unsafe { BootInformation::load(start) }
        .map_err(|_| BootError::Damaged("multiboot2 block is damaged"))?;

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
    let command_line = info
        .command_line_tag()
        .and_then(|tag| tag.cmdline().ok())
        .map_or_else(ArrayVec::new, |line| copy_command_line(line.as_bytes()));
    let rsdp = info.tags().filter(|tag| RSDP_TAGS.contains(&u32::from(tag.header().typ))).last().map(|tag| {
        let mut copy = [0; ROOT_POINTER];
        for (to, from) in copy.iter_mut().zip(tag.payload()) {
            *to = *from;
        }
        RootPointer::Copy(copy)
    });
    let framebuffer = info.framebuffer_tag().and_then(Result::ok).map(|tag| Framebuffer {
        address: tag.address(),
        width: tag.width(),
        height: tag.height(),
        pitch: tag.pitch(),
        depth: tag.bpp(),
    });
    let mut blocks = ArrayVec::new();
    blocks.push(block.as_u64()..block.as_u64() + length);
    Ok(Found { protocol: "multiboot2", regions, command_line, archive, rsdp, framebuffer, blocks })
}
