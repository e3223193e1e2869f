//! What the kernel learns from whoever loaded it, in one form whatever the road.
//!
//! Nothing the loader says is believed before it is checked: an information block that does not add up is refused with a
//! reason and exit status 3.

mod multiboot2;
mod pvh;

use arrayvec::ArrayVec;
use core::fmt;
use core::ops::Range;

use microkernel_core::memmap::{MAX_REGIONS, MemoryMap, MemoryMapError, RawRegion, RegionKind};
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::boot::{BOOT_MAPPED, Road};
use crate::mm::layout::{self, direct, physical_of_image};

/// Longest command line that is kept.
pub(crate) const MAX_COMMAND_LINE: usize = 1024;

/// A linear framebuffer that the loader has set up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framebuffer {
    /// Physical address of the first pixel.
    pub(crate) address: u64,
    /// Pixels in a row.
    pub(crate) width: u32,
    /// Rows.
    pub(crate) height: u32,
    /// Bytes from a row to the next.
    pub(crate) pitch: u32,
    /// Bits of a pixel.
    pub(crate) depth: u8,
}

/// The loader's information, copied out of its memory.
#[derive(Debug)]
pub(crate) struct BootInfo {
    /// How the kernel was loaded, for people.
    pub(crate) protocol: &'static str,
    /// Physical memory; what the kernel, the archive and the loader's block occupy is marked.
    pub(crate) map: MemoryMap,
    /// The command line's bytes.
    pub(crate) command_line: ArrayVec<u8, MAX_COMMAND_LINE>,
    /// Physical range of the boot archive.
    pub(crate) archive: Range<u64>,
    /// The ACPI root pointer, if the loader knows.
    pub(crate) rsdp: Option<RootPointer>,
    /// A framebuffer, if there is one.
    pub(crate) framebuffer: Option<Framebuffer>,
}

/// Where the ACPI root pointer is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RootPointer {
    /// At this physical address.
    At(u64),
    /// Here: the loader passed a copy, in memory that is not kept.
    Copy([u8; ROOT_POINTER]),
}

/// Bytes of a root pointer of revision 2; one of revision 1 is shorter and padded with zeroes (ACPI 6.5, table 5.3).
pub(crate) const ROOT_POINTER: usize = 36;

/// What a road's reader finds, before the common checks.
struct Found {
    protocol: &'static str,
    regions: ArrayVec<RawRegion, MAX_REGIONS>,
    command_line: ArrayVec<u8, MAX_COMMAND_LINE>,
    archive: Option<Range<u64>>,
    rsdp: Option<RootPointer>,
    framebuffer: Option<Framebuffer>,
    /// The loader's own block, which must not be overwritten while it is in use.
    blocks: ArrayVec<Range<u64>, 4>,
}

/// Why the boot is refused.
#[derive(Debug)]
pub(crate) enum BootError {
    /// The loader's block is not where it could be, or contradicts itself.
    Damaged(&'static str),
    /// The memory map is unusable.
    Map(MemoryMapError),
    /// The loader passed no archive.
    NoArchive,
    /// The archive does not lie in usable memory that can be reached.
    ArchiveOutside(Range<u64>),
    /// The memory map says that the kernel is not in memory.
    KernelOutside,
}

impl fmt::Display for BootError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged(what) => write!(f, "boot information: {what}"),
            Self::Map(error) => write!(f, "{error}"),
            Self::NoArchive => f.write_str("no boot archive: pass one as -initrd or module2"),
            Self::ArchiveOutside(range) => {
                write!(f, "boot archive at {:#x}-{:#x} is not in usable memory", range.start, range.end)
            }
            Self::KernelOutside => f.write_str("memory map: the kernel's own pages are not usable memory"),
        }
    }
}

/// Reads and checks what `road`'s loader left. On the boot code's tables, once.
///
/// # Errors
/// See [`BootError`].
pub(crate) fn read(road: Road) -> Result<BootInfo, BootError> {
    let mut found = match road {
        Road::Pvh(block) => pvh::read(block)?,
        Road::Multiboot2(block) => multiboot2::read(block)?,
    };
    inject_faults(&mut found);
    let mut map = MemoryMap::normalise(found.regions.iter().copied()).map_err(BootError::Map)?;
    let image = layout::image();
    let kernel = physical_of_image(image.start).as_u64()..physical_of_image(image.end).as_u64();
    let taken = map.reserve(kernel.clone(), RegionKind::Kernel).map_err(BootError::Map)?;
    if taken != kernel.end - kernel.start {
        return Err(BootError::KernelOutside);
    }
    // Page 0 stays out of use, so that no valid frame has address 0.
    map.reserve(0..4096, RegionKind::Reserved).map_err(BootError::Map)?;
    let archive = found.archive.ok_or(BootError::NoArchive)?;
    if archive.end > BOOT_MAPPED || !map.contains(archive.clone(), &[RegionKind::Usable]) {
        return Err(BootError::ArchiveOutside(archive));
    }
    map.reserve(archive.clone(), RegionKind::BootData).map_err(BootError::Map)?;
    for block in found.blocks {
        map.reserve(block, RegionKind::BootData).map_err(BootError::Map)?;
    }
    Ok(BootInfo {
        protocol: found.protocol,
        map,
        command_line: found.command_line,
        archive,
        rsdp: found.rsdp,
        framebuffer: found.framebuffer,
    })
}

/// Makes the memory map contradict itself when the command line asks for it, to test the refusal.
fn inject_faults(found: &mut Found) {
    #[cfg(feature = "test")]
    {
        use microkernel_core::cmdline::{MemoryMapSource, Options};
        if Options::parse(&found.command_line).memory_map == MemoryMapSource::Overlapping
            && let Some(usable) =
                found.regions.iter().find(|region| region.kind == RegionKind::Usable).copied()
        {
            let base = usable.base + usable.length / 2;
            let _ = found.regions.try_push(RawRegion { base, length: 4096, kind: RegionKind::Reserved });
        }
    }
    #[cfg(not(feature = "test"))]
    let _ = found;
}

/// `length` bytes of physical memory, as the boot code's tables show it.
///
/// # Errors
/// Not within what they show.
fn physical_bytes(start: u64, length: u64, what: &'static str) -> Result<&'static [u8], BootError> {
    let end = start.checked_add(length).ok_or(BootError::Damaged(what))?;
    if start == 0 || end > BOOT_MAPPED {
        return Err(BootError::Damaged(what));
    }
    let address: VirtAddr = direct(PhysAddr::new_truncate(start));
    // SAFETY: shown by the boot code's direct map; the loader's block is not written while boot reads it.
    Ok(unsafe { core::slice::from_raw_parts(address.as_ptr(), length as usize) })
}

/// Copies a zero-terminated command line.
fn copy_command_line(bytes: &[u8]) -> ArrayVec<u8, MAX_COMMAND_LINE> {
    bytes.iter().copied().take_while(|byte| *byte != 0).take(MAX_COMMAND_LINE).collect()
}

/// The kind of memory behind a type number of the BIOS's map (ACPI 6.5, section 15, table 15.4), which both roads use.
fn kind_of_e820(number: u32) -> RegionKind {
    match number {
        1 => RegionKind::Usable,
        3 => RegionKind::AcpiReclaimable,
        4 => RegionKind::AcpiNvs,
        5 => RegionKind::Bad,
        _ => RegionKind::Reserved,
    }
}
