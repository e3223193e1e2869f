//! The kernel gets ready on every kind of machine it is meant for.
//!
//! Twelve boots under QEMU cover every pair of road, chipset, number of CPUs and memory size; four under Bochs cover
//! an emulator that is stricter than QEMU, with CPU models that have and lack an x2APIC.

use std::time::Duration;

use anax_vm::{BOCHS_X2APIC, BOCHS_XAPIC, Boot, Chipset, Emulator, Spec};

use crate::context::{Context, Need, SystemTest, Tier};
use crate::guest;

/// A machine to boot on.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    emulator: Emulator,
    boot: Boot,
    chipset: Chipset,
    cpus: u32,
    memory_mib: u32,
    /// Other than the default.
    cpu_model: Option<&'static str>,
}

const fn qemu(name: &'static str, boot: Boot, chipset: Chipset, cpus: u32, memory_mib: u32) -> Case {
    Case { name, emulator: Emulator::Qemu, boot, chipset, cpus, memory_mib, cpu_model: None }
}

const fn bochs(name: &'static str, cpu_model: &'static str, cpus: u32) -> Case {
    let (boot, chipset) = (Boot::Iso, Chipset::Pc);
    Case { name, emulator: Emulator::Bochs, boot, chipset, cpus, memory_mib: 128, cpu_model: Some(cpu_model) }
}

const CASES: [Case; 16] = [
    qemu("boot.pvh-q35-1-64", Boot::Pvh, Chipset::Q35, 1, 64),
    qemu("boot.pvh-pc-2-64", Boot::Pvh, Chipset::Pc, 2, 64),
    qemu("boot.pvh-q35-4-4096", Boot::Pvh, Chipset::Q35, 4, 4096),
    qemu("boot.pvh-pc-16-4096", Boot::Pvh, Chipset::Pc, 16, 4096),
    qemu("boot.iso-pc-1-4096", Boot::Iso, Chipset::Pc, 1, 4096),
    qemu("boot.iso-q35-2-4096", Boot::Iso, Chipset::Q35, 2, 4096),
    qemu("boot.iso-pc-4-64", Boot::Iso, Chipset::Pc, 4, 64),
    qemu("boot.iso-q35-16-64", Boot::Iso, Chipset::Q35, 16, 64),
    qemu("boot.uefi-q35-1-128", Boot::Uefi, Chipset::Q35, 1, 128),
    qemu("boot.uefi-pc-2-128", Boot::Uefi, Chipset::Pc, 2, 128),
    qemu("boot.uefi-q35-4-4096", Boot::Uefi, Chipset::Q35, 4, 4096),
    qemu("boot.uefi-pc-16-4096", Boot::Uefi, Chipset::Pc, 16, 4096),
    bochs("boot.bochs-xapic-1", BOCHS_XAPIC, 1),
    bochs("boot.bochs-xapic-2", BOCHS_XAPIC, 2),
    bochs("boot.bochs-x2apic-1", BOCHS_X2APIC, 1),
    bochs("boot.bochs-x2apic-2", BOCHS_X2APIC, 2),
];

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test::<0>(Tier::Quick),
    test::<1>(Tier::Quick),
    test::<2>(Tier::Quick),
    test::<3>(Tier::Quick),
    test::<4>(Tier::Quick),
    test::<5>(Tier::Plain),
    test::<6>(Tier::Plain),
    test::<7>(Tier::Quick),
    test::<8>(Tier::Plain),
    test::<9>(Tier::Quick),
    test::<10>(Tier::Plain),
    test::<11>(Tier::Plain),
    test::<12>(Tier::Plain),
    test::<13>(Tier::Plain),
    test::<14>(Tier::Plain),
    test::<15>(Tier::Quick),
];

const fn test<const CASE: usize>(tier: Tier) -> SystemTest {
    let case = CASES[CASE];
    let needs: &[Need] = match (case.emulator, case.boot) {
        (Emulator::Bochs, _) => &[Need::Bochs, Need::Grub],
        (_, Boot::Uefi) => &[Need::Ovmf, Need::Grub],
        (_, Boot::Iso) => &[Need::Grub],
        (_, Boot::Pvh) => &[],
    };
    let seconds = match (case.emulator, case.boot) {
        (Emulator::Bochs, _) => 60,
        (_, Boot::Uefi) => 20,
        (_, Boot::Iso) => 5,
        (_, Boot::Pvh) => 2,
    };
    let processors = match case.emulator {
        Emulator::Bochs => 1,
        Emulator::Qemu => case.cpus as usize,
    };
    SystemTest {
        name: case.name,
        tier,
        needs,
        processors,
        estimate: Duration::from_secs(seconds),
        run: ready::<CASE>,
    }
}

/// Boots, reads the announcement on both lines, and runs a command.
fn ready<const CASE: usize>(context: &Context<'_>) -> anyhow::Result<()> {
    let case = CASES[CASE];
    let spec = Spec {
        emulator: case.emulator,
        boot: case.boot,
        chipset: case.chipset,
        cpus: case.cpus,
        memory_mib: case.memory_mib,
        cpu: case.cpu_model.map(str::to_owned),
        ..guest::spec(context, "boot")
    };
    let seen = guest::run(&spec, "echo ready")?;
    guest::check_ready(&seen, case.cpus, case.memory_mib, case.boot)?;
    seen.expect_success("ready\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every value of every factor meets every value of every other factor.
    #[test]
    fn the_boots_cover_all_pairs() {
        let qemu: Vec<_> = CASES.iter().filter(|case| case.emulator == Emulator::Qemu).collect();
        assert!(qemu.len() <= 12);
        let small = |case: &Case| case.memory_mib <= 128;
        let factors: [fn(&Case) -> u32; 4] = [
            |case| case.boot as u32,
            |case| case.chipset as u32,
            |case| case.cpus,
            |case| u32::from(case.memory_mib <= 128),
        ];
        for (first, a) in factors.iter().enumerate() {
            for b in &factors[first + 1..] {
                let values =
                    |factor: &fn(&Case) -> u32| qemu.iter().map(|case| factor(case)).collect::<BTreeSet<_>>();
                let pairs: BTreeSet<_> = qemu.iter().map(|case| (a(case), b(case))).collect();
                assert_eq!(pairs.len(), values(a).len() * values(b).len());
            }
        }
        for case in qemu {
            let least = if case.boot == Boot::Uefi { 128 } else { 64 };
            assert!(!small(case) || case.memory_mib == least, "{}", case.name);
        }
    }
}
