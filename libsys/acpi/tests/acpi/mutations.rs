//! 200,000 images damaged at random (the same ones every run): discovery ends, keeps its promises, and is not
//! influenced by any byte outside what it was lent.

use super::{BASE, Memory};
use anax_acpi::image::{Breakage, Image};
use anax_acpi::{PciSegment, Platform, discover};

const IMAGES: u32 = 200_000;

/// xorshift64 (Marsaglia 2003): any generator does, as long as it is the same one next year.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// A byte as likely to matter as not.
    fn byte(&mut self) -> u8 {
        const LOADED: [u8; 8] = [0, 1, 2, 4, 8, 44, 0x7f, 0xff];
        if self.next().is_multiple_of(2) { LOADED[self.below(8)] } else { self.next() as u8 }
    }
}

fn originals() -> Vec<Vec<u8>> {
    let full = Image::pc(BASE, 3)
        .cpu(700)
        .pci_segment(PciSegment { segment: 0, first_bus: 0, last_bus: 255, base: 0xb000_0000 })
        .node_cpu(0, 0)
        .node_cpu(700, 1)
        .node_memory(0, 1 << 30, 0)
        .node_memory(1 << 30, 1 << 30, 1);
    vec![full.build(), full.clone().acpi_1().build(), full.broken(Breakage::MadtTruncated).build()]
}

/// Makes the checksum of every table whose frame still makes sense right again, so that the damage gets past it.
fn reseal(bytes: &mut [u8]) {
    for offset in (16..bytes.len()).step_by(16) {
        let Some(header) = bytes.get(offset..offset + 36) else { break };
        let length = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
        let known = [b"XSDT", b"RSDT", b"APIC", b"FACP", b"DSDT", b"HPET", b"MCFG", b"SRAT"];
        if !known.iter().any(|signature| header.starts_with(*signature)) {
            continue;
        }
        let table = offset.checked_add(length).and_then(|end| bytes.get_mut(offset..end));
        if let Some(table) = table.filter(|table| table.len() > 9) {
            table[9] = table[9].wrapping_sub(sum(table));
        }
    }
    bytes[8] = bytes[8].wrapping_sub(sum(&bytes[..20]));
    if bytes[15] > 1 {
        bytes[32] = bytes[32].wrapping_sub(sum(&bytes[..36]));
    }
}

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// What callers rely on, whatever the tables said.
fn check(platform: &Platform) {
    assert!(platform.local_apic_address.is_multiple_of(4096) && platform.local_apic_address != 0);
    assert!(!platform.nodes.is_empty());
    for (index, cpu) in platform.cpus.iter().enumerate() {
        assert!((cpu.node as usize) < platform.nodes.len());
        assert!(platform.cpus[..index].iter().all(|other| other.apic_id != cpu.apic_id));
    }
    assert!(platform.io_apics.iter().all(|io_apic| io_apic.address != 0));
    assert!(platform.overrides.iter().all(|line| line.irq < 16));
    assert!(platform.hpet.is_none_or(|hpet| hpet.address != 0));
    assert!(platform.power.is_none_or(|power| power.slp_typ_a < 8 && power.slp_typ_b < 8));
    assert!(platform.pci_segments.iter().all(|segment| segment.first_bus <= segment.last_bus));
    for memory in &platform.numa_memory {
        assert!(memory.start < memory.end && (memory.node as usize) < platform.nodes.len());
    }
}

#[test]
fn damaged_images_do_no_harm() {
    let originals = originals();
    let mut random = Random(0x00aa_55ee_d000_0001);
    let (mut with_cpus, mut without_cpus) = (0, 0);
    for round in 0..IMAGES {
        let mut bytes = originals[random.below(originals.len())].clone();
        for _ in 0..1 + random.below(4) {
            let place = random.below(bytes.len());
            bytes[place] = random.byte();
        }
        if random.below(8) == 0 {
            bytes.truncate(36.max(random.below(bytes.len())));
        }
        if random.below(8) != 0 {
            reseal(&mut bytes);
        }
        let platform = discover(&Memory::new(BASE, bytes.clone()), Some(BASE));
        check(&platform);
        if platform.cpus.is_empty() {
            without_cpus += 1
        } else {
            with_cpus += 1
        }

        // The same image with other bytes behind it, which nobody may look at.
        let lent = bytes.len();
        bytes.resize(lent + 512, random.byte());
        let mut memory = Memory::new(BASE, bytes);
        memory.beyond = 512;
        assert_eq!(discover(&memory, Some(BASE)), platform, "round {round}: read beyond the image");
    }
    // The damage neither kills every image nor leaves every one alone.
    assert!(
        with_cpus > IMAGES / 10 && without_cpus > IMAGES / 10,
        "{with_cpus} with, {without_cpus} without CPUs"
    );
}
