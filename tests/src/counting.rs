//! Whether the counting plugin counts right: every figure of a bench that isn't icount's rests on it.

use std::fs::{self, File};
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use count_format::{Counter, Counts, Recording};

use crate::context::{Context, SystemTest, Tier};
use crate::emulator;
use crate::tiny_guest::{self, Cpus};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "counting.one-cpu",
        tier: Tier::Quick,
        needs: &[],
        processors: 1,
        estimate: Duration::from_secs(1),
        run: one_cpu,
    },
    SystemTest {
        name: "counting.two-cpus",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(1),
        run: two_cpus,
    },
];

const TURNS: u32 = 5_000_000;

fn one_cpu(context: &Context<'_>) -> anyhow::Result<()> {
    for grain in ["block", "instruction"] {
        let recording = record(context, Cpus::One, grain)?;
        check_first_cpu(&recording).with_context(|| format!("counted by {grain}"))?;
    }
    Ok(())
}

/// Both CPUs run the same loop at the same time: counters that they shared would lose counts.
fn two_cpus(context: &Context<'_>) -> anyhow::Result<()> {
    // The BIOS starts the second CPU too; what it does there is counted in a run without the guest's loop.
    let idle = second_cpu(&record_turns(context, Cpus::Two, "block", 1)?)?.instructions();
    let bios = idle - tiny_guest::second_cpu_instructions(1);
    for grain in ["block", "instruction"] {
        let recording = record(context, Cpus::Two, grain)?;
        check_first_cpu(&recording).with_context(|| format!("counted by {grain}"))?;
        let counted = second_cpu(&recording)?;
        let expected = bios + tiny_guest::second_cpu_instructions(TURNS);
        let seen = counted.instructions();
        ensure!(seen == expected, "the second CPU executed {expected} instructions, {seen} were counted");
        ensure!(
            counted[Counter::Hlt] == 2,
            "the second CPU halted twice, {} were counted",
            counted[Counter::Hlt]
        );
    }
    Ok(())
}

fn check_first_cpu(recording: &Recording) -> anyhow::Result<()> {
    let marked = |id| recording.first(id).with_context(|| format!("marker {id} is missing"));
    let (begin, end) = (marked(tiny_guest::LOOP_BEGINS)?, marked(tiny_guest::LOOP_ENDED)?);
    ensure!(begin.vcpu == Some(0) && end.vcpu == Some(0), "the first CPU executed the markers");
    let counted = end.counts[0] - begin.counts[0];
    let expected = tiny_guest::first_cpu_instructions(TURNS);
    ensure!(
        counted[Counter::User] == expected && counted.instructions() == expected,
        "the first CPU executed {expected} instructions in the lower half, {counted:?} were counted"
    );
    let last = recording.last().context("there is no snapshot of the end")?.counts[0] - end.counts[0];
    ensure!(
        last[Counter::PortIo] == 1,
        "the end takes one port access, {} were counted",
        last[Counter::PortIo]
    );
    Ok(())
}

fn second_cpu(recording: &Recording) -> anyhow::Result<Counts> {
    let last = recording.last().context("there is no snapshot of the end")?;
    last.counts.get(1).copied().context("there is no second CPU")
}

fn record(context: &Context<'_>, cpus: Cpus, grain: &str) -> anyhow::Result<Recording> {
    record_turns(context, cpus, grain, TURNS)
}

fn record_turns(context: &Context<'_>, cpus: Cpus, grain: &str, turns: u32) -> anyhow::Result<Recording> {
    let guest = context.folder.join("guest.elf");
    fs::write(&guest, tiny_guest::elf(turns, cpus))?;
    let counts = context.folder.join(format!("counts-{grain}-{turns}"));
    let plugin = format!("{},out={},grain={grain}", context.artefacts.plugin.display(), counts.display());
    let mut command = emulator::command();
    command.args(["-m", "64", "-smp", if cpus == Cpus::Two { "2" } else { "1" }, "-plugin", &plugin]);
    command.arg("-kernel").arg(&guest);
    emulator::run(command, Duration::from_secs(60))?;
    Ok(count_format::read(BufReader::new(File::open(&counts)?))?)
}
