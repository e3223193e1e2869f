//! `cargo xtask test`: every test there is, and one line at the end that says how it went.
//!
//! Host tests, tests inside the booted kernel, tests of the whole system, `check`, and the bench's limits: all become
//! jobs that run side by side, and all yield outcomes that are counted the same way.

mod bites;
mod host;
mod jobs;
mod long;
mod models;
mod outcome;
mod plan;
mod progress;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use anyhow::Context;
use system_tests::Effort;

use crate::build;
use crate::setup::{self, Part};
use outcome::{Outcome, Skips, Summary};
use progress::Progress;

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
#[command(after_help = "Each system test leaves its serial log in target/test-logs/NAME/.\n\
    With CI=true in the environment a skipped test is a failed one.")]
pub(crate) struct Args {
    /// Run only tests whose name contains this
    filter: Option<String>,

    /// Run the system test, check or bench of exactly that name only
    #[arg(long, requires = "filter")]
    exact: bool,

    /// Quick tests only: at most five minutes after the build
    #[arg(long, conflicts_with = "long")]
    quick: bool,

    /// Every repetition the requirements state, instead of a tenth; results go to docs/long-results.md
    #[arg(long)]
    long: bool,

    /// With --long: run the I-th of N parts only
    #[arg(long, value_name = "I/N", requires = "long")]
    part: Option<plan::Part>,

    /// Build each deliberately broken variant and expect its test to fail; with NAME, that one only
    #[arg(long, value_name = "NAME", num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["quick", "long"])]
    bite: Option<String>,
}

impl Args {
    fn effort(&self) -> Effort {
        match (self.quick, self.long) {
            (true, _) => Effort::Quick,
            (_, true) => Effort::Long,
            _ => Effort::Plain,
        }
    }
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    setup::need(&[Part::Qemu])?;
    if let Err(error) = setup::need(&[Part::Image, Part::Uefi, Part::Bochs, Part::Disks]) {
        // What needs them is skipped, each test saying why.
        eprintln!("xtask: {error:#}");
    }
    let logs = logs_folder()?;
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let filter = args.filter.as_deref();
    let outcomes = if let Some(name) = &args.bite {
        bites::run(Some(name.as_str()).filter(|name| !name.is_empty()).or(filter), &logs)?
    } else {
        if !args.exact {
            plan::build_host_tests()?;
        }
        let artefacts = plan::build_artefacts()?;
        let request = plan::Request { effort: args.effort(), filter, is_exact: args.exact, part: args.part };
        let progress = Progress::new();
        let planned = plan::jobs(&request, &artefacts, &logs, &progress)?;
        progress.expect(planned.jobs.len());
        let mut outcomes = jobs::run(planned.jobs, 2 * processors, &progress);
        outcomes.extend(planned.skipped);
        outcome::drop_covered_skips(outcomes)
    };
    finish(outcomes, &args)
}

fn finish(mut outcomes: Vec<Outcome>, args: &Args) -> anyhow::Result<ExitCode> {
    outcomes.sort_by(|a, b| a.name.cmp(&b.name));
    if args.long {
        long::record(&build::root().join("docs/long-results.md"), &outcomes)?;
    }
    let summary = Summary::new(outcomes, Skips::from_environment());
    println!("\n{summary}");
    Ok(if summary.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Where tests leave their logs.
fn logs_folder() -> anyhow::Result<PathBuf> {
    let logs = build::root().join("target/test-logs");
    fs::create_dir_all(&logs).with_context(|| logs.display().to_string())?;
    Ok(logs)
}
