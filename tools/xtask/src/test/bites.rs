//! `cargo xtask test --bite`: do the tests notice what they are for?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};
use system_tests::{Bite, Context, Effort, Judge};

use super::models;
use super::outcome::{Outcome, Verdict};
use super::plan::fresh_folder;
use super::progress::Progress;
use crate::build;

/// Builds every variant, or the one called `name`, and runs the test that has to fail.
pub(super) fn run(name: Option<&str>, logs: &Path) -> anyhow::Result<Vec<Outcome>> {
    let chosen: Vec<_> =
        system_tests::bites().filter(|bite| name.is_none_or(|name| name == bite.name)).collect();
    if chosen.is_empty() {
        let known: Vec<_> = system_tests::bites().map(|bite| bite.name).collect();
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
            let artefacts = build::artefacts_with(bite)?;
            bite.run(&Context { artefacts: &artefacts, folder, effort: Effort::Plain })
        }
        Judge::Host { package, file, test } => {
            let mut command = build::host_command("test");
            command
                .args(["--package", package, "--test", file])
                .env("CARGO_TARGET_DIR", build::target().join("bite/host"));
            expect_failure(command, bite, package, test, folder)
        }
        Judge::Model { package, file, test } => {
            expect_failure(models::command(package, file), bite, package, test, folder)
        }
    }
}

/// Runs the one test and wants it to fail, as a test: a variant that does not compile proves nothing.
fn expect_failure(
    mut command: Command,
    bite: &Bite,
    package: &str,
    test: &str,
    folder: &Path,
) -> anyhow::Result<()> {
    command.env("RUSTC_WORKSPACE_WRAPPER", wrapper(bite.name)?);
    let output = command.args(["--", "--exact", test]).output().context("cannot run cargo")?;
    forget_regressions(package)?;
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

/// A compiler for the workspace's own packages that builds the mistake in: dependencies stay as they are, which saves most of
/// the time.
fn wrapper(bite: &str) -> anyhow::Result<PathBuf> {
    let folder = build::target().join("bite/compilers");
    fs::create_dir_all(&folder)?;
    let path = folder.join(bite);
    fs::write(&path, format!("#!/bin/sh\nexec \"$@\" --cfg 'bite=\"{bite}\"'\n"))?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    Ok(path)
}

/// Removes what proptest noted about failures that were wanted: they say nothing about the right code.
fn forget_regressions(package: &str) -> anyhow::Result<()> {
    for folder in models::folders(package)? {
        for entry in fs::read_dir(folder.join("tests"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "proptest-regressions") {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}
