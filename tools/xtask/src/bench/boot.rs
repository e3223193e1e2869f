//! How many instructions the kernel needs from its first one to the moment it is ready, and the system to a prompt.

mod prompt;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anax_vm::{Accel, BENCH_CPU, Plugin, Ready, Spec};
use anyhow::{Context as _, ensure};
use count_format::{Counts, Recording};
use system_tests::{Artefacts, Context, Effort, guest};

use super::Group;
use super::baseline::Baseline;
use super::row::{Counted, Row};
use crate::build::{self, Choice, KernelBuild, KernelVariant};

/// The group.
pub(super) const GROUP: Group = Group { name: "boot", measure, unmet: &[] };

const LIMIT: f64 = 100e6;
const AIM: f64 = 20e6;

/// The marker that the kernel executes first of all, and the one when it is ready.
const ENTRY: u16 = 1;
const READY: u16 = 2;

fn measure(artefacts: &Artefacts, folder: &Path, _: &Baseline, _: Effort) -> anyhow::Result<Vec<Row>> {
    let context = Context { artefacts, folder, effort: Effort::Plain };
    let first = instructions(&boot(&context, "icount-1", Accel::Icount, Vec::new())?);
    let second = instructions(&boot(&context, "icount-2", Accel::Icount, Vec::new())?);
    ensure!(first == second, "two runs differ: {first} and {second} instructions");
    let row = Row::new("boot.entry_to_ready", first as f64, "instructions", Counted::Icount);
    let expensive = Some(expensive(&context)?);
    let mut rows = vec![Row { expensive, limit: Some(LIMIT), aim: Some(AIM), ..row }];
    rows.extend(prompt::rows(&context)?);
    Ok(rows)
}

/// Boots one CPU with 256 MiB by PVH, and checks that it is ready for work by giving it some.
fn boot(context: &Context<'_>, log: &str, accel: Accel, plugins: Vec<Plugin>) -> anyhow::Result<Ready> {
    let cpu = Some(BENCH_CPU.to_owned());
    let spec = Spec { cpus: 1, memory_mib: 256, cpu, accel, plugins, ..guest::spec(context, log) };
    let usual = build::bootable(&KernelBuild::release(KernelVariant::Test), &Choice::default())?;
    let spec = Spec { archive: usual.archive, kernel: usual.kernel, ..spec };
    let seen = guest::run(&spec, "true")?;
    seen.expect_success("")?;
    let ready = seen.ready.context("the kernel did not say that it is ready")?;
    ensure!(ready.cpus == 1 && ready.ready_tsc > ready.entry_tsc, "that can't be: {ready:?}");
    Ok(ready)
}

/// Under icount the time stamp counter counts one per instruction.
fn instructions(ready: &Ready) -> u64 {
    ready.ready_tsc - ready.entry_tsc
}

/// What of it is dear on real hardware, counted by the plugin between the kernel's two markers.
fn expensive(context: &Context<'_>) -> anyhow::Result<Counts> {
    let path = context.folder.join("counts");
    let out = format!("out={}", path.display());
    let plugin = Plugin { path: context.artefacts.plugin.clone(), args: vec![out, "mmio=on".to_owned()] };
    boot(context, "plugin", Accel::Tcg, vec![plugin])?;
    let recording = count_format::read(BufReader::new(File::open(&path)?))?;
    Ok(snapshot(&recording, READY)? - snapshot(&recording, ENTRY)?)
}

fn snapshot(recording: &Recording, marker: u16) -> anyhow::Result<Counts> {
    let snapshot =
        recording.first(marker).with_context(|| format!("the kernel did not execute marker {marker}"))?;
    Ok(snapshot.total())
}
