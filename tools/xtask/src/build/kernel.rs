//! How the kernel is compiled and linked on an unmodified stable toolchain.
//!
//! It differs from a program by flags only; those that both have are in `flags.rs`.

use std::path::PathBuf;
use std::process::Command;

use super::flags::{self, TRIPLE};
use super::{host_command, run, target};

/// Code of the kernel: at fixed addresses in the top 2 GiB, interruptible at any instruction (no red zone), with
/// frame pointers for backtraces.
const CODE: [&str; 4] =
    ["relocation-model=static", "code-model=kernel", "no-redzone=yes", "force-frame-pointers=yes"];

/// Which kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KernelVariant {
    /// As it is used.
    Plain,
    /// With its own tests and the runner of command lines.
    Test,
}

/// How much the compiler is to optimise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// As it is used.
    Release,
    /// Quick to build, easy to debug.
    Dev,
}

/// Everything that distinguishes one build of the kernel from another.
#[derive(Clone, Debug)]
pub(crate) struct KernelBuild {
    pub(crate) variant: KernelVariant,
    pub(crate) profile: Profile,
    /// The deliberate mistake to compile in (`cfg(bite = "...")`), which a test must notice.
    pub(crate) bite: Option<String>,
}

impl KernelBuild {
    /// The release build, without mistakes.
    pub(crate) fn release(variant: KernelVariant) -> Self {
        Self { variant, profile: Profile::Release, bite: None }
    }

    /// Its target folder. One each, so that switching between them compiles nothing again.
    fn target_folder(&self) -> PathBuf {
        match (&self.bite, self.variant) {
            (Some(bite), KernelVariant::Plain) => target().join("bite").join(bite).join("plain"),
            (Some(bite), KernelVariant::Test) => target().join("bite").join(bite),
            (None, KernelVariant::Plain) => target().join("kernel"),
            (None, KernelVariant::Test) => target().join("kernel-test"),
        }
    }

    /// Where the finished kernel is put, and what is made from it.
    pub(crate) fn folder(&self) -> PathBuf {
        self.target_folder().join(TRIPLE).join(match self.profile {
            Profile::Release => "release",
            Profile::Dev => "debug",
        })
    }

    /// `cargo SUBCOMMAND` for this kernel.
    pub(crate) fn command(&self, subcommand: &str) -> Command {
        let mut command = host_command(subcommand);
        command.args(["--package", "microkernel", "--target", TRIPLE]);
        match self.profile {
            Profile::Release => drop(command.arg("--release")),
            // Wholly unoptimised code has stack frames of many KiB; the kernel's stacks are not made for those.
            Profile::Dev => drop(command.env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")),
        }
        if self.variant == KernelVariant::Test {
            command.args(["--features", "test"]);
        }
        command.env("CARGO_TARGET_DIR", self.target_folder()).env("CARGO_ENCODED_RUSTFLAGS", self.flags());
        command
    }

    /// Builds it; its ELF file.
    pub(crate) fn build(&self) -> anyhow::Result<PathBuf> {
        let what = match &self.bite {
            None => "building the kernel".to_owned(),
            Some(bite) => format!("building the kernel with the mistake {bite}"),
        };
        run(&what, self.command("build"))?;
        Ok(self.folder().join("microkernel"))
    }

    /// The compiler's flags, in the form of `CARGO_ENCODED_RUSTFLAGS`.
    fn flags(&self) -> String {
        let bite = self.bite.as_ref().map(|bite| format!("bite=\"{bite}\""));
        flags::encoded(&CODE, "microkernel/link.ld", bite.as_slice())
    }
}
