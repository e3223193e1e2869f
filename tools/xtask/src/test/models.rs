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

/// A file of models.
pub(super) struct Models {
    package: String,
    /// The integration test's name.
    test: String,
}

fn metadata() -> anyhow::Result<Metadata> {
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

/// All of them.
pub(super) fn all() -> anyhow::Result<Vec<Models>> {
    let mut found = Vec::new();
    for package in metadata()?.workspace_packages() {
        for target in &package.targets {
            if target.kind.contains(&TargetKind::Test) && target.name.ends_with("_loom") {
                found.push(Models { package: package.name.to_string(), test: target.name.clone() });
            }
        }
    }
    Ok(found)
}

/// `cargo test` for the models in `test` of `package`.
pub(super) fn command(package: &str, test: &str) -> Command {
    let mut command = build::host_command("test");
    command
        .args(["--release", "--package", package, "--test", test])
        .env("RUSTFLAGS", "--cfg loom")
        .env("LOOM_MAX_PREEMPTIONS", PREEMPTIONS)
        .env("CARGO_TARGET_DIR", build::target().join("loom"));
    command
}

impl Models {
    /// What a person calls it.
    pub(super) fn name(&self) -> String {
        format!("models {}", self.test)
    }

    /// Explores them all.
    pub(super) fn run(&self, filter: Option<&str>, logs: &Path, progress: &Progress) -> Vec<Outcome> {
        let command = command(&self.package, &self.test);
        let log = logs.join(format!("{}.log", self.test));
        host::run(command, "model", filter, &log, progress)
            .unwrap_or_else(|error| vec![Outcome::failed(self.name(), &error)])
    }
}
