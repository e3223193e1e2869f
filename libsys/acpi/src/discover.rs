//! The whole discovery: find the tables, read each, and go on without those that are bad.

use super::root::{Tables, find_tables};
use super::table::Table;
use super::{AcpiWarning, Fault, PhysMemory, Platform, Signature, fadt, hpet, madt, mcfg, srat};

/// Reads all that the tables say. `rsdp` is the physical address the boot protocol gave for the RSDP.
///
/// Never fails: what cannot be believed is missing from the result and named in [`Platform::warnings`]. Takes time
/// proportional to the tables' size, which is bounded (512 tables of 1 MiB). Called once, on the boot CPU.
#[must_use]
pub fn discover(memory: &impl PhysMemory, rsdp: Option<u64>) -> Platform {
    let mut platform = Platform::unknown();
    let Some(rsdp) = rsdp else {
        platform.warnings.push(AcpiWarning::NoRsdp);
        return platform;
    };
    let Some(tables) = find_tables(memory, rsdp, &mut platform.warnings) else {
        return platform;
    };
    let Tables { madt, fadt, hpet, mcfg, srat } = tables;
    read(&mut platform, Signature::MADT, madt, madt::read);
    read(&mut platform, Signature::FADT, fadt, |platform, table| fadt::read(memory, platform, table));
    read(&mut platform, Signature::HPET, hpet, hpet::read);
    read(&mut platform, Signature::MCFG, mcfg, mcfg::read);
    // After the MADT: it adds the nodes to the CPUs.
    read(&mut platform, Signature::SRAT, srat, srat::read);
    platform
}

/// Reads one table if it is there; a malformed one has changed nothing in `platform` but the warnings.
fn read<'m>(
    platform: &mut Platform,
    signature: Signature,
    table: Option<Table<'m>>,
    reader: impl FnOnce(&mut Platform, Table<'m>) -> Result<(), Fault>,
) {
    let Some(table) = table else {
        if matches!(signature, Signature::MADT | Signature::FADT) {
            platform.warnings.push(AcpiWarning::Missing(signature));
        }
        return;
    };
    if let Err(fault) = reader(platform, table) {
        platform.warnings.push(AcpiWarning::BadTable { signature, address: table.address(), fault });
    }
}
