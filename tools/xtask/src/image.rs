//! `cargo xtask image`: one file to burn on a CD or write to a USB stick, for BIOS and UEFI.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use crate::build::{self, KernelBuild, KernelVariant, Profile};
use crate::setup::{self, Part};

/// Options of `cargo xtask image`.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  cargo xtask image -o anax.iso && qemu-system-x86_64 -cdrom anax.iso -serial stdio"
)]
pub(crate) struct Args {
    /// The file to write [default: target/anax.iso].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A word for the kernel's command line, such as log=debug; may be given several times.
    #[arg(long, value_name = "WORD")]
    word: Vec<String>,
    /// Build quickly and without optimisation.
    #[arg(long)]
    dev: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    setup::need(&[Part::Image])?;
    let profile = if args.dev { Profile::Dev } else { Profile::Release };
    let build = KernelBuild { variant: KernelVariant::Plain, profile, bite: None };
    let bootable = build::bootable(&build, &build::Choice::default())?;
    let output = args.output.unwrap_or_else(|| build::target().join("anax.iso"));
    let progress = build::spinner("packing the image");
    let result = anax_vm::build_iso(&bootable.kernel, &bootable.archive, &args.word.join(" "), &output);
    progress.finish_and_clear();
    result?;
    let size = fs::metadata(&output).with_context(|| output.display().to_string())?.len();
    println!("{}: {} KiB, boots from BIOS and UEFI", output.display(), size.div_ceil(1024));
    Ok(ExitCode::SUCCESS)
}
