//! The builder: says what the machine has; `layout` turns it into bytes.

use std::vec::Vec;

use super::{Breakage, layout};
use crate::{Hpet, InterruptOverride, IoApic, PciSegment, Polarity, Trigger};

/// An ACPI image to be built. Without any call it has an RSDP and an empty XSDT.
#[derive(Clone, Debug)]
pub struct Image {
    pub(super) base: u64,
    pub(super) root: RootKind,
    pub(super) breakages: Vec<Breakage>,
    /// Entries of the MADT; empty: no MADT.
    pub(super) madt: Vec<u8>,
    /// Entries of the SRAT; empty: no SRAT.
    pub(super) srat: Vec<u8>,
    /// Entries of the MCFG; empty: no MCFG.
    pub(super) mcfg: Vec<u8>,
    pub(super) hpet: Option<Hpet>,
    /// Byte code of the DSDT; `None`: neither FADT nor DSDT.
    pub(super) aml: Option<Vec<u8>>,
}

/// Which root table the RSDP names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RootKind {
    /// ACPI 1.0: an RSDT.
    Rsdt,
    /// ACPI 2.0 and later: an XSDT.
    Xsdt,
}

impl Image {
    /// An image that will lie at physical address `base`.
    #[must_use]
    pub fn new(base: u64) -> Self {
        Self {
            base,
            root: RootKind::Xsdt,
            breakages: Vec::new(),
            madt: Vec::new(),
            srat: Vec::new(),
            mcfg: Vec::new(),
            hpet: None,
            aml: None,
        }
    }

    /// What QEMU's PCs (pc and q35) tell: `cpus` CPUs with APIC IDs from 0, an IO-APIC, the usual overrides,
    /// the HPET, and ICH9's power management ports. A kernel that boots there can
    /// believe it; Bochs keeps power management elsewhere, at 0xb000.
    #[must_use]
    pub fn pc(base: u64, cpus: u32) -> Self {
        let mut image = Self::new(base).io_apic(IoApic { id: 0, address: 0xfec0_0000, gsi_base: 0 });
        for apic_id in 0..cpus {
            image = image.cpu(apic_id);
        }
        let high_edge =
            |irq, gsi| InterruptOverride { irq, gsi, polarity: Polarity::High, trigger: Trigger::Edge };
        let high_level = |irq| InterruptOverride {
            irq,
            gsi: irq.into(),
            polarity: Polarity::High,
            trigger: Trigger::Level,
        };
        image = image.interrupt_override(high_edge(0, 2));
        for irq in [5, 9, 10, 11] {
            image = image.interrupt_override(high_level(irq));
        }
        // All CPUs, flags "as the bus", LINT1.
        image
            .madt_entry(4, &[0xff, 0, 0, 1])
            .hpet(Hpet { address: 0xfed0_0000, minimum_tick: 100 })
            .sleep_types(0, 0)
    }

    /// Uses ACPI 1.0's structures, with 32-bit pointers: `base` must be below 4 GiB.
    #[must_use]
    pub fn acpi_1(mut self) -> Self {
        self.root = RootKind::Rsdt;
        self
    }

    /// Adds an enabled CPU; IDs from 255 on become x2APIC entries.
    #[must_use]
    pub fn cpu(self, apic_id: u32) -> Self {
        match u8::try_from(apic_id) {
            Ok(id) if id < 255 => self.madt_entry(0, &[id, id, 1, 0, 0, 0]),
            _ => {
                let id = apic_id.to_le_bytes();
                self.madt_entry(9, &[&[0, 0], &id[..], &[1, 0, 0, 0], &id[..]].concat())
            }
        }
    }

    /// Adds an IO-APIC.
    #[must_use]
    pub fn io_apic(self, io_apic: IoApic) -> Self {
        let (address, base) = (io_apic.address.to_le_bytes(), io_apic.gsi_base.to_le_bytes());
        self.madt_entry(1, &[&[io_apic.id, 0], &address[..], &base[..]].concat())
    }

    /// Adds an interrupt override.
    #[must_use]
    pub fn interrupt_override(self, line: InterruptOverride) -> Self {
        let polarity = if line.polarity == Polarity::High { 1 } else { 3 };
        let trigger = if line.trigger == Trigger::Edge { 1 } else { 3 };
        self.madt_entry(
            2,
            &[&[0, line.irq], &line.gsi.to_le_bytes()[..], &[polarity | trigger << 2, 0]].concat(),
        )
    }

    /// Adds any entry to the MADT: its kind and what follows its length.
    #[must_use]
    pub fn madt_entry(mut self, kind: u8, body: &[u8]) -> Self {
        push_entry(&mut self.madt, kind, body);
        self
    }

    /// Adds the HPET.
    #[must_use]
    pub fn hpet(mut self, hpet: Hpet) -> Self {
        self.hpet = Some(hpet);
        self
    }

    /// Adds a FADT with ICH9's ports and a DSDT that names these sleep types for S5.
    #[must_use]
    pub fn sleep_types(self, a: u8, b: u8) -> Self {
        // Name (_S5_, Package (4) { a, b, 0, 0 }), behind something else.
        self.aml(&[
            0x10, 0x05, b'_', b'S', b'B', b'_', 0x08, b'_', b'S', b'5', b'_', 0x12, 0x08, 4, 0x0a, a, 0x0a,
            b, 0, 0,
        ])
    }

    /// Adds a FADT with ICH9's ports and a DSDT of this byte code.
    #[must_use]
    pub fn aml(mut self, aml: &[u8]) -> Self {
        self.aml = Some(aml.to_vec());
        self
    }

    /// Puts a CPU into a proximity domain.
    #[must_use]
    pub fn node_cpu(self, apic_id: u32, domain: u32) -> Self {
        let (id, domain) = (apic_id.to_le_bytes(), domain.to_le_bytes());
        if apic_id < 255 {
            let body = [domain[0], id[0], 1, 0, 0, 0, 0, domain[1], domain[2], domain[3], 0, 0, 0, 0];
            self.srat_entry(0, &body)
        } else {
            self.srat_entry(2, &[&[0, 0], &domain[..], &id, &[1, 0, 0, 0], &[0; 8]].concat())
        }
    }

    /// Puts memory into a proximity domain.
    #[must_use]
    pub fn node_memory(self, start: u64, length: u64, domain: u32) -> Self {
        let (start, length) = (start.to_le_bytes(), length.to_le_bytes());
        let body =
            [&domain.to_le_bytes()[..], &[0; 2], &start, &length, &[0; 4], &[1, 0, 0, 0], &[0; 8]].concat();
        self.srat_entry(1, &body)
    }

    /// Adds any entry to the SRAT: its kind and what follows its length.
    #[must_use]
    pub fn srat_entry(mut self, kind: u8, body: &[u8]) -> Self {
        push_entry(&mut self.srat, kind, body);
        self
    }

    /// Adds memory-mapped PCI configuration space.
    #[must_use]
    pub fn pci_segment(mut self, segment: PciSegment) -> Self {
        self.mcfg.extend(segment.base.to_le_bytes());
        self.mcfg.extend(segment.segment.to_le_bytes());
        self.mcfg.extend([segment.first_bus, segment.last_bus, 0, 0, 0, 0]);
        self
    }

    /// Breaks the image in this way, beside others.
    #[must_use]
    pub fn broken(mut self, breakage: Breakage) -> Self {
        self.breakages.push(breakage);
        self
    }

    /// The bytes, the RSDP first.
    ///
    /// # Panics
    /// If [`acpi_1`](Self::acpi_1) was asked for at or above 4 GiB.
    #[must_use]
    pub fn build(&self) -> Vec<u8> {
        layout::build(self)
    }
}

fn push_entry(entries: &mut Vec<u8>, kind: u8, body: &[u8]) {
    entries.extend([kind, body.len() as u8 + 2]);
    entries.extend(body);
}
