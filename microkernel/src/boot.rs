//! What the kernel learns from whoever loaded it (`libsys/boot` reads it): where the blocks of information are, and the memory they lie in.
//!
//! A block that does not add up is refused with a reason and exit status 3.

use microkernel_core::bootinfo::{self, BootError, BootInfo, Found};
use multiboot2::{BootInformation, BootInformationHeader};
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::boot::{BOOT_MAPPED, Road};
use crate::mm::layout::{self, direct, physical_of_image};

/// Reads what the loader left.
///
/// # Errors
/// See [`BootError`].
pub(crate) fn read(road: Road) -> Result<BootInfo, BootError> {
    let found = match road {
        Road::Pvh(block) => bootinfo::pvh(&physical_bytes, block.as_u64())?,
        Road::Multiboot2(block) => multiboot2(block.as_u64())?,
    };
    #[cfg(feature = "test")]
    let found = with_faults(found);
    let image = layout::image();
    found.check(physical_of_image(image.start).as_u64()..physical_of_image(image.end).as_u64(), BOOT_MAPPED)
}

fn multiboot2(block: u64) -> Result<Found, BootError> {
    const OUTSIDE: BootError = BootError::Damaged("multiboot2 block out of reach");
    let length = bootinfo::multiboot2_length(physical_bytes(block, 8).ok_or(OUTSIDE)?)?;
    let start = physical_bytes(block, length).ok_or(OUTSIDE)?.as_ptr().cast::<BootInformationHeader>();
    // SAFETY: the whole block is there, as just checked, and nobody's; the crate checks alignment and tags.
    let info = unsafe { BootInformation::load(start) };
    let info = info.map_err(|_| BootError::Damaged("multiboot2 block is damaged"))?;
    bootinfo::multiboot2(&info, block..block + length)
}

/// Bytes of the loader's, if the boot code's direct map shows them.
fn physical_bytes(start: u64, length: u64) -> Option<&'static [u8]> {
    let end = start.checked_add(length)?;
    if start == 0 || end > BOOT_MAPPED {
        return None;
    }
    let address: VirtAddr = direct(PhysAddr::new_truncate(start));
    // SAFETY: mapped, as just checked, and nobody writes there before the memory map is in use.
    Some(unsafe { core::slice::from_raw_parts(address.as_ptr(), length as usize) })
}

/// Makes the memory map contradict itself when the command line asks for it, to test the refusal.
#[cfg(feature = "test")]
fn with_faults(mut found: Found) -> Found {
    use microkernel_core::cmdline::{MemoryMapSource, Options};
    use microkernel_core::memmap::{RawRegion, RegionKind};
    if Options::parse(&found.command_line).memory_map == MemoryMapSource::Overlapping
        && let Some(usable) = found.regions.iter().find(|region| region.kind == RegionKind::Usable).copied()
    {
        let base = usable.base + usable.length / 2;
        let _ = found.regions.try_push(RawRegion { base, length: 4096, kind: RegionKind::Reserved });
    }
    found
}
