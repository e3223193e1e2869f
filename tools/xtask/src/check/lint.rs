//! Formatting and lints.
//!
//! Kernel, programs and host packages are linted apart, each with the flags and features it is built with: one invocation
//! for all would switch on `std` in the dependencies they share.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;

use super::Findings;
use crate::build::{self, KernelVariant};

/// Warnings are errors.
const DENY: [&str; 3] = ["--", "-D", "warnings"];

/// `cargo fmt --check`.
pub(super) fn formatting(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let mut command = Command::new(build::cargo_program());
    command.current_dir(root).args(["fmt", "--all", "--check", "--", "--color=never"]);
    judge(command, "the tree is not formatted; run `cargo fmt --all`", findings)
}

/// Clippy over everything that runs on the host, tests included.
pub(super) fn host(_: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let mut command = build::host_command("clippy");
    command.args(["--quiet", "--all-targets"]).args(DENY);
    judge(behind_others(&command), "clippy has objections", findings)
}

/// Clippy over the kernel, with and without its tests.
pub(super) fn kernel(_: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    for variant in [KernelVariant::Plain, KernelVariant::Test] {
        let mut command = build::kernel_command("clippy", variant);
        command.arg("--quiet").args(DENY);
        judge(command, "clippy has objections", findings)?;
    }
    Ok(())
}

/// Clippy over the programs, and over libsys as they see it.
pub(super) fn programs(_: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    if let Some(mut command) = build::programs_command("clippy")? {
        command.arg("--quiet").args(DENY);
        judge(command, "clippy has objections", findings)?;
    }
    Ok(())
}

/// Clippy's findings on the whole tree in the form that editors read. The exit status says nothing about them.
pub(super) fn editor() -> anyhow::Result<ExitCode> {
    const JSON: &str = "--message-format=json";
    let mut host = build::host_command("clippy");
    host.args(["--all-targets", "--keep-going", JSON]);
    let mut kernel = build::kernel_command("clippy", KernelVariant::Test);
    kernel.args(["--keep-going", JSON]);
    let mut programs = build::programs_command("clippy")?;
    if let Some(programs) = &mut programs {
        programs.args(["--keep-going", JSON]);
    }
    for mut command in [host, kernel].into_iter().chain(programs) {
        command.env("CARGO_TERM_COLOR", "never").env("CARGO_TARGET_DIR", build::root().join("target/editor"));
        command.status().context("cargo clippy")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The same, after all that wants a processor: tests run beside it that mostly sleep.
fn behind_others(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "10"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        nice.current_dir(folder);
    }
    nice
}

fn judge(mut command: Command, failure: &str, findings: &mut Findings) -> anyhow::Result<()> {
    let output = command.output().context("cargo")?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        findings.fail(format!("{failure}\n{}", String::from_utf8_lossy(&text).trim_end()));
    }
    Ok(())
}
