//! ACPI discovery over memory that is nothing but the input, and over a good image patched by it. Checksums are
//! repaired first, or hardly any input would get past them.

use anax_acpi::image::Image;
use anax_acpi::{PciSegment, PhysMemory, discover};

const BASE: u64 = 0x7fe_0000;
const SIGNATURES: [&[u8]; 8] = [b"XSDT", b"RSDT", b"APIC", b"FACP", b"DSDT", b"HPET", b"MCFG", b"SRAT"];

struct Memory(Vec<u8>);

impl PhysMemory for Memory {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(address.checked_sub(BASE)?).ok()?;
        self.0.get(start..start.checked_add(length)?)
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

fn reseal(bytes: &mut [u8]) {
    for offset in (0..bytes.len().saturating_sub(36)).step_by(16) {
        let length =
            u32::from_le_bytes(bytes[offset + 4..offset + 8].try_into().expect("four bytes")) as usize;
        if length > 9
            && SIGNATURES.iter().any(|signature| bytes[offset..].starts_with(signature))
            && let Some(table) = bytes.get_mut(offset..offset + length)
        {
            table[9] = table[9].wrapping_sub(sum(table));
        }
    }
    if bytes.len() >= 36 {
        bytes[8] = bytes[8].wrapping_sub(sum(&bytes[..20]));
        bytes[32] = bytes[32].wrapping_sub(sum(&bytes[..36]));
    }
}

/// A good image with the input as patches: three bytes each, where (16 bits) and what.
fn patched(input: &[u8]) -> Vec<u8> {
    let image = Image::pc(BASE, 2)
        .cpu(300)
        .pci_segment(PciSegment { segment: 0, first_bus: 0, last_bus: 255, base: 0xb000_0000 })
        .node_cpu(300, 1)
        .node_memory(0, 1 << 30, 1);
    let mut bytes = image.build();
    for [low, high, value] in input.as_chunks::<3>().0 {
        let place = usize::from(u16::from_le_bytes([*low, *high]));
        if let Some(byte) = bytes.get_mut(place) {
            *byte = *value;
        }
    }
    bytes
}

/// Takes an input.
pub fn take(input: &[u8]) {
    for mut bytes in [input.to_vec(), patched(input)] {
        reseal(&mut bytes);
        let platform = discover(&Memory(bytes), Some(BASE));
        for warning in platform.warnings.as_slice() {
            assert!(!warning.to_string().is_empty());
        }
    }
}
