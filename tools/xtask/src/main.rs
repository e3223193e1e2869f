//! `cargo xtask`: the one tool that builds, boots, tests and measures Anax.
//!
//! Each subcommand is a module with its own clap `Args` and a `run` that returns the process's exit status.
//! Exit statuses: 0 done, 1 the work itself failed (a test, a lint), 2 the command line or the host is at
//! fault (the one line printed names the cure), 3 the guest refused its boot information,
//! 125 the guest ended without saying how.

mod bench;
mod build;
mod check;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, boots, tests and measures Anax.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure costs in instructions and compare them with the committed baselines.
    Bench(bench::Args),
    /// Formatting, lints, post-link checks, licences and the size of the kernel.
    Check(check::Args),
    /// Run every test: on the host, inside the booted kernel, and of the whole system.
    Test(test::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Bench(args) => bench::run(args),
        Command::Check(args) => check::run(args),
        Command::Test(args) => test::run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::from(2)
        }
    }
}
