//! The concurrency models that loom explores: every order of what two CPUs do, up to a bound.
//!
//! A model is an integration test whose file name ends in `_loom`; there is no list to edit. Models need `--cfg loom`, which
//! swaps the atomics of a whole crate, so they are built in a target folder of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand, TargetKind};

use super::host;
use super::outcome::Outcome;
use super::progress::Progress;
use crate::build;

/// Context switches that loom tries beside the voluntary ones. Three find all known kinds of such defects.
const PREEMPTIONS: &str = "3";

/// The workspace.
pub(super) fn metadata() -> anyhow::Result<Metadata> {
    MetadataCommand::new()
        .current_dir(build::root())
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .context("cargo metadata")
}

/// Where the package of that name lies.
pub(super) fn folders(package: &str) -> anyhow::Result<Vec<PathBuf>> {
    let of_that_name = |found: &&cargo_metadata::Package| found.name.as_str() == package;
    let metadata = metadata()?;
    let manifests =
        metadata.packages.iter().filter(of_that_name).map(|found| found.manifest_path.as_std_path());
    Ok(manifests.filter_map(Path::parent).map(Path::to_owned).collect())
}

/// All of them: packages, and their integration tests that are models. Built together, since what they depend on is the same.
pub(super) struct Models {
    packages: Vec<String>,
    tests: Vec<String>,
}

/// All of them.
pub(super) fn all() -> anyhow::Result<Models> {
    let mut found = Models { packages: Vec::new(), tests: Vec::new() };
    for package in metadata()?.workspace_packages() {
        let models = |target: &&cargo_metadata::Target| {
            target.kind.contains(&TargetKind::Test) && target.name.ends_with("_loom")
        };
        let tests: Vec<_> = package.targets.iter().filter(models).map(|target| target.name.clone()).collect();
        if !tests.is_empty() {
            found.packages.push(package.name.to_string());
            found.tests.extend(tests);
        }
    }
    Ok(found)
}

/// `cargo test` for models in these packages.
fn command_of(packages: &[String], tests: &[String]) -> Command {
    let mut command = build::host_command("test");
    command.args(["--profile", "model"]);
    packages.iter().for_each(|package| _ = command.args(["--package", package]));
    tests.iter().for_each(|test| _ = command.args(["--test", test]));
    command
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS)
        .env("CARGO_TARGET_DIR", build::target().join("loom"));
    command
}

/// `cargo test` for the models in `test` of `package`.
pub(super) fn command(package: &str, test: &str) -> Command {
    command_of(&[package.to_owned()], &[test.to_owned()])
}

impl Models {
    /// Explores them all.
    pub(super) fn run(&self, filter: Option<&str>, logs: &Path, progress: &Progress) -> Vec<Outcome> {
        let command = command_of(&self.packages, &self.tests);
        host::run(command, "model", filter, &logs.join("models.log"), progress)
            .unwrap_or_else(|error| vec![Outcome::failed("models", &error)])
    }
}
