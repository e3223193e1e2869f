//! `cargo xtask bench`: what things cost, in instructions, and whether that has grown.
//!
//! Instructions, since they are the same on every run and every machine: counted by the emulator (`-icount`) inside
//! one machine with one CPU, by the counting plugin elsewhere. A row exists only if the work that it measures was
//! checked to have been done. Rows are compared with the committed baselines in `tools/xtask/baselines/`.

mod baseline;
mod boot;
mod ipc;
mod net;
mod plot;
mod report;
mod row;
mod servers;
mod swap;
mod vfs;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anax_vm::BENCH_CPU;
use anyhow::{Context, bail, ensure};
use system_tests::{Artefacts, Effort};

use crate::build;
use crate::setup::{self, Part};
use baseline::{Baseline, Versions};
use report::Judged;
use row::{Counted, Row};

/// Options of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Groups to measure; all of them if none is named
    #[arg(value_name = "GROUP")]
    groups: Vec<String>,

    /// Write the results to FILE as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Draw those that a Linux guest's figures stand beside, as an SVG
    #[arg(long, value_name = "FILE", conflicts_with = "peer")]
    plot: Option<PathBuf>,

    /// Measure only what `cargo xtask test` does
    #[arg(long, conflicts_with = "update")]
    short: bool,

    /// Compare the network with that of a Linux guest, by turns, whose vmlinuz and full.cpio are in FOLDER; nothing else is measured
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["json", "update", "short"])]
    peer: Option<PathBuf>,

    /// Make the results the new baselines
    #[arg(long)]
    update: bool,
}

/// Measurements that belong together; one file each.
pub(crate) struct Group {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    /// Measures, leaving logs in a folder. Where chance has its part it may measure again what has outgrown the baseline.
    /// What takes long is measured in long runs only.
    measure: fn(&Artefacts, &Path, &Baseline, Effort) -> anyhow::Result<Vec<Row>>,
    /// Rows that have never met their limits: `cargo xtask bench` fails with them, `cargo xtask test` only if they grow.
    unmet: &'static [&'static str],
}

/// All groups.
pub(crate) const GROUPS: &[Group] =
    &[boot::GROUP, ipc::GROUP, servers::GROUP, swap::GROUP, net::GROUP, net::HTTP, vfs::GROUP];

impl Group {
    fn baseline_path(&self) -> PathBuf {
        build::root().join(format!("tools/xtask/baselines/{}.json", self.name))
    }

    /// Measures and compares.
    fn judged(
        &self,
        artefacts: &Artefacts,
        folder: &Path,
        versions: &Versions,
        effort: Effort,
    ) -> anyhow::Result<Vec<Judged>> {
        let baseline = Baseline::read(&self.baseline_path())?;
        let rows = (self.measure)(artefacts, folder, &baseline, effort)
            .with_context(|| format!("bench {}", self.name))?;
        Ok(rows.into_iter().map(|row| baseline.judge(row, versions)).collect())
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let groups = select(&args.groups)?;
    setup::need(&[Part::Qemu])?;
    let artefacts = build::artefacts()?;
    if let Some(peer) = &args.peer {
        ensure!(args.groups == [net::GROUP.name], "--peer goes with the group {} alone", net::GROUP.name);
        net::compare(&artefacts, &logs(&net::GROUP)?, peer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let effort = if args.short { Effort::Plain } else { Effort::Long };
    let versions = Versions::of_this_host(BENCH_CPU)?;
    let mut rows = Vec::new();
    for group in groups {
        let folder = logs(group)?;
        let mut judged = group.judged(&artefacts, &folder, &versions, effort)?;
        if args.update {
            let baseline = Baseline::new(&versions, judged.iter().map(|judged| &judged.row));
            baseline.write(&group.baseline_path())?;
            judged = judged.into_iter().map(|judged| baseline.judge(judged.row, &versions)).collect();
        }
        rows.extend(judged);
    }
    print!("{}", report::table(&rows));
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report::json(&rows))?;
        fs::write(path, text + "\n").with_context(|| path.display().to_string())?;
    }
    if let Some(path) = &args.plot {
        fs::write(path, plot::svg(&rows)).with_context(|| path.display().to_string())?;
    }
    let failed = rows.iter().any(|judged| judged.failure().is_some());
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Where a group leaves its logs.
fn logs(group: &Group) -> anyhow::Result<PathBuf> {
    let folder = build::root().join("target/bench-logs").join(group.name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

fn select(names: &[String]) -> anyhow::Result<Vec<&'static Group>> {
    if names.is_empty() {
        return Ok(GROUPS.iter().collect());
    }
    let find = |name: &String| match GROUPS.iter().find(|group| group.name == name) {
        Some(group) => Ok(group),
        None => {
            let known: Vec<_> = GROUPS.iter().map(|group| group.name).collect();
            bail!("there is no group '{name}'; there are: {}", known.join(", "))
        }
    };
    names.iter().map(find).collect()
}

/// A row's name and, if its limit or allowance is exceeded, by how much.
pub(crate) type Gated = (&'static str, Result<(), String>);

/// What `cargo xtask test` asks: is any row of the group over its limit, or grown beyond its allowance?
/// Growth against a baseline of other versions of the compiler or the emulator is only reported, through `warn`.
pub(crate) fn gate(
    group: &Group,
    artefacts: &Artefacts,
    folder: &Path,
    effort: Effort,
    warn: impl Fn(&str),
) -> anyhow::Result<Vec<Gated>> {
    let mut judged = group.judged(artefacts, folder, &Versions::of_this_host(BENCH_CPU)?, effort)?;
    // What is only told can neither pass nor fail.
    judged.retain(|judged| judged.row.counted != Counted::Reported);
    for judged in judged.iter_mut().filter(|judged| group.unmet.contains(&judged.row.name)) {
        judged.row.limit = None;
    }
    for warning in judged.iter().filter_map(Judged::warning) {
        warn(&format!("warning  {warning}"));
    }
    Ok(judged.iter().map(|judged| (judged.row.name, judged.failure().map_or(Ok(()), Err))).collect())
}
