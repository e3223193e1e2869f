//! The one place where validated bytes become structures of the `acpi` crate.
//!
//! The crate's types are `repr(C, packed)` (so any address is aligned for them) and made of plain integers (so any
//! bytes are a value of them), but their methods follow lengths found in the bytes without a look at where the table
//! ends. Each function here therefore checks first what those methods will rely on, and lends out the structure for no
//! longer than the bytes. The crate never maps memory by itself, so it cannot be made to read elsewhere.
#![expect(unsafe_code, reason = "the acpi crate offers no safe way in")]

use ::acpi::{fadt::Fadt, madt as crate_madt, mcfg::Mcfg};
use core::{mem::size_of, pin::Pin, ptr};

use super::Fault;
use super::table::Table;

/// Bytes of the MADT before its entries.
pub(super) const MADT_FIXED: usize = size_of::<crate_madt::Madt>();
/// Bytes of the MCFG before its entries.
pub(super) const MCFG_FIXED: usize = size_of::<Mcfg>();
/// Bytes of the longest FADT the crate knows.
const FADT_FULL: usize = size_of::<Fadt>();

/// The MADT, after checking every entry's length against the structure the crate will lay over it.
pub(super) fn madt<'m>(table: &Table<'m>) -> Result<Pin<&'m crate_madt::Madt>, Fault> {
    let bytes = table.bytes();
    if bytes.len() < MADT_FIXED {
        return Err(Fault::Length(bytes.len() as u32));
    }
    table.check_entries(MADT_FIXED, madt_entry_size)?;
    // SAFETY: there are at least MADT_FIXED bytes, borrowed for 'm; Madt is packed and all integers. Its iterator walks
    // `header.length - MADT_FIXED` bytes behind it: Table keeps `bytes` exactly `header.length` long, and check_entries
    // has seen that the entries end at the table's end, are longer than 0, and contain their structure. Nothing moves
    // out of a shared reference, so pinning it is sound.
    Ok(unsafe { Pin::new_unchecked(&*bytes.as_ptr().cast::<crate_madt::Madt>()) })
}

/// Bytes of the structure that the crate lays over an entry of this kind; it skips kinds that are not listed.
fn madt_entry_size(kind: u8) -> usize {
    match kind {
        0x00 => size_of::<crate_madt::LocalApicEntry>(),
        0x01 => size_of::<crate_madt::IoApicEntry>(),
        0x02 => size_of::<crate_madt::InterruptSourceOverrideEntry>(),
        0x03 => size_of::<crate_madt::NmiSourceEntry>(),
        0x04 => size_of::<crate_madt::LocalApicNmiEntry>(),
        0x05 => size_of::<crate_madt::LocalApicAddressOverrideEntry>(),
        0x06 => size_of::<crate_madt::IoSapicEntry>(),
        0x07 => size_of::<crate_madt::LocalSapicEntry>(),
        0x08 => size_of::<crate_madt::PlatformInterruptSourceEntry>(),
        0x09 => size_of::<crate_madt::LocalX2ApicEntry>(),
        0x0a => size_of::<crate_madt::X2ApicNmiEntry>(),
        0x0b => size_of::<crate_madt::GiccEntry>(),
        0x0c => size_of::<crate_madt::GicdEntry>(),
        0x0d => size_of::<crate_madt::GicMsiFrameEntry>(),
        0x0e => size_of::<crate_madt::GicRedistributorEntry>(),
        0x0f => size_of::<crate_madt::GicInterruptTranslationServiceEntry>(),
        0x10 => size_of::<crate_madt::MultiprocessorWakeupEntry>(),
        _ => size_of::<crate_madt::EntryHeader>(),
    }
}

/// A copy of the FADT; fields that an older, shorter table lacks are 0, which means "absent" for each of them.
pub(super) fn fadt(table: &Table<'_>) -> Fadt {
    let mut padded = [0; FADT_FULL];
    for (to, from) in padded.iter_mut().zip(table.bytes()) {
        *to = *from;
    }
    // SAFETY: `padded` has exactly as many bytes as Fadt, which is packed and all integers (those of later revisions
    // wrapped in MaybeUninit, and initialised here).
    unsafe { ptr::read_unaligned(padded.as_ptr().cast()) }
}

/// The MCFG.
pub(super) fn mcfg<'m>(table: &Table<'m>) -> Result<&'m Mcfg, Fault> {
    let bytes = table.bytes();
    if bytes.len() < MCFG_FIXED {
        return Err(Fault::Length(bytes.len() as u32));
    }
    // SAFETY: there are at least MCFG_FIXED bytes, borrowed for 'm; Mcfg is packed and all integers. Its `entries` are
    // as many whole ones as fit in `header.length - MCFG_FIXED` bytes, and Table keeps `bytes` that long.
    Ok(unsafe { &*bytes.as_ptr().cast() })
}
