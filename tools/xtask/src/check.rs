//! Skeleton of `cargo xtask check`.

use std::process::ExitCode;

/// Options of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
