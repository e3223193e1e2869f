//! `cargo xtask test --bite`: do the tests notice what they are for?

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use system_tests::{BITES, Bite, Context, Effort, Judge};

use super::models;
use super::outcome::{Outcome, Verdict};
use super::plan::fresh_folder;
use super::progress::Progress;
use crate::build;

/// Builds every variant, or the one called `name`, and runs the test that has to fail.
pub(super) fn run(name: Option<&str>, logs: &Path) -> anyhow::Result<Vec<Outcome>> {
    let chosen: Vec<_> = BITES.iter().filter(|bite| name.is_none_or(|name| name == bite.name)).collect();
    if chosen.is_empty() {
        let known: Vec<_> = BITES.iter().map(|bite| bite.name).collect();
        bail!("there is no variant of that name; there are: {}", known.join(", "));
    }
    let progress = Progress::new();
    progress.expect(chosen.len());
    let mut outcomes = Vec::new();
    for bite in chosen {
        progress.started(bite.name);
        let begin = Instant::now();
        let result =
            fresh_folder(logs, &format!("bite-{}", bite.name)).and_then(|folder| judge(bite, &folder));
        let verdict = result.map_or_else(|error| Verdict::Failed(format!("{error:#}")), |()| Verdict::Passed);
        let outcome = Outcome { name: format!("bite {}", bite.name), verdict, took: begin.elapsed() };
        progress.ended(bite.name, std::slice::from_ref(&outcome));
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// Builds the variant and runs its judge; an error says that the break was not noticed.
fn judge(bite: &Bite, folder: &Path) -> anyhow::Result<()> {
    match bite.judge {
        Judge::Kernel { .. } | Judge::System(_) => {
            let artefacts = build::artefacts(build::KernelVariant::Test, Some(bite.name))?;
            bite.run(&Context { artefacts: &artefacts, folder, effort: Effort::Plain })
        }
        Judge::Host { package, file, test } => {
            let mut command = build::host_command("test");
            command
                .args(["--package", package, "--test", file])
                .env("RUSTFLAGS", models::flags(Some(bite.name)))
                .env("CARGO_TARGET_DIR", build::target().join("bite/host"));
            expect_failure(command, bite, test, folder)
        }
        Judge::Model { package, file, test } => {
            expect_failure(models::command(package, file, Some(bite.name)), bite, test, folder)
        }
    }
}

/// Runs the one test and wants it to fail, as a test: a variant that does not compile proves nothing.
fn expect_failure(mut command: Command, bite: &Bite, test: &str, folder: &Path) -> anyhow::Result<()> {
    let output = command.args(["--", "--exact", test]).output().context("cannot run cargo")?;
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    fs::write(folder.join("cargo.log"), format!("{said}\n{errors}"))?;
    // A test that takes its process with it (an aborting panic, a stack overflow) is told by cargo as a signal.
    if said.contains("test result: FAILED. 0 passed; 1 failed") || errors.contains("(signal: ") {
        return Ok(());
    }
    if said.contains("test result: ok. 1 passed") {
        bail!("{test} passed although the variant {}", bite.breaks);
    }
    bail!("{test} was not run: see cargo.log in {}", folder.display())
}
