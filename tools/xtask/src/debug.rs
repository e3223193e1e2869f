//! `cargo xtask debug`: Anax, stopped at its first instruction, in gdb with its symbols.

use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, ExitCode};

use anax_vm::{ControlLine, Debugger, Machine, Spec};
use anyhow::Context;

use crate::build::{self, KernelBuild, KernelVariant, Profile};
use crate::setup::{self, Part};

const EXAMPLES: &str = "\
Examples:
  cargo xtask debug                    then, at gdb's prompt: hbreak start::start
  cargo xtask debug -- -ex 'hbreak *0xffffffff80100000' -ex continue

The kernel's console is written to target/debug.log (follow it with: tail -f target/debug.log). Quitting gdb ends \
the guest. Before the kernel has its own page tables only hbreak works, not break.";

/// Options of `cargo xtask debug`.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// CPUs of the machine; one is easiest to follow.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=255))]
    smp: u32,
    /// Build the release, as it is used, instead of the unoptimised one.
    #[arg(long)]
    release: bool,
    /// More arguments for gdb.
    #[arg(last = true, value_name = "GDB ARGUMENTS")]
    gdb: Vec<OsString>,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    setup::need(&[Part::Qemu, Part::Gdb])?;
    let profile = if args.release { Profile::Release } else { Profile::Dev };
    let build = KernelBuild { variant: KernelVariant::Test, profile, bite: None };
    let bootable = build::bootable(&build, &build::Choice::for_tests())?;
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let spec = Spec {
        cpus: args.smp,
        debugger: Debugger::Port(port),
        control: ControlLine::Unused,
        log: Some(build::target().join("debug.log")),
        ..Spec::new(&bootable.kernel, &bootable.archive)
    };
    // Ctrl-C in this terminal is gdb's: it interrupts the guest.
    ctrlc::set_handler(|| {}).context("cannot handle Ctrl-C")?;
    let machine = Machine::start(&spec)?;
    let status = Command::new("gdb")
        .arg("-q")
        .arg(&bootable.kernel)
        // QEMU may need a moment until it listens.
        .args(["-ex", "set tcp connect-timeout 10", "-ex", &format!("target remote 127.0.0.1:{port}")])
        .args(&args.gdb)
        .status()
        .context("cannot run gdb")?;
    drop(machine);
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
