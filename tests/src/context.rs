//! What a system test is, what it is given, and what it may ask of the machine it runs on.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// In which runs a test takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// In every run, `--quick` included.
    Quick,
    /// In plain and long runs.
    Plain,
    /// In long runs only.
    Long,
}

/// How thorough a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// At most five minutes: quick tests, few repetitions.
    Quick,
    /// At most 40 minutes: a tenth of the stated repetitions, at least ten.
    Plain,
    /// As long as it takes: the stated repetitions.
    Long,
}

impl Effort {
    /// Whether a test of this tier takes part.
    pub fn includes(self, tier: Tier) -> bool {
        match self {
            Self::Quick => tier <= Tier::Quick,
            Self::Plain => tier <= Tier::Plain,
            Self::Long => true,
        }
    }

    /// How often to repeat what is to be repeated `stated` times.
    pub fn repetitions(self, stated: u32) -> u32 {
        match self {
            Self::Quick | Self::Plain => (stated / 10).max(10).min(stated),
            Self::Long => stated,
        }
    }
}

/// Something a test needs of the host beyond what every run needs; where it is missing, the test is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The Bochs emulator.
    Bochs,
    /// UEFI firmware for QEMU.
    Ovmf,
    /// GRUB's tools for making an ISO.
    Grub,
    /// A network namespace in which the test is root.
    Namespace,
    /// The same, with TAPs in it.
    Taps,
}

impl Need {
    /// Why the host does not fulfil the need, if it does not.
    pub fn missing(self) -> Option<String> {
        if self == Self::Taps {
            return netpeer::network::missing();
        }
        let (found, what) = match self {
            Self::Bochs => (on_path("bochs"), "bochs is not installed"),
            Self::Ovmf => (Path::new("/usr/share/OVMF").is_dir(), "ovmf is not installed"),
            Self::Grub => (on_path("grub-mkrescue"), "grub-mkrescue is not installed"),
            Self::Namespace | Self::Taps => (may_unshare(), "unshare -rn is not allowed here"),
        };
        (!found).then(|| what.to_owned())
    }
}

fn on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn may_unshare() -> bool {
    let mut command = Command::new("unshare");
    command.args(["-rn", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// What `cargo xtask` has built for the tests.
#[derive(Clone, Debug)]
pub struct Artefacts {
    /// The top of the source tree.
    pub root: PathBuf,
    /// The build tool itself, for tests of its command line.
    pub xtask: PathBuf,
    /// The kernel with its tests and command runner, an ELF file.
    pub kernel: PathBuf,
    /// The boot archive that goes with it.
    pub archive: PathBuf,
    /// The kernel as it is used, whose first program is init.
    pub user_kernel: PathBuf,
    /// The boot archive that goes with that one, without the network server, so that cards are the tests' own.
    pub user_archive: PathBuf,
    /// The same with the network server.
    pub network_archive: PathBuf,
    /// The same with a web server beside it.
    pub web_archive: PathBuf,
    /// The counting plugin for QEMU.
    pub plugin: PathBuf,
}

/// What a test is given when it runs.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What to boot.
    pub artefacts: &'a Artefacts,
    /// The test's own folder; it is empty at first, and what the test leaves there is kept.
    pub folder: &'a Path,
    /// How thorough the run is.
    pub effort: Effort,
}

/// One system test.
#[derive(Debug)]
pub struct SystemTest {
    /// Dotted, general to special: `boot.iso`. Names its log folder too.
    pub name: &'static str,
    /// In which runs it takes part.
    pub tier: Tier,
    /// What it needs of the host.
    pub needs: &'static [Need],
    /// How many of the host's processors it keeps busy; 0: far less than one, since it sleeps most of the time.
    pub processors: usize,
    /// About how long it takes on a host of two processors.
    pub estimate: Duration,
    /// The test; it fails by returning an error that says what was seen. It has to end by itself: whatever it waits
    /// for, it waits for a limited time.
    pub run: fn(&Context<'_>) -> anyhow::Result<()>,
}

impl SystemTest {
    /// The same, of machines that sleep most of the time: others run meanwhile.
    pub(crate) const fn sleepy(self) -> Self {
        Self { processors: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn efforts() {
        assert!(Effort::Quick.includes(Tier::Quick) && !Effort::Quick.includes(Tier::Plain));
        assert!(Effort::Plain.includes(Tier::Plain) && !Effort::Plain.includes(Tier::Long));
        assert!(Effort::Long.includes(Tier::Long));
        assert_eq!(Effort::Long.repetitions(1_000), 1_000);
        assert_eq!(Effort::Plain.repetitions(1_000), 100);
        assert_eq!(Effort::Plain.repetitions(50), 10);
        assert_eq!(Effort::Plain.repetitions(3), 3);
    }

    #[test]
    fn names_are_distinct() {
        let names: Vec<_> = crate::all().map(|test| test.name).collect();
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(names.len(), distinct.len(), "{names:?}");
    }
}
