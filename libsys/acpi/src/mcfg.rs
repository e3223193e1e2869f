//! The MCFG: where PCI configuration space is mapped (PCI Firmware Specification 3.3, 4.1.2).

use super::table::Table;
use super::{AcpiWarning, Fault, List, PciSegment, Platform, Signature, view};

/// Bytes before the entries.
pub(super) const FIXED: usize = view::MCFG_FIXED;

/// Reads all entries; those that make no sense are dropped one by one. Bytes behind the last whole entry are ignored:
/// firmware is known to pad this table.
pub(super) fn read(platform: &mut Platform, table: Table<'_>) -> Result<(), Fault> {
    for entry in view::mcfg(&table)?.entries() {
        let segment = PciSegment {
            segment: entry.pci_segment_group,
            first_bus: entry.bus_number_start,
            last_bus: entry.bus_number_end,
            base: entry.base_address,
        };
        if !makes_sense(&segment, &platform.pci_segments) {
            let (signature, what) = (Signature::MCFG, "configuration space of a PCI segment");
            platform.warnings.push(AcpiWarning::BadValue { signature, what });
        } else if platform.pci_segments.try_push(segment).is_err() {
            platform.warnings.push(AcpiWarning::TooMany(List::PciSegments));
        }
    }
    Ok(())
}

fn makes_sense(segment: &PciSegment, others: &[PciSegment]) -> bool {
    let overlaps = |other: &PciSegment| {
        other.segment == segment.segment
            && other.first_bus <= segment.last_bus
            && segment.first_bus <= other.last_bus
    };
    segment.base != 0
        && segment.base.is_multiple_of(1 << 20)
        && segment.base < 1 << 52
        && segment.first_bus <= segment.last_bus
        && !others.iter().any(overlaps)
}
