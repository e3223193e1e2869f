//! Each named breakage costs what it must, no more, and leaves a warning.

use super::{BASE, Memory, discovered};
use anax_acpi::image::{Breakage, Image};
use anax_acpi::{
    AcpiWarning, EntryProblem, Fault, InterruptOverride, IoApic, PciSegment, Polarity, Signature, Trigger,
    discover,
};

/// A machine with every table.
fn machine() -> Image {
    Image::pc(BASE, 4)
        .pci_segment(PciSegment { segment: 0, first_bus: 1, last_bus: 255, base: 0xb000_0000 })
        .node_cpu(0, 0)
        .node_cpu(1, 1)
        .node_memory(0, 1 << 30, 0)
        .node_memory(1 << 30, 1 << 30, 1)
}

#[test]
fn every_breakage_costs_itself_and_warns() {
    for breakage in Breakage::ALL {
        let platform = discovered(&machine().broken(breakage));
        assert!(!platform.warnings.as_slice().is_empty(), "{breakage:?} went unnoticed");
        assert_eq!(platform.cpus.is_empty(), breakage.costs_the_cpus(), "{breakage:?}: CPUs");
        assert_eq!(platform.power.is_none(), breakage.costs_the_power_off(), "{breakage:?}: power-off");
        for warning in platform.warnings.as_slice() {
            assert!(warning.to_string().len() > 10);
        }
    }
    assert_eq!(discovered(&machine()).warnings.as_slice(), []);
}

#[test]
fn every_breakage_of_acpi_1_is_survived() {
    let machine = Image::pc(BASE, 4).acpi_1();
    let discovered_cpus = |breakage| discovered(&machine.clone().broken(breakage)).cpus.len();
    for breakage in Breakage::ALL {
        // An RSDP of ACPI 1.0 has no second checksum and no length to get wrong.
        let exempt = [Breakage::RsdpExtendedChecksum, Breakage::RsdpLength].contains(&breakage);
        assert_eq!(discovered_cpus(breakage) == 0, breakage.costs_the_cpus() && !exempt, "{breakage:?}");
    }
}

#[test]
fn any_two_breakages_together_are_survived() {
    for first in Breakage::ALL {
        for second in Breakage::ALL {
            let platform = discovered(&machine().broken(first).broken(second));
            assert!(!platform.warnings.as_slice().is_empty(), "{first:?} and {second:?} went unnoticed");
        }
    }
}

#[test]
fn faults_are_told_exactly() {
    let first_fault = |breakage| match discovered(&machine().broken(breakage)).warnings.as_slice()[0] {
        AcpiWarning::BadTable { fault, .. } | AcpiWarning::BadRsdp { fault, .. } => fault,
        other => panic!("{breakage:?}: {other}"),
    };
    let entry = |problem| Fault::Entry { offset: 44, problem };
    assert_eq!(first_fault(Breakage::MadtTruncated), Fault::Outside);
    assert_eq!(first_fault(Breakage::MadtEntryEmpty), entry(EntryProblem::Empty));
    assert_eq!(first_fault(Breakage::MadtEntryShort), entry(EntryProblem::TooShort));
    assert!(matches!(
        first_fault(Breakage::MadtEntryOverrun),
        Fault::Entry { problem: EntryProblem::Overrun, .. }
    ));
    assert!(matches!(
        first_fault(Breakage::MadtEntryCut),
        Fault::Entry { problem: EntryProblem::Overrun, .. }
    ));
    assert_eq!(first_fault(Breakage::MadtChecksum), Fault::Checksum);
    assert_eq!(first_fault(Breakage::MadtTiny), Fault::Length(40));
    assert_eq!(first_fault(Breakage::MadtHuge), Fault::Length(u32::MAX));
    assert_eq!(first_fault(Breakage::RootLoop), Fault::Loop);
    assert_eq!(first_fault(Breakage::RsdpSignature), Fault::Signature);
    let warnings = discovered(&machine().broken(Breakage::MadtEntryEmpty)).warnings;
    let text = warnings.as_slice()[0].to_string();
    assert!(text.starts_with("table APIC at 0x7fe"), "{text}");
    assert!(text.ends_with("has an entry at offset 44 of length 0: ignored"), "{text}");
}

/// The last entry is the dangerous one: what it lacks would be read from behind the table.
#[test]
fn each_kind_of_entry_has_its_least_length() {
    // ACPI 6.5, 5.2.12.2 to 5.2.12.13 and 5.2.12.19; of a local SAPIC's string at least the terminator.
    let least = [8, 12, 10, 8, 6, 12, 16, 17, 16, 16, 12].into_iter().enumerate().chain([(0x10, 16)]);
    for (kind, least) in least {
        for length in 2..=least {
            let image = Image::new(BASE).cpu(0).madt_entry(kind as u8, &vec![0; length - 2]);
            let platform = discovered(&image);
            let too_short = platform.warnings.as_slice().iter().any(|warning| {
                let problem = EntryProblem::TooShort;
                matches!(warning, AcpiWarning::BadTable { fault, .. } if *fault == Fault::Entry { offset: 52, problem })
            });
            assert_eq!(too_short, length < least, "kind {kind}, length {length}: {:?}", platform.warnings);
            assert_eq!(platform.cpus.is_empty(), too_short);
        }
    }
    // SRAT: CPU, memory, x2APIC CPU.
    for (kind, least) in [(0, 16), (1, 40), (2, 24)] {
        for length in [2, least - 1, least] {
            let platform = discovered(&Image::pc(BASE, 1).srat_entry(kind, &vec![0; length - 2]));
            assert_eq!(
                platform.warnings.as_slice().is_empty(),
                length == least,
                "kind {kind}, length {length}"
            );
        }
    }
}

#[test]
fn without_an_rsdp_nothing_is_touched() {
    struct Untouchable;
    impl anax_acpi::PhysMemory for Untouchable {
        fn bytes(&self, address: u64, _: usize) -> Option<&[u8]> {
            panic!("read at {address:#x}");
        }
    }
    let platform = discover(&Untouchable, None);
    assert_eq!(platform.warnings.as_slice(), [AcpiWarning::NoRsdp]);
    assert!(platform.cpus.is_empty());
    // The address range itself does not exist.
    let platform = discover(&Untouchable, Some(u64::MAX - 3));
    assert_eq!(
        platform.warnings.as_slice(),
        [AcpiWarning::BadRsdp { address: u64::MAX - 3, fault: Fault::Outside }]
    );
}

#[test]
fn a_bad_xsdt_falls_back_to_a_good_rsdt() {
    let rsdt_image = Image::pc(BASE, 3).acpi_1().build();
    let mut bytes = rsdt_image;
    // Make the RSDP one of ACPI 2.0 that names the old root table too, and an XSDT outside.
    bytes[15] = 2;
    bytes[20..24].copy_from_slice(&36_u32.to_le_bytes());
    bytes[24..32].copy_from_slice(&(BASE - 4096).to_le_bytes());
    bytes[8] = 0;
    bytes[8] = bytes[..20].iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    bytes[32] = bytes[20..32].iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    let platform = discover(&Memory::new(BASE, bytes), Some(BASE));
    assert_eq!(platform.cpus.len(), 3);
    assert!(matches!(
        platform.warnings.as_slice(),
        [AcpiWarning::BadTable { signature: Signature([b'X', ..]), fault: Fault::Outside, .. }]
    ));
}

#[test]
fn nonsensical_values_are_dropped_one_by_one() {
    let line = InterruptOverride { irq: 3, gsi: 3, polarity: Polarity::Low, trigger: Trigger::Level };
    let image = Image::pc(BASE, 2)
        // Second CPU with this ID; the ID that means "all".
        .cpu(1)
        .madt_entry(0, &[9, 0xff, 1, 0, 0, 0])
        .cpu(u32::MAX)
        // Address 0, and a place already taken.
        .io_apic(IoApic { id: 1, address: 0, gsi_base: 24 })
        .io_apic(IoApic { id: 2, address: 0xfec0_1000, gsi_base: 0 })
        // ISA has 16 lines, and each one place.
        .interrupt_override(InterruptOverride { irq: 16, ..line })
        .interrupt_override(line)
        .interrupt_override(line)
        // Bus 1; reserved polarity; reserved trigger mode.
        .madt_entry(2, &[1, 4, 4, 0, 0, 0, 0, 0])
        .madt_entry(2, &[0, 4, 4, 0, 0, 0, 2, 0])
        .madt_entry(2, &[0, 4, 4, 0, 0, 0, 8, 0])
        // There is no LINT2.
        .madt_entry(4, &[0xff, 0, 0, 2])
        // Not at a page's start.
        .madt_entry(5, &[0, 0, 8, 0, 0xe0, 0xfe, 0, 0, 0, 0])
        .node_memory(0x1000, 0, 0)
        .node_memory(0x1000, u64::MAX, 0)
        .node_memory(0x1000, 0x1000, 0)
        .node_memory(0x1fff, 0x1000, 1)
        .pci_segment(PciSegment { segment: 0, first_bus: 0, last_bus: 9, base: 0xb000_0000 })
        .pci_segment(PciSegment { segment: 0, first_bus: 9, last_bus: 9, base: 0xc000_0000 })
        .pci_segment(PciSegment { segment: 1, first_bus: 0, last_bus: 9, base: 0xb000_0001 });
    let platform = discovered(&image);
    assert_eq!(platform.warnings.as_slice().len(), 17, "{:?}", platform.warnings);
    assert!(
        platform.warnings.as_slice().iter().all(|warning| matches!(warning, AcpiWarning::BadValue { .. }))
    );
    assert_eq!((platform.cpus.len(), platform.io_apics.len(), platform.overrides.len()), (2, 1, 6));
    assert_eq!((platform.numa_memory.len(), platform.pci_segments.len()), (1, 1));
    assert_eq!(platform.local_apic_address, 0xfee0_0000);
}
