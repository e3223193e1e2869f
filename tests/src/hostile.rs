//! User mode against the kernel: the program `hostile` attacks it in every way that it knows, and the kernel goes on as if nothing
//! had been.

use std::time::Duration;

use anax_vm::{Ending, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, Effort, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "hostile.attacks",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(90),
        run: attacks,
    },
    SystemTest {
        name: "hostile.nothing-leaks",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(60),
        run: nothing_leaks,
    },
];

/// KiB that may stay away after a round that follows one as long, which has brought pools and thread stacks to their peak: what the CPUs keep in their own caches of free frames, and page lists that the heap took
/// for pools of ended objects and keeps. A leak of one page an object would be thousands.
const KEPT_KIB: u64 = 512;

fn attacks(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let spec = Spec { cpus, memory_mib: 256, ..guest::spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, "program hostile && program hello && echo alive")?;
        let failed: Vec<_> = seen.console().lines().filter(|line| line.contains("FAILED")).collect();
        ensure!(failed.is_empty(), "on {cpus} CPUs:\n{}", failed.join("\n"));
        seen.expect_success("alive\n").with_context(|| format!("on {cpus} CPUs"))?;
    }
    Ok(())
}

fn nothing_leaks(context: &Context<'_>) -> anyhow::Result<()> {
    let rounds = if context.effort == Effort::Long { 100_000 } else { 1_000 };
    // One CPU: with more, how many ended threads await their burial at the peak, and so how many stacks are kept, varies.
    let mut spec = Spec { cpus: 1, memory_mib: 256, ..guest::spec(context, "boot") };
    if context.effort == Effort::Long {
        // A hundred times as long; one kind of object at a time, in silence.
        spec.limits.silence = Duration::from_secs(60 * 60);
        spec.limits.total = Some(Duration::from_secs(4 * 60 * 60));
    }
    let commands = format!("program hostile 1000 && mem && program hostile {rounds} && mem");
    let seen = guest::run(&spec, &commands)?;
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
    let printed = seen.printed();
    let free: Vec<u64> = printed
        .lines()
        .filter(|line| line.starts_with("frames"))
        .filter_map(|line| line.split_whitespace().rev().nth(2)?.parse().ok())
        .collect();
    let &[before, after] = free.as_slice() else { anyhow::bail!("no free frames in {printed:?}") };
    ensure!(after + KEPT_KIB >= before, "{before} KiB were free, then {after}");
    Ok(())
}
