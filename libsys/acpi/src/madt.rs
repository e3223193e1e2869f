//! The MADT: CPUs and interrupt controllers (ACPI 5.2.12).

use ::acpi::madt::MadtEntry;

use super::table::Table;
use super::{
    AcpiWarning, CpuEntry, CpuState, Fault, InterruptOverride, IoApic, Lint, List, LocalNmi, NmiTarget,
    Platform, Polarity, Signature, Trigger, view,
};

/// Bytes before the entries.
pub(super) const FIXED: usize = view::MADT_FIXED;

/// Reads all entries. Values that make no sense are dropped one by one.
pub(super) fn read(platform: &mut Platform, table: Table<'_>) -> Result<(), Fault> {
    let madt = view::madt(&table)?;
    platform.has_8259 = madt.supports_8259();
    let mut local_apic = u64::from(madt.local_apic_address);
    for entry in madt.entries() {
        match entry {
            MadtEntry::LocalApic(entry) => {
                // 255 would address all CPUs; the 32-bit ID that does the same is tested for below.
                let apic_id = if entry.apic_id == 0xff { u32::MAX } else { entry.apic_id.into() };
                add_cpu(platform, apic_id, entry.processor_id.into(), entry.flags);
            }
            MadtEntry::LocalX2Apic(entry) => {
                add_cpu(platform, entry.x2apic_id, entry.processor_uid, entry.flags);
            }
            MadtEntry::IoApic(entry) => {
                let id = entry.io_apic_id;
                let (address, gsi_base) = (entry.io_apic_address, entry.global_system_interrupt_base);
                add_io_apic(platform, IoApic { id, address, gsi_base });
            }
            MadtEntry::InterruptSourceOverride(entry) => {
                add_override(platform, entry.bus, entry.irq, entry.global_system_interrupt, entry.flags);
            }
            MadtEntry::LocalApicNmi(entry) => {
                let target = match entry.processor_id {
                    0xff => NmiTarget::All,
                    uid => NmiTarget::Uid(uid.into()),
                };
                add_nmi(platform, target, entry.nmi_line, entry.flags);
            }
            MadtEntry::X2ApicNmi(entry) => {
                let target = match entry.processor_uid {
                    0xffff_ffff => NmiTarget::All,
                    uid => NmiTarget::Uid(uid),
                };
                add_nmi(platform, target, entry.nmi_line, entry.flags);
            }
            MadtEntry::LocalApicAddressOverride(entry) => local_apic = entry.local_apic_address,
            _ => {}
        }
    }
    if local_apic != 0 && local_apic.is_multiple_of(4096) && local_apic < 1 << 52 {
        platform.local_apic_address = local_apic;
    } else {
        bad(platform, "address of the local APICs");
    }
    Ok(())
}

fn add_cpu(platform: &mut Platform, apic_id: u32, uid: u32, flags: u32) {
    let state = if flags & 1 != 0 {
        CpuState::Enabled
    } else if flags & 2 != 0 {
        CpuState::OnlineCapable
    } else {
        platform.disabled_cpus = platform.disabled_cpus.saturating_add(1);
        return;
    };
    if apic_id == u32::MAX {
        bad(platform, "APIC ID of a CPU");
    } else if platform.cpus.iter().any(|cpu| cpu.apic_id == apic_id) {
        bad(platform, "APIC ID of a second CPU");
    } else if platform.cpus.try_push(CpuEntry { apic_id, uid, state, node: 0 }).is_err() {
        platform.warnings.push(AcpiWarning::TooMany(List::Cpus));
    }
}

fn add_io_apic(platform: &mut Platform, io_apic: IoApic) {
    let taken = |other: &IoApic| other.gsi_base == io_apic.gsi_base || other.address == io_apic.address;
    if io_apic.address == 0 || !io_apic.address.is_multiple_of(16) {
        bad(platform, "address of an IO-APIC");
    } else if platform.io_apics.iter().any(taken) {
        bad(platform, "IO-APIC in another one's place");
    } else if platform.io_apics.try_push(io_apic).is_err() {
        platform.warnings.push(AcpiWarning::TooMany(List::IoApics));
    }
}

fn add_override(platform: &mut Platform, bus: u8, irq: u8, gsi: u32, flags: u16) {
    let Some((polarity, trigger)) = line_flags(flags) else {
        return bad(platform, "flags of an interrupt override");
    };
    if bus != 0 || irq > 15 {
        bad(platform, "source of an interrupt override");
    } else if platform.overrides.iter().any(|other| other.irq == irq) {
        bad(platform, "second override of an interrupt");
    } else if platform.overrides.try_push(InterruptOverride { irq, gsi, polarity, trigger }).is_err() {
        platform.warnings.push(AcpiWarning::TooMany(List::Overrides));
    }
}

fn add_nmi(platform: &mut Platform, target: NmiTarget, pin: u8, flags: u16) {
    let pin = match pin {
        0 => Lint::Lint0,
        1 => Lint::Lint1,
        _ => return bad(platform, "pin of a local NMI"),
    };
    let Some((polarity, trigger)) = line_flags(flags) else {
        return bad(platform, "flags of a local NMI");
    };
    if platform.local_nmis.try_push(LocalNmi { target, pin, polarity, trigger }).is_err() {
        platform.warnings.push(AcpiWarning::TooMany(List::LocalNmis));
    }
}

/// Polarity and trigger mode (ACPI table 5.26); "conforms to the bus" is what ISA does.
fn line_flags(flags: u16) -> Option<(Polarity, Trigger)> {
    let polarity = match flags & 3 {
        0 | 1 => Polarity::High,
        3 => Polarity::Low,
        _ => return None,
    };
    let trigger = match flags >> 2 & 3 {
        0 | 1 => Trigger::Edge,
        3 => Trigger::Level,
        _ => return None,
    };
    Some((polarity, trigger))
}

fn bad(platform: &mut Platform, what: &'static str) {
    platform.warnings.push(AcpiWarning::BadValue { signature: Signature::MADT, what });
}
