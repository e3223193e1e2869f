//! Tables as they should be: everything they say arrives, and without a warning.

use super::{BASE, Memory, discovered};
use anax_acpi::image::{GUEST_BASE, Image};
use anax_acpi::{
    AcpiEnable, AcpiWarning, CpuState, Hpet, InterruptOverride, IoApic, Lint, List, LocalNmi, MAX_CPUS,
    NmiTarget, NumaMemory, PciSegment, PmTimer, PmTimerWidth, Polarity, PowerOff, Register, Reset, Trigger,
    Wiring, discover,
};

#[test]
fn a_pc_is_understood() {
    for image in [Image::pc(BASE, 4), Image::pc(BASE, 4).acpi_1()] {
        let platform = discovered(&image);
        assert_eq!(platform.warnings.as_slice(), []);
        assert_eq!(platform.cpus.iter().map(|cpu| cpu.apic_id).collect::<Vec<_>>(), [0, 1, 2, 3]);
        assert!(platform.cpus.iter().all(|cpu| cpu.state == CpuState::Enabled && cpu.node == 0));
        assert_eq!(platform.local_apic_address, 0xfee0_0000);
        assert_eq!(platform.io_apics[..], [IoApic { id: 0, address: 0xfec0_0000, gsi_base: 0 }]);
        assert_eq!(platform.overrides.len(), 5);
        let timer = InterruptOverride { irq: 0, gsi: 2, polarity: Polarity::High, trigger: Trigger::Edge };
        assert_eq!(platform.overrides[0], timer);
        assert_eq!(platform.overrides[4].trigger, Trigger::Level);
        let wiring = Wiring { trigger: Trigger::Edge, polarity: Polarity::High };
        assert_eq!((platform.wiring(2), platform.wiring(4)), (Some(wiring), None));
        let nmi = LocalNmi {
            target: NmiTarget::All,
            pin: Lint::Lint1,
            polarity: Polarity::High,
            trigger: Trigger::Edge,
        };
        assert_eq!(platform.local_nmis[..], [nmi]);
        assert!(platform.has_8259);
        assert_eq!(platform.hpet, Some(Hpet { address: 0xfed0_0000, minimum_tick: 100 }));
        let timer = PmTimer { register: Register::Port(0x608), width: PmTimerWidth::Bits24 };
        assert_eq!(platform.pm_timer, Some(timer));
        let power = PowerOff {
            pm1a_control: 0x604,
            pm1b_control: None,
            slp_typ_a: 0,
            slp_typ_b: 0,
            enable: Some(AcpiEnable { port: 0xb2, value: 2 }),
        };
        assert_eq!(platform.power, Some(power));
        assert_eq!(platform.nodes[..], [0]);
    }
    let reset = Reset { register: Register::Port(0xcf9), value: 0x0f };
    assert_eq!(discovered(&Image::pc(BASE, 1)).reset, Some(reset));
    assert_eq!(discovered(&Image::pc(BASE, 1).acpi_1()).reset, None, "ACPI 1.0 has none");
}

#[test]
fn an_image_works_where_the_guest_keeps_it() {
    let memory = Memory::new(GUEST_BASE, Image::pc(GUEST_BASE, 2).build());
    let platform = discover(&memory, Some(GUEST_BASE));
    assert_eq!((platform.cpus.len(), platform.warnings.as_slice()), (2, &[][..]));
}

#[test]
fn nodes_are_numbered_and_given_to_cpus_and_memory() {
    let image = Image::pc(BASE, 2)
        .cpu(1000)
        .node_cpu(0, 0x0102_0304)
        .node_cpu(1, 7)
        .node_cpu(1000, 7)
        .node_cpu(99, 9)
        .node_memory(0, 0xa_0000, 0x0102_0304)
        .node_memory(0x10_0000, 1 << 30, 7);
    let platform = discovered(&image);
    assert_eq!(platform.warnings.as_slice(), []);
    assert_eq!(platform.nodes[..], [0x0102_0304, 7, 9]);
    let cpus: Vec<_> = platform.cpus.iter().map(|cpu| (cpu.apic_id, cpu.node)).collect();
    assert_eq!(cpus, [(0, 0), (1, 1), (1000, 1)]);
    let low = NumaMemory { start: 0, end: 0xa_0000, node: 0 };
    let high = NumaMemory { start: 0x10_0000, end: 0x10_0000 + (1 << 30), node: 1 };
    assert_eq!(platform.numa_memory[..], [low, high]);
}

#[test]
fn pci_segments_are_listed() {
    let segment = PciSegment { segment: 0, first_bus: 0, last_bus: 255, base: 0xb000_0000 };
    let other = PciSegment { segment: 1, first_bus: 0, last_bus: 255, base: 0xc000_0000 };
    let platform = discovered(&Image::pc(BASE, 1).pci_segment(segment).pci_segment(other));
    assert_eq!(platform.pci_segments[..], [segment, other]);
    assert_eq!(platform.warnings.as_slice(), []);
}

#[test]
fn rarer_madt_entries() {
    let image = Image::new(BASE)
        .aml(&[])
        // Disabled, online capable, enabled.
        .madt_entry(0, &[0, 0, 0, 0, 0, 0])
        .madt_entry(0, &[1, 1, 2, 0, 0, 0])
        .madt_entry(9, &[0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0])
        // A 64-bit address of the local APICs.
        .madt_entry(5, &[0, 0, 0, 0, 0, 0, 1, 0, 0, 0])
        // LINT0 of the x2APIC CPU with UID 5: active low, level.
        .madt_entry(0x0a, &[0x0f, 0, 5, 0, 0, 0, 0, 0, 0, 0])
        // Kinds of other machines, and reserved ones.
        .madt_entry(6, &[0; 14])
        .madt_entry(0x10, &[0; 14])
        .madt_entry(0x7f, &[1, 2, 3])
        .madt_entry(0xff, &[]);
    let platform = discovered(&image);
    assert_eq!(platform.disabled_cpus, 1);
    let cpus: Vec<_> = platform.cpus.iter().map(|cpu| (cpu.apic_id, cpu.uid, cpu.state)).collect();
    assert_eq!(cpus, [(1, 1, CpuState::OnlineCapable), (0x100, 5, CpuState::Enabled)]);
    assert_eq!(platform.local_apic_address, 0x1_0000_0000);
    let nmi = LocalNmi {
        target: NmiTarget::Uid(5),
        pin: Lint::Lint0,
        polarity: Polarity::Low,
        trigger: Trigger::Level,
    };
    assert_eq!(platform.local_nmis[..], [nmi]);
}

#[test]
fn machines_larger_than_the_kernel_are_cut() {
    let platform = discovered(&Image::pc(BASE, MAX_CPUS as u32 + 50));
    assert_eq!(platform.cpus.len(), MAX_CPUS);
    assert_eq!(platform.warnings.as_slice(), [AcpiWarning::TooMany(List::Cpus)]);
    let mut image = Image::pc(BASE, 1);
    for domain in 0..100 {
        image = image.node_cpu(domain, domain).node_memory(u64::from(domain) << 20, 1 << 20, domain);
    }
    let platform = discovered(&image);
    assert_eq!((platform.nodes.len(), platform.numa_memory.len()), (64, 64));
    let expected = [AcpiWarning::TooMany(List::Nodes), AcpiWarning::TooMany(List::MemoryRanges)];
    assert_eq!(platform.warnings.as_slice(), expected);
}
