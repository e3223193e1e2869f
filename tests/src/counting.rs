//! Whether the counting plugin counts right: every figure of a bench that isn't icount's rests on it.

use std::fs::{self, File};
use std::io::BufReader;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use count_format::{Counter, Recording, Snapshot};

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
        check_loop(&recording, 0, tiny_guest::FIRST).with_context(|| format!("counted by {grain}"))?;
        let end = recording.last().context("there is no snapshot of the end")?.counts[0];
        let last = end - marked(&recording, tiny_guest::FIRST[1])?.counts[0];
        ensure!(
            last[Counter::PortIo] == 1,
            "the end takes one port access, {} were counted",
            last[Counter::PortIo]
        );
    }
    Ok(())
}

/// Both CPUs run the same loop at the same time: counters that they shared would lose counts.
fn two_cpus(context: &Context<'_>) -> anyhow::Result<()> {
    for grain in ["block", "instruction"] {
        let recording = record(context, Cpus::Two, grain)?;
        for (cpu, markers) in [(0, tiny_guest::FIRST), (1, tiny_guest::SECOND)] {
            check_loop(&recording, cpu, markers).with_context(|| format!("counted by {grain}"))?;
        }
        let last = recording.last().context("there is no snapshot of the end")?;
        let before = marked(&recording, tiny_guest::SECOND[1])?;
        let halted = (last.counts[1] - before.counts[1])[Counter::Hlt];
        ensure!(halted <= 1, "the second CPU halted once at most, {halted} were counted");
    }
    Ok(())
}

fn check_loop(recording: &Recording, cpu: u32, [begins, ended]: [u16; 2]) -> anyhow::Result<()> {
    let (begin, end) = (marked(recording, begins)?, marked(recording, ended)?);
    ensure!(begin.vcpu == Some(cpu) && end.vcpu == Some(cpu), "another CPU than {cpu} executed the markers");
    let counted = end.counts[cpu as usize] - begin.counts[cpu as usize];
    let expected = tiny_guest::instructions(TURNS);
    ensure!(
        counted[Counter::User] == expected && counted.instructions() == expected,
        "CPU {cpu} executed {expected} instructions in the lower half, {counted:?} were counted"
    );
    Ok(())
}

fn marked(recording: &Recording, id: u16) -> anyhow::Result<&Snapshot> {
    recording.first(id).with_context(|| format!("marker {id} is missing"))
}

fn record(context: &Context<'_>, cpus: Cpus, grain: &str) -> anyhow::Result<Recording> {
    let guest = context.folder.join("guest.elf");
    fs::write(&guest, tiny_guest::elf(TURNS, cpus))?;
    let counts = context.folder.join(format!("counts-{grain}"));
    let plugin = format!("{},out={},grain={grain}", context.artefacts.plugin.display(), counts.display());
    let mut command = emulator::command();
    command.args(["-m", "64", "-smp", if cpus == Cpus::Two { "2" } else { "1" }, "-plugin", &plugin]);
    command.arg("-kernel").arg(&guest);
    emulator::run(command, Duration::from_secs(60))?;
    Ok(count_format::read(BufReader::new(File::open(&counts)?))?)
}
