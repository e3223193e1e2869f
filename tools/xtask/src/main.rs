//! `cargo xtask`: the one tool that builds, boots, tests and measures Anax.
//!
//! Each subcommand is a module with its own clap `Args` and a `run` that returns the process's exit status.
//! Exit statuses: 0 done, 1 the work itself failed (a test, a lint), 2 the command line or the host is at
//! fault (the one line printed names the cure), 3 the guest refused its boot information,
//! 101 the kernel panicked, 125 the guest ended without saying how.

mod bench;
mod build;
mod check;
mod cli;
mod debug;
mod demo;
mod image;
mod new;
mod peer;
mod profile;
mod run;
mod screenshot;
mod setup;
mod swap;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

const EXAMPLES: &str = "\
Start here:
  cargo xtask run                        boot Anax, its console on this terminal
  cargo xtask run --exec 'echo alive'    boot it, run a command in it, power off
  cargo xtask test --quick               what can be tested in five minutes

Whatever the host lacks (QEMU, GRUB, ...) is installed on first use, as root or through sudo.
`cargo xtask COMMAND --help` explains a command.";

/// Builds, boots, tests and measures Anax.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
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
    /// Start Anax in QEMU, stopped, with gdb attached.
    Debug(debug::Args),
    /// Show a web server in a guest, loaded from this host while the driver of its card is swapped; leaves a page with a plot.
    Demo(demo::Args),
    /// Make one CD image for BIOS and UEFI.
    Image(image::Args),
    /// Begin a server or a driver: a folder that compiles, with a client and tests on the host.
    New(new::Args),
    /// Send raw frames to a guest that runs in another terminal, and verify that each comes back.
    Peer(peer::Args),
    /// Show where a guest's instructions go, by program and function.
    Profile(profile::Args),
    /// Boot Anax, with its console on this terminal or to run commands in it.
    Run(run::Args),
    /// Boot Anax, type a few commands, and draw what the console showed.
    Screenshot(screenshot::Args),
    /// Install the Debian packages that building, running and testing need.
    Setup(setup::Args),
    /// Build a driver, and let it take another's place in a guest that runs.
    Swap(swap::Args),
    /// Run every test: on the host, inside the booted kernel, and of the whole system.
    Test(test::Args),
}

fn main() -> ExitCode {
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return cli::report(&error),
    };
    let result = match command {
        Command::Bench(args) => bench::run(args),
        Command::Check(args) => check::run(args),
        Command::Debug(args) => debug::run(args),
        Command::Demo(args) => demo::run(&args),
        Command::Image(args) => image::run(args),
        Command::New(args) => new::run(&args),
        Command::Peer(args) => peer::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Screenshot(args) => screenshot::run(&args),
        Command::Setup(args) => setup::run(args),
        Command::Swap(args) => swap::run(&args),
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
