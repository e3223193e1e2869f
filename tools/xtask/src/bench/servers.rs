//! What the servers cost: from the kernel's first instruction to commands being taken, the start of a program, the restart of a server, the memory of
//! the idle system. `userland/servers-bench` measures itself, by the kernel's clock under icount: a nanosecond is an instruction.

use std::collections::BTreeMap;
use std::path::Path;

use anax_vm::{Accel, BENCH_CPU, Ending, Spec};
use anyhow::{Context as _, ensure};
use system_tests::guest::Seen;
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::baseline::Baseline;
use super::row::{Counted, Row};
use crate::build::{self, Choice, KernelBuild, KernelVariant, Packed};

/// The group.
pub(super) const GROUP: Group = Group { name: "servers", measure, unmet: &[] };

const MEMORY_MIB: u32 = 512;
/// The server that is killed.
const PEER: &str = "servers-bench-peer";
const IDLE: &str = "memory.idle_kib";

/// Name, unit, limit, aim.
const ROWS: [(&str, &str, Option<f64>, Option<f64>); 4] = [
    ("boot.services_ready", "instructions", None, None),
    ("process.spawn", "instructions", None, None),
    ("server.restart", "instructions", None, None),
    (IDLE, "KiB", None, Some(8192.0)),
];

fn measure(artefacts: &Artefacts, folder: &Path, _: &Baseline, _: Effort) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let figures = run(&context)?;
    let row = |&(name, unit, limit, aim): &(&'static str, &'static str, _, _)| {
        let value = *figures.get(name).with_context(|| format!("nobody reported {name}"))?;
        let (value, counted) = (value as f64, Counted::Icount);
        Ok(Row { limit, aim, ..Row::new(name, value, unit, counted) })
    };
    ROWS.iter().map(row).collect()
}

/// Runs the program; what it, the kernel and the control server reported.
fn run(context: &Context<'_>) -> anyhow::Result<BTreeMap<String, u64>> {
    let (cpu, accel, memory_mib) = (Some(BENCH_CPU.to_owned()), Accel::Icount, MEMORY_MIB);
    let spec = Spec { cpus: 1, memory_mib, cpu, accel, ..guest::user_spec(context, "icount") };
    // The server that is killed is no part of the system, and so not of its memory: it is in an archive of its own.
    let packed = Packed::Also(vec!["servers-bench".to_owned()]);
    let of = |with| {
        let choice = Choice { with, packed: packed.clone(), ..Choice::default() };
        build::bootable(&KernelBuild::release(KernelVariant::Plain), &choice)
    };
    let (usual, with_peer) = (of(Vec::new())?, of(vec![PEER.to_owned()])?);
    let spec = Spec { archive: usual.archive, kernel: usual.kernel, ..spec };
    let log = Some(context.folder.join("restart.log"));
    let restart = Spec { archive: with_peer.archive, kernel: with_peer.kernel, log, ..spec.clone() };
    let (mut figures, _) = succeed(&restart, "servers-bench restart")?;
    let (more, seen) = succeed(&spec, "servers-bench")?;
    figures.extend(more);
    let ready = seen.ready.context("the system did not say that it takes commands")?;
    ensure!(ready.tsc_hz == 1_000_000_000 && ready.ready_tsc > 0, "that can't be: {ready:?}");
    figures.insert("boot.services_ready".to_owned(), ready.ready_tsc);
    let free = free_kib(seen.console()).context("the kernel did not say how much memory is free")?;
    let idle = (u64::from(MEMORY_MIB) << 10).checked_sub(free).context("more is free than there is")?;
    figures.insert(IDLE.to_owned(), idle);
    Ok(figures)
}

/// Runs a command that has to end well; what it reported.
fn succeed(spec: &Spec, command: &str) -> anyhow::Result<(BTreeMap<String, u64>, Seen)> {
    let seen = guest::run(spec, command)?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    Ok((parse(&printed), seen))
}

/// Lines `bench NAME VALUE`; a name has a point in it.
pub(super) fn parse(printed: &str) -> BTreeMap<String, u64> {
    let figure = |line: &str| {
        let (name, value) = line.strip_prefix("bench ")?.split_once(' ')?;
        let is_name = name.contains('.') && !name.contains(':');
        is_name.then_some((name.to_owned(), value.trim_end().parse().ok()?))
    };
    printed.lines().filter_map(figure).collect()
}

/// Of the kernel's line `... memory: FREE KiB free of ALL KiB`.
fn free_kib(console: &str) -> Option<u64> {
    let free = |line: &str| {
        let (_, text) = line.split_once("memory: ")?;
        text.split_once(" KiB free of ")?.0.parse().ok()
    };
    console.lines().find_map(free)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_among_other_lines() {
        let figures = parse("hello\nbench a.b 1234\r\nbench failed: 3\nbench a.c -\n");
        assert_eq!(figures, BTreeMap::from([("a.b".to_owned(), 1234)]));
        let console = "memory: none\r\n[    0.02] CPU 0: memory: 5120 KiB free of 8192 KiB\r\n";
        assert_eq!(free_kib(console), Some(5120));
        assert_eq!(free_kib("memory 5120 KiB"), None);
    }
}
