//! Threads scheduled in user-land, by a program that checks what it promises: `userland/uthreads`.

use std::time::Duration;

use anax_vm::{Ending, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "uthreads.on-one-and-two-cpus",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(5),
        run: on_one_and_two_cpus,
    },
    SystemTest {
        name: "uthreads.an-overflow-ends-in-the-guard-page",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(3),
        run: an_overflow_ends_in_the_guard_page,
    },
];

fn on_one_and_two_cpus(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let spec = Spec { cpus, memory_mib: 256, ..guest::spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, "program uthreads")?;
        seen.expect_success("").with_context(|| format!("on {cpus} CPUs"))?;
        ensure!(
            seen.console().contains("uthreads: verified"),
            "the program did not say that all was verified"
        );
    }
    Ok(())
}

fn an_overflow_ends_in_the_guard_page(context: &Context<'_>) -> anyhow::Result<()> {
    let spec = Spec { memory_mib: 256, ..guest::spec(context, "boot") };
    let seen = guest::run(&spec, "program uthreads 1")?;
    ensure!(
        seen.result.ending == Ending::Exited { status: 128 },
        "it ended otherwise: {:?}",
        seen.result.ending
    );
    // Error 6: user code wrote where nothing may be written (exception 14, the guard page was never touched).
    let fault = "warning: uthreads: fault 0x60000000e";
    ensure!(seen.console().contains(fault), "no fault of a write to the guard page");
    Ok(())
}
