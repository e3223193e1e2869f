//! What a loader leaves for the kernel, in one form whatever the road.
//!
//! Nothing the loader says is believed before it is checked: what does not add up is an error with a reason. Memory is reached by a function
//! of the caller's, so that any bytes can be tried here.

mod multiboot2;
mod pvh;

pub use multiboot2::{length as multiboot2_length, read as multiboot2};
pub use pvh::read as pvh;

use core::fmt;
use core::ops::Range;

use arrayvec::ArrayVec;

use crate::memmap::{MAX_REGIONS, MemoryMap, MemoryMapError, RawRegion, RegionKind};

/// Longest command line that is kept, in bytes.
pub const MAX_COMMAND_LINE: usize = 1024;
/// Bytes of an ACPI root pointer of revision 2 (ACPI 6.5, section 5.2.5.3).
pub const ROOT_POINTER: usize = 36;

/// What the loader said, checked.
#[derive(Clone, Debug)]
pub struct BootInfo {
    /// By which protocol.
    pub protocol: &'static str,
    /// Physical memory.
    pub map: MemoryMap,
    /// The command line, as it was.
    pub command_line: ArrayVec<u8, MAX_COMMAND_LINE>,
    /// Where the boot archive is.
    pub archive: Range<u64>,
    /// Where ACPI begins, if the loader knows.
    pub rsdp: Option<RootPointer>,
}

/// Where ACPI begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootPointer {
    /// The root pointer's physical address.
    At(u64),
    /// The loader's copy of it.
    Copy([u8; ROOT_POINTER]),
}

/// What a block of information says, as far as it is well-formed.
#[derive(Debug)]
pub struct Found {
    /// By which protocol.
    pub protocol: &'static str,
    /// Physical memory as reported.
    pub regions: ArrayVec<RawRegion, MAX_REGIONS>,
    /// The command line.
    pub command_line: ArrayVec<u8, MAX_COMMAND_LINE>,
    /// The first module.
    pub archive: Option<Range<u64>>,
    /// Where ACPI begins.
    pub rsdp: Option<RootPointer>,
    /// Where the information itself lies, if it has to be kept.
    pub block: Option<Range<u64>>,
}

/// Why the kernel can't start with what it was told.
#[derive(Debug, PartialEq, Eq)]
pub enum BootError {
    /// The loader's information is not well-formed.
    Damaged(&'static str),
    /// The memory map is no map.
    Map(MemoryMapError),
    /// Without the boot archive there is nothing to run.
    NoArchive,
    /// The archive is not in memory that can be kept.
    ArchiveOutside(Range<u64>),
    /// The kernel itself is not in memory.
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

impl From<MemoryMapError> for BootError {
    fn from(error: MemoryMapError) -> Self {
        Self::Map(error)
    }
}

/// Bytes at a physical address, so many, if all of them can be reached.
pub type Reach<'f, 'm> = &'f dyn Fn(u64, u64) -> Option<&'m [u8]>;

impl Found {
    /// Checks it against itself, for a kernel that lies at `kernel` and can reach physical memory up to `reach`.
    ///
    /// # Errors
    /// See [`BootError`].
    pub fn check(self, kernel: Range<u64>, reach: u64) -> Result<BootInfo, BootError> {
        let mut map = MemoryMap::normalise(self.regions.iter().copied())?;
        if map.reserve(kernel.clone(), RegionKind::Kernel)? != kernel.end - kernel.start {
            return Err(BootError::KernelOutside);
        }
        // Page 0 stays unused: so that a physical address of 0 always means none.
        map.reserve(0..4096, RegionKind::Reserved)?;
        let archive = self.archive.ok_or(BootError::NoArchive)?;
        if archive.end > reach || !map.contains(archive.clone(), &[RegionKind::Usable]) {
            return Err(BootError::ArchiveOutside(archive));
        }
        map.reserve(archive.clone(), RegionKind::BootData)?;
        if let Some(block) = self.block {
            map.reserve(block, RegionKind::BootData)?;
        }
        let Self { protocol, command_line, rsdp, .. } = self;
        Ok(BootInfo { protocol, map, command_line, archive, rsdp })
    }
}

/// Bytes that the block says are there.
fn bytes<'m>(
    memory: Reach<'_, 'm>,
    start: u64,
    length: u64,
    what: &'static str,
) -> Result<&'m [u8], BootError> {
    memory(start, length).ok_or(BootError::Damaged(what))
}

fn command_line(bytes: &[u8]) -> ArrayVec<u8, MAX_COMMAND_LINE> {
    bytes.iter().copied().take_while(|byte| *byte != 0).take(MAX_COMMAND_LINE).collect()
}

/// The kinds of the BIOS's memory map (ACPI 6.5, section 15.1).
fn kind_of_e820(number: u32) -> RegionKind {
    match number {
        1 => RegionKind::Usable,
        3 => RegionKind::AcpiReclaimable,
        4 => RegionKind::AcpiNvs,
        5 => RegionKind::Bad,
        _ => RegionKind::Reserved,
    }
}
