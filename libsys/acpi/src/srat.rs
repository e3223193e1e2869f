//! The SRAT: which CPUs and which memory are near each other (ACPI 5.2.16).
//!
//! Firmware numbers its proximity domains as it likes; the kernel wants small indexes, so nodes are numbered in the
//! order in which the table first names their domain.

use arrayvec::ArrayVec;

use super::table::{Table, u32_at, u64_at};
use super::{AcpiWarning, Fault, List, MAX_NODES, NumaMemory, Platform, Signature, Warnings};

/// Bytes before the entries.
pub(super) const FIXED: usize = 48;

const CPU: u8 = 0;
const MEMORY: u8 = 1;
const X2APIC_CPU: u8 = 2;

/// Reads all entries that are enabled.
pub(super) fn read(platform: &mut Platform, table: Table<'_>) -> Result<(), Fault> {
    table.check_entries(FIXED, |kind| match kind {
        CPU => 16,
        MEMORY => 40,
        X2APIC_CPU => 24,
        _ => 2,
    })?;
    let revision = table.bytes().get(8).copied().unwrap_or(0);
    let mut nodes = Nodes(ArrayVec::new());
    let mut rest = table.after(FIXED);
    while let [kind, length, ..] = *rest {
        let (entry, behind) = rest.split_at_checked(usize::from(length).max(2)).unwrap_or((rest, &[]));
        rest = behind;
        match kind {
            CPU if u32_at(entry, 4) & 1 != 0 => {
                let low = u32::from(entry[2]);
                // Revision 1 had domains of 8 bits and left the rest undefined.
                let high = if revision < 2 { 0 } else { u32_at(entry, 8) >> 8 << 8 };
                let node = nodes.index(high | low, &mut platform.warnings);
                set_node(platform, u32::from(entry[3]), node);
            }
            X2APIC_CPU if u32_at(entry, 12) & 1 != 0 => {
                let node = nodes.index(u32_at(entry, 4), &mut platform.warnings);
                set_node(platform, u32_at(entry, 8), node);
            }
            MEMORY if u32_at(entry, 28) & 1 != 0 => {
                let domain = if revision < 2 { u32_at(entry, 2) & 0xff } else { u32_at(entry, 2) };
                let node = nodes.index(domain, &mut platform.warnings);
                add_memory(platform, u64_at(entry, 8), u64_at(entry, 16), node);
            }
            _ => {}
        }
    }
    if !nodes.0.is_empty() {
        platform.nodes = nodes.0;
    }
    Ok(())
}

/// The domains met so far.
struct Nodes(ArrayVec<u32, MAX_NODES>);

impl Nodes {
    /// The domain's node. Domains beyond the limit share node 0.
    fn index(&mut self, domain: u32, warnings: &mut Warnings) -> u32 {
        if let Some(node) = self.0.iter().position(|known| *known == domain) {
            return node as u32;
        }
        if self.0.try_push(domain).is_err() {
            warnings.push(AcpiWarning::TooMany(List::Nodes));
            return 0;
        }
        self.0.len() as u32 - 1
    }
}

fn set_node(platform: &mut Platform, apic_id: u32, node: u32) {
    if let Some(cpu) = platform.cpus.iter_mut().find(|cpu| cpu.apic_id == apic_id) {
        cpu.node = node;
    }
}

fn add_memory(platform: &mut Platform, start: u64, length: u64, node: u32) {
    let end = start.saturating_add(length);
    let overlaps = |other: &NumaMemory| other.start < end && start < other.end;
    if length == 0 || end - start != length || platform.numa_memory.iter().any(overlaps) {
        let (signature, what) = (Signature::SRAT, "range of a node's memory");
        platform.warnings.push(AcpiWarning::BadValue { signature, what });
    } else if platform.numa_memory.try_push(NumaMemory { start, end, node }).is_err() {
        platform.warnings.push(AcpiWarning::TooMany(List::MemoryRanges));
    }
}
