//! The machine as the kernel wants to know it: plain values, fixed capacity, nothing that points into tables.

use core::ops::Range;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use super::Warnings;

/// Most CPUs recorded.
pub const MAX_CPUS: usize = 256;
/// Most IO-APICs recorded.
pub const MAX_IO_APICS: usize = 16;
/// Most NUMA nodes recorded.
pub const MAX_NODES: usize = 64;

/// Everything the tables say. Empty lists and `None` mean "not said, or not credibly".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// CPUs that run or can be started, in table order, each APIC ID once. Empty: start none beside the boot CPU.
    pub cpus: ArrayVec<CpuEntry, MAX_CPUS>,
    /// CPUs listed but neither enabled nor to be enabled later.
    pub disabled_cpus: u32,
    /// Physical address of the local APIC's registers, page-aligned.
    pub local_apic_address: u64,
    /// IO-APICs, each interrupt base once.
    pub io_apics: ArrayVec<IoApic, MAX_IO_APICS>,
    /// ISA interrupts that do not arrive where their number says.
    pub overrides: ArrayVec<InterruptOverride, 16>,
    /// Local APIC pins wired to NMI.
    pub local_nmis: ArrayVec<LocalNmi, 64>,
    /// Whether there are 8259 interrupt controllers, which must be masked.
    pub has_8259: bool,
    /// The HPET.
    pub hpet: Option<Hpet>,
    /// The ACPI timer, 3,579,545 Hz.
    pub pm_timer: Option<PmTimer>,
    /// How to switch the machine off.
    pub power: Option<PowerOff>,
    /// How to reset it.
    pub reset: Option<Reset>,
    /// Memory-mapped PCI configuration space.
    pub pci_segments: ArrayVec<PciSegment, 16>,
    /// Proximity domain of each node; a node is an index here. At least one node.
    pub nodes: ArrayVec<u32, MAX_NODES>,
    /// Which memory belongs to which node; no two overlap. Empty: all of it to node 0.
    pub numa_memory: ArrayVec<NumaMemory, 64>,
    /// What was wrong. Not part of the machine's description.
    #[serde(skip, default = "Warnings::new")]
    pub warnings: Warnings,
}

impl Platform {
    /// Where local APICs are unless the tables say otherwise (Intel SDM volume 3, 11.4.1).
    const LOCAL_APIC_ADDRESS: u64 = 0xfee0_0000;

    /// Describes the machine (postcard) in `to`, for [`Platform::described`]; the part of it that was needed. None if it is too short.
    pub fn describe<'a>(&self, to: &'a mut [u8]) -> Option<&'a mut [u8]> {
        postcard::to_slice(self, to).ok()
    }

    /// The machine of a description, which nobody but the kernel can have given: what is in it has been checked. None if it is none.
    #[must_use]
    pub fn described(by: &[u8]) -> Option<Self> {
        postcard::from_bytes(by).ok()
    }

    /// How the line of global interrupt `gsi` is wired, where firmware says so.
    #[must_use]
    pub fn wiring(&self, gsi: u32) -> Option<Wiring> {
        let found = self.overrides.iter().find(|found| found.gsi == gsi)?;
        Some(Wiring { trigger: found.trigger, polarity: found.polarity })
    }

    /// The local APIC pin on which the board sends NMIs to the CPU of that number in firmware's name space.
    #[must_use]
    pub fn nmi_pin(&self, uid: u32) -> Option<Lint> {
        let concerned = |target| matches!(target, NmiTarget::All) || target == NmiTarget::Uid(uid);
        self.local_nmis.iter().find(|nmi| concerned(nmi.target)).map(|nmi| nmi.pin)
    }

    /// Whether registers that firmware's tables name, other than the local APICs', lie in a page that `range` touches.
    #[must_use]
    pub fn has_registers_in(&self, range: Range<u64>) -> bool {
        const PAGE: u64 = 4096;
        let io_apics = self.io_apics.iter().map(|io_apic| u64::from(io_apic.address));
        io_apics
            .chain(self.hpet.iter().map(|hpet| hpet.address))
            .any(|at| range.start < (at & !(PAGE - 1)) + PAGE && at & !(PAGE - 1) < range.end)
    }

    /// The pieces of `memory`, whole pages of it, by the node that each belongs to. A page that two nodes share is the first one's.
    pub fn by_node(&self, memory: Range<u64>) -> impl Iterator<Item = (u32, Range<u64>)> + '_ {
        const PAGE: u64 = 4096;
        let mut start = memory.start;
        core::iter::from_fn(move || {
            let (node, node_end) = self.node_of(start);
            let end = node_end.min(memory.end).max(start.saturating_add(PAGE)) & !(PAGE - 1);
            let piece = start..end.min(memory.end);
            start = piece.end;
            (!piece.is_empty()).then_some((node, piece))
        })
    }

    /// The node that memory at `address` belongs to, and where the answer may change.
    fn node_of(&self, address: u64) -> (u32, u64) {
        let memory = &self.numa_memory;
        if let Some(memory) = memory.iter().find(|memory| (memory.start..memory.end).contains(&address)) {
            return (memory.node, memory.end);
        }
        let next = memory.iter().map(|memory| memory.start).filter(|start| *start > address).min();
        (0, next.unwrap_or(u64::MAX))
    }

    /// Takes IO-APICs and HPET out that would lie where `is_memory` says that memory is; the addresses.
    pub fn believe_only_devices(&mut self, is_memory: impl Fn(u64) -> bool) -> ArrayVec<Misplaced, 64> {
        let mut misplaced = ArrayVec::new();
        self.io_apics.retain(|io_apic| {
            let memory = is_memory(u64::from(io_apic.address));
            if memory {
                let _ = misplaced.try_push(Misplaced::IoApic(u64::from(io_apic.address)));
            }
            !memory
        });
        if let Some(hpet) = self.hpet.take_if(|hpet| is_memory(hpet.address)) {
            let _ = misplaced.try_push(Misplaced::Hpet(hpet.address));
        }
        misplaced
    }

    /// A machine of which nothing is known.
    #[must_use]
    pub(super) fn unknown() -> Self {
        Self {
            cpus: ArrayVec::new(),
            disabled_cpus: 0,
            local_apic_address: Self::LOCAL_APIC_ADDRESS,
            io_apics: ArrayVec::new(),
            overrides: ArrayVec::new(),
            local_nmis: ArrayVec::new(),
            has_8259: true,
            hpet: None,
            pm_timer: None,
            power: None,
            reset: None,
            pci_segments: ArrayVec::new(),
            nodes: ArrayVec::from_iter([0]),
            numa_memory: ArrayVec::new(),
            warnings: Warnings::new(),
        }
    }
}

/// A device's registers where they can't be, and the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misplaced {
    /// Of an IO-APIC.
    IoApic(u64),
    /// Of the HPET.
    Hpet(u64),
}

/// A CPU that may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuEntry {
    /// Its APIC ID, by which interrupts reach it.
    pub apic_id: u32,
    /// Its number in firmware's name space.
    pub uid: u32,
    /// Whether it may be started now.
    pub state: CpuState,
    /// Index of its node in [`Platform::nodes`].
    pub node: u32,
}

/// Whether a CPU may be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CpuState {
    /// Yes.
    Enabled,
    /// Not now; it may be added while the system runs.
    OnlineCapable,
}

/// An IO-APIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IoApic {
    /// Its APIC ID.
    pub id: u8,
    /// Physical address of its registers.
    pub address: u32,
    /// Global system interrupt number of its first pin.
    pub gsi_base: u32,
}

/// When a line counts as active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Polarity {
    /// At high level.
    High,
    /// At low level.
    Low,
}

/// What of a line makes an interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// Becoming active.
    Edge,
    /// Being active.
    Level,
}

/// How a line makes interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wiring {
    /// By what.
    pub trigger: Trigger,
    /// At which level it is active.
    pub polarity: Polarity,
}

impl Wiring {
    /// By the flags of `MachineCommand::Line` (`libsys/abi`): bit 0 level, bit 1 active low.
    #[must_use]
    pub const fn by_flags(flags: u64) -> Self {
        Self {
            trigger: if flags & 1 == 0 { Trigger::Edge } else { Trigger::Level },
            polarity: if flags & 2 == 0 { Polarity::High } else { Polarity::Low },
        }
    }
}

/// An ISA interrupt that arrives elsewhere, or otherwise, than its number says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterruptOverride {
    /// ISA interrupt, 0 to 15.
    pub irq: u8,
    /// Global system interrupt it is wired to.
    pub gsi: u32,
    /// Its polarity ("as the bus" already resolved to ISA's).
    pub polarity: Polarity,
    /// Its trigger mode ("as the bus" already resolved to ISA's).
    pub trigger: Trigger,
}

/// A local APIC pin wired to NMI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalNmi {
    /// Whose pin.
    pub target: NmiTarget,
    /// Which pin.
    pub pin: Lint,
    /// Its polarity.
    pub polarity: Polarity,
    /// Its trigger mode.
    pub trigger: Trigger,
}

/// Which CPUs an NMI entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NmiTarget {
    /// All of them.
    All,
    /// The one with this [`CpuEntry::uid`].
    Uid(u32),
}

/// A local interrupt pin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lint {
    /// LINT0
    Lint0,
    /// LINT1
    Lint1,
}

/// The HPET.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hpet {
    /// Physical address of its registers.
    pub address: u64,
    /// Shortest period in ticks that loses no interrupt in periodic mode.
    pub minimum_tick: u16,
}

/// A register outside the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Register {
    /// An I/O port.
    Port(u16),
    /// A physical address.
    Memory(u64),
}

/// The ACPI timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PmTimer {
    /// Where it is read, 32 bits wide.
    pub register: Register,
    /// After how many bits it wraps.
    pub width: PmTimerWidth,
}

/// After how many bits the ACPI timer wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PmTimerWidth {
    /// Every 4.7 seconds.
    Bits24,
    /// Every 20 minutes.
    Bits32,
}

/// How to enter sleep state S5: write `slp_typ << 10 | 1 << 13` to the control ports, 16 bits wide, after `enable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PowerOff {
    /// PM1a control port.
    pub pm1a_control: u16,
    /// PM1b control port, if the machine has two.
    pub pm1b_control: Option<u16>,
    /// Sleep type for PM1a, 3 bits.
    pub slp_typ_a: u8,
    /// Sleep type for PM1b, 3 bits.
    pub slp_typ_b: u8,
    /// How to take over from legacy mode if bit 0 (SCI_EN) of PM1a control reads 0.
    pub enable: Option<AcpiEnable>,
}

/// How to take power management over from firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcpiEnable {
    /// The port to write to, 8 bits wide.
    pub port: u16,
    /// The value.
    pub value: u8,
}

/// How to reset the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reset {
    /// The register, 8 bits wide.
    pub register: Register,
    /// What to write.
    pub value: u8,
}

/// Memory-mapped configuration space of a range of PCI buses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PciSegment {
    /// PCI segment group.
    pub segment: u16,
    /// First bus.
    pub first_bus: u8,
    /// Last bus, not below the first.
    pub last_bus: u8,
    /// Physical address of bus 0's space, whether or not bus 0 is in the range; 1 MiB a bus.
    pub base: u64,
}

/// Memory of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumaMemory {
    /// First byte.
    pub start: u64,
    /// Byte after the last; above `start`.
    pub end: u64,
    /// Index of its node in [`Platform::nodes`].
    pub node: u32,
}
