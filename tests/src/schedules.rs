//! The user schedulers, by a program that shares a CPU with hogs; under icount, so that time is exact.

use std::time::Duration;

use anax_vm::{Accel, Spec};
use anyhow::Context as _;

use crate::context::{Context, Effort, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "schedules.shares-and-wake-ups",
        tier: Tier::Plain,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(60),
        run: shares_and_wake_ups,
    },
    SystemTest {
        name: "schedules.no-unbounded-inversion",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(20),
        run: no_unbounded_inversion,
    },
    SystemTest {
        name: "schedules.interrupt-storm",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(10),
        run: interrupt_storm,
    },
];

fn interrupt_storm(context: &Context<'_>) -> anyhow::Result<()> {
    let spec = Spec { accel: Accel::Icount, memory_mib: 256, ..guest::spec(context, "boot") };
    guest::run(&spec, "program schedules 1")?.expect_success("")
}

fn shares_and_wake_ups(context: &Context<'_>) -> anyhow::Result<()> {
    let slices = if context.effort == Effort::Long { 1000 } else { 200 };
    let spec = Spec { accel: Accel::Icount, memory_mib: 256, ..guest::spec(context, "boot") };
    guest::run(&spec, &format!("program schedules {slices}"))?.expect_success("")
}

fn no_unbounded_inversion(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let spec = Spec {
            cpus,
            accel: Accel::Icount,
            memory_mib: 256,
            ..guest::spec(context, &format!("cpus-{cpus}"))
        };
        let seen = guest::run(&spec, "program schedules 0")?;
        seen.expect_success("").with_context(|| format!("on {cpus} CPUs"))?;
    }
    Ok(())
}
