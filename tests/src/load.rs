//! Random load on the thread system for as long as the requirements state. The kernel test behind it also runs with all the others,
//! by number of operations; here it runs by time, and on machines that those are not run on.

use std::time::Duration;

use anax_vm::{BOCHS_X2APIC, Boot, Chipset, Emulator, Spec};
use anyhow::ensure;

use crate::context::{Need, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    minutes::<1>("load.random-1"),
    minutes::<2>("load.random-2"),
    minutes::<4>("load.random-4"),
    minutes::<7>("load.random-7"),
    BOCHS,
];

/// Seeds that the kernel test goes through, each of which it names on the console.
const SEEDS: usize = 3;

const fn minutes<const CPUS: u32>(name: &'static str) -> SystemTest {
    SystemTest {
        name,
        tier: Tier::Long,
        needs: &[],
        processors: if CPUS > 1 { 2 } else { 1 },
        estimate: Duration::from_secs(200),
        run: |context| lasts(&Spec { cpus: CPUS, memory_mib: 256, ..guest::spec(context, "boot") }, 60),
    }
}

const BOCHS: SystemTest = SystemTest {
    name: "load.random-bochs-2",
    tier: Tier::Long,
    needs: &[Need::Bochs, Need::Grub],
    processors: 1,
    estimate: Duration::from_secs(600),
    run: |context| {
        let spec = Spec {
            emulator: Emulator::Bochs,
            boot: Boot::Iso,
            chipset: Chipset::Pc,
            cpus: 2,
            memory_mib: 128,
            cpu: Some(BOCHS_X2APIC.to_owned()),
            ..guest::spec(context, "boot")
        };
        lasts(&spec, 10)
    },
};

/// The load, `seconds` of the guest's for each seed.
fn lasts(spec: &Spec, seconds: u64) -> anyhow::Result<()> {
    let seen =
        guest::run(spec, &format!("ktest --rounds {} load::random_load_keeps_every_rule", seconds * 100))?;
    seen.expect_success("")?;
    // "load: seed S, T ms: ..."
    let long = |line: &&str| {
        let words = line.split_once("load: seed ").and_then(|(_, rest)| rest.split_whitespace().nth(1));
        words.and_then(|word| word.parse::<u64>().ok()).is_some_and(|ms| ms >= seconds * 1000)
    };
    let seeds = seen.console().lines().filter(long).count();
    ensure!(seeds == SEEDS, "{seeds} seeds of {SEEDS} lasted {seconds} s");
    Ok(())
}
