//! Skeleton of `cargo xtask test`.

use std::process::ExitCode;

/// Options of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    anyhow::bail!("not built yet")
}
