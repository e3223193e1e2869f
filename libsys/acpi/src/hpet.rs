//! The HPET table (IA-PC HPET Specification 1.0a, 3.2.4).
//!
//! The `acpi` crate has this structure too, but shows its fields only to those who let it search all tables itself.

use super::table::{Table, u16_at, u64_at};
use super::{AcpiWarning, Fault, Hpet, Platform, Signature};

/// Bytes of the table.
pub(super) const LENGTH: usize = 56;

/// Reads where the HPET is; it must be in memory.
pub(super) fn read(platform: &mut Platform, table: Table<'_>) -> Result<(), Fault> {
    let bytes = table.bytes();
    // A generic address: space, width, offset, access size, address.
    let (space, address) = (bytes.get(40), u64_at(bytes, 44));
    if space == Some(&0) && address != 0 && address.is_multiple_of(8) && address < 1 << 52 {
        platform.hpet = Some(Hpet { address, minimum_tick: u16_at(bytes, 53) });
    } else {
        let signature = Signature::HPET;
        platform.warnings.push(AcpiWarning::BadValue { signature, what: "address of the HPET" });
    }
    Ok(())
}
