//! A table whose frame was checked: it lies inside the memory for tables, its length is credible, its bytes sum to 0.

use core::fmt;

use super::{EntryProblem, Fault, PhysMemory};

/// Bytes of the header that all tables share (ACPI 5.2.6).
pub(super) const HEADER: usize = 36;
/// Longest table believed.
const MAX_LENGTH: u32 = 1 << 20;

/// The four letters that name a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 4]);

impl Signature {
    pub(super) const UNKNOWN: Self = Self(*b"????");
    pub(super) const RSDT: Self = Self(*b"RSDT");
    pub(super) const XSDT: Self = Self(*b"XSDT");
    pub(super) const MADT: Self = Self(*b"APIC");
    pub(super) const FADT: Self = Self(*b"FACP");
    pub(super) const DSDT: Self = Self(*b"DSDT");
    pub(super) const HPET: Self = Self(*b"HPET");
    pub(super) const MCFG: Self = Self(*b"MCFG");
    pub(super) const SRAT: Self = Self(*b"SRAT");
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

/// A checked table. Its invariant: `bytes` is exactly as long as the length in its header, at least [`HEADER`], and
/// sums to 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'m> {
    address: u64,
    bytes: &'m [u8],
}

impl<'m> Table<'m> {
    /// The signature of whatever is at `address`, if a header fits there.
    pub(super) fn signature_at(memory: &impl PhysMemory, address: u64) -> Option<Signature> {
        let header = bytes(memory, address, HEADER)?;
        Some(Signature(*header.first_chunk()?))
    }

    /// Checks the table at `address`, which must have this signature and at least `minimum` bytes.
    pub(super) fn load(
        memory: &'m impl PhysMemory,
        address: u64,
        signature: Signature,
        minimum: usize,
    ) -> Result<Self, Fault> {
        let header = bytes(memory, address, HEADER).ok_or(Fault::Outside)?;
        if header.first_chunk() != Some(&signature.0) {
            return Err(Fault::Signature);
        }
        let length = u32_at(header, 4);
        if length > MAX_LENGTH || (length as usize) < minimum.max(HEADER) {
            return Err(Fault::Length(length));
        }
        let bytes = bytes(memory, address, length as usize).ok_or(Fault::Outside)?;
        if !sums_to_zero(bytes) {
            return Err(Fault::Checksum);
        }
        Ok(Self { address, bytes })
    }

    /// Its physical address.
    pub(super) fn address(&self) -> u64 {
        self.address
    }

    /// All its bytes, header included.
    pub(super) fn bytes(&self) -> &'m [u8] {
        self.bytes
    }

    /// What follows the first `fixed` bytes; empty if nothing does.
    pub(super) fn after(&self, fixed: usize) -> &'m [u8] {
        self.bytes.get(fixed..).unwrap_or_default()
    }

    /// Checks that a list of entries, each beginning with its kind and its length, fills the table from offset
    /// `fixed` on, and that each is at least as long as `minimum` says for its kind.
    pub(super) fn check_entries(&self, fixed: usize, minimum: impl Fn(u8) -> usize) -> Result<(), Fault> {
        let mut rest = self.after(fixed);
        while !rest.is_empty() {
            let problem = match *rest {
                [_, 0, ..] => EntryProblem::Empty,
                [kind, length, ..] if usize::from(length) < minimum(kind).max(2) => EntryProblem::TooShort,
                [_, length, ..] if usize::from(length) <= rest.len() => {
                    rest = &rest[usize::from(length)..];
                    continue;
                }
                _ => EntryProblem::Overrun,
            };
            let offset = (self.bytes.len() - rest.len()) as u32;
            return Err(Fault::Entry { offset, problem });
        }
        Ok(())
    }
}

/// Borrows memory, after checking that the address range exists at all.
pub(super) fn bytes(memory: &impl PhysMemory, address: u64, length: usize) -> Option<&[u8]> {
    address.checked_add(length as u64)?;
    memory.bytes(address, length).filter(|bytes| bytes.len() == length)
}

/// Whether the bytes sum to 0 modulo 256, as all checksums in ACPI demand.
pub(super) fn sums_to_zero(bytes: &[u8]) -> bool {
    bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) == 0
}

/// The little-endian number at `offset`; bytes that are not there count as 0.
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, offset))
}

/// Like [`u16_at`], 32 bits.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, offset))
}

/// Like [`u16_at`], 64 bits.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, offset))
}

fn array_at<const LENGTH: usize>(bytes: &[u8], offset: usize) -> [u8; LENGTH] {
    let mut array = [0; LENGTH];
    for (to, from) in array.iter_mut().zip(bytes.get(offset..).unwrap_or_default()) {
        *to = *from;
    }
    array
}
