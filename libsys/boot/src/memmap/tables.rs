//! Where firmware's tables may be read, by the map: never where reading could do something.

use core::ops::Range;

use super::{MemoryMap, RegionKind};

/// Where BIOSes keep the root pointer and small tables, whether the map names the area or not.
pub const BIOS_AREA: Range<u64> = 0xe_0000..0x10_0000;
/// Where IO-APICs, HPETs and local APICs live on a PC: reading there has effects.
const DEVICE_AREA: Range<u64> = 0xfec0_0000..0xff00_0000;
/// Kinds of memory that the kernel maps anyway.
const MEMORY: [RegionKind; 4] =
    [RegionKind::Usable, RegionKind::BootData, RegionKind::AcpiReclaimable, RegionKind::AcpiNvs];

/// How bytes that may hold a table can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// They are memory.
    InMemory,
    /// They are reserved: whoever wants to read them has to map them.
    Reserved,
}

impl MemoryMap {
    /// Whether, and how, `range` may be read in search of firmware's tables.
    #[must_use]
    pub fn table(&self, range: Range<u64>) -> Option<Table> {
        if self.contains(range.clone(), &MEMORY) {
            return Some(Table::InMemory);
        }
        let in_bios_area = BIOS_AREA.start <= range.start && range.end <= BIOS_AREA.end;
        let at_devices = range.start < DEVICE_AREA.end && DEVICE_AREA.start < range.end;
        let allowed = in_bios_area || self.contains(range.clone(), &[RegionKind::Reserved]);
        (allowed && !at_devices && !range.is_empty()).then_some(Table::Reserved)
    }
}

/// Looks through the bytes of the [`BIOS_AREA`] for the root pointer, for loaders that do not say; its address. (ACPI 6.5, section
/// 5.2.5.1.)
#[must_use]
pub fn find_root_pointer(area: &[u8]) -> Option<u64> {
    let found = area.chunks_exact(16).position(|chunk| chunk.starts_with(b"RSD PTR "))?;
    Some(BIOS_AREA.start + found as u64 * 16)
}
