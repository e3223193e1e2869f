//! From the RSDP to the tables: each link checked before it is followed.

use super::table::{HEADER, Table, bytes, sums_to_zero, u32_at, u64_at};
use super::{AcpiWarning, Fault, List, PhysMemory, Signature, Warnings};

/// Bytes of the RSDP of ACPI 1.0, covered by the first checksum.
const RSDP_1: usize = 20;
/// Bytes of the RSDP since ACPI 2.0.
const RSDP_2: usize = 36;
/// Longest RSDP believed.
const RSDP_MAX: u32 = 4096;
/// Most entries of the root table looked at.
const MAX_ENTRIES: usize = 512;

/// The tables this kernel reads, as far as they are there and their frames are good.
#[derive(Debug, Default)]
pub(super) struct Tables<'m> {
    pub(super) madt: Option<Table<'m>>,
    pub(super) fadt: Option<Table<'m>>,
    pub(super) hpet: Option<Table<'m>>,
    pub(super) mcfg: Option<Table<'m>>,
    pub(super) srat: Option<Table<'m>>,
}

impl<'m> Tables<'m> {
    /// Where to keep a table of this kind, and the least bytes it must have; `None` for kinds not read.
    fn place(&mut self, signature: Signature) -> Option<(&mut Option<Table<'m>>, usize)> {
        Some(match signature {
            Signature::MADT => (&mut self.madt, super::madt::FIXED),
            Signature::FADT => (&mut self.fadt, super::fadt::MINIMUM),
            Signature::HPET => (&mut self.hpet, super::hpet::LENGTH),
            Signature::MCFG => (&mut self.mcfg, super::mcfg::FIXED),
            Signature::SRAT => (&mut self.srat, super::srat::FIXED),
            _ => return None,
        })
    }
}

/// Finds all tables; whatever is bad is left out, with a warning.
pub(super) fn find_tables<'m>(
    memory: &'m impl PhysMemory,
    rsdp: u64,
    warnings: &mut Warnings,
) -> Option<Tables<'m>> {
    let roots = match read_rsdp(memory, rsdp) {
        Ok(roots) if roots.iter().any(Option::is_some) => roots,
        other => {
            let fault = other.err().unwrap_or(Fault::NoRoot);
            warnings.push(AcpiWarning::BadRsdp { address: rsdp, fault });
            return None;
        }
    };
    for root in roots.into_iter().flatten() {
        match root.load(memory) {
            Ok(table) => return Some(collect(memory, &table, root.width, warnings)),
            Err(fault) => {
                let (signature, address) = (root.signature, root.address);
                warnings.push(AcpiWarning::BadTable { signature, address, fault });
            }
        }
    }
    None
}

/// A root table the RSDP names.
struct Root {
    signature: Signature,
    address: u64,
    /// Bytes of an entry.
    width: usize,
}

impl Root {
    fn load<'m>(&self, memory: &'m impl PhysMemory) -> Result<Table<'m>, Fault> {
        let table = Table::load(memory, self.address, self.signature, HEADER)?;
        let length = table.bytes().len();
        if (length - HEADER).is_multiple_of(self.width) {
            Ok(table)
        } else {
            Err(Fault::Length(length as u32))
        }
    }
}

/// The root tables in order of preference: the XSDT, which alone can name tables above 4 GiB, then the RSDT.
fn read_rsdp(memory: &impl PhysMemory, address: u64) -> Result<[Option<Root>; 2], Fault> {
    let rsdp = bytes(memory, address, RSDP_1).ok_or(Fault::Outside)?;
    if !rsdp.starts_with(b"RSD PTR ") {
        return Err(Fault::Signature);
    }
    if !sums_to_zero(rsdp) {
        return Err(Fault::Checksum);
    }
    let rsdt = match u32_at(rsdp, 16) {
        0 => None,
        address => Some(Root { signature: Signature::RSDT, address: address.into(), width: 4 }),
    };
    match rsdp[15] {
        0 => return Ok([rsdt, None]),
        1 => return Err(Fault::Revision(1)),
        _ => {}
    }
    let rsdp = bytes(memory, address, RSDP_2).ok_or(Fault::Outside)?;
    let length = u32_at(rsdp, 20);
    if length > RSDP_MAX || (length as usize) < RSDP_2 {
        return Err(Fault::Length(length));
    }
    let rsdp = bytes(memory, address, length as usize).ok_or(Fault::Outside)?;
    if !sums_to_zero(rsdp) {
        return Err(Fault::Checksum);
    }
    let xsdt = match u64_at(rsdp, 24) {
        0 => None,
        address => Some(Root { signature: Signature::XSDT, address, width: 8 }),
    };
    Ok([xsdt, rsdt])
}

/// Checks the tables that a root table lists.
fn collect<'m>(
    memory: &'m impl PhysMemory,
    root: &Table<'m>,
    width: usize,
    warnings: &mut Warnings,
) -> Tables<'m> {
    let mut tables = Tables::default();
    let entries = root.after(HEADER).chunks_exact(width);
    if entries.len() > MAX_ENTRIES {
        warnings.push(AcpiWarning::TooMany(List::Tables));
    }
    for entry in entries.take(MAX_ENTRIES) {
        // Four bytes of an RSDT's entry are extended with zeros.
        let address = u64_at(entry, 0);
        let Some(signature) = Table::signature_at(memory, address) else {
            let signature = Signature::UNKNOWN;
            warnings.push(AcpiWarning::BadTable { signature, address, fault: Fault::Outside });
            continue;
        };
        if address == root.address() {
            warnings.push(AcpiWarning::BadTable { signature, address, fault: Fault::Loop });
            continue;
        }
        let Some((place, minimum)) = tables.place(signature) else { continue };
        if place.is_some() {
            warnings.push(AcpiWarning::Duplicate(signature));
            continue;
        }
        match Table::load(memory, address, signature, minimum) {
            Ok(table) => *place = Some(table),
            Err(fault) => warnings.push(AcpiWarning::BadTable { signature, address, fault }),
        }
    }
    tables
}
