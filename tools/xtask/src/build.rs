//! Builds what boots: kernel, programs, symbol table, boot archive, and the plugin that counts.
//!
//! Nobody else spells cargo flags. Three kinds of program never meet in one cargo invocation: the kernel, the
//! ring-3 programs and what runs on the host. Features of a shared dependency are the union over one invocation,
//! so a host tool would switch on serde's `std` in the kernel. Each kind therefore has a target folder
//! of its own below `target/`, where `cargo clean` finds them all.

mod chosen;
mod flags;
mod kernel;
mod manifests;
mod pack;
mod programs;
mod symbols;

use std::collections::BTreeSet;
use std::fmt;
use std::io::IsTerminal;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::str::FromStr;
use std::sync::LazyLock;
use std::time::Duration;

use anax_manifest::{Manifest, Manifests};
use anyhow::{Context, anyhow, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use system_tests::{Bite, Judge};

pub(crate) use kernel::{KernelBuild, KernelVariant, Profile};
pub(crate) use manifests::load as manifests;
pub(crate) use pack::{parcel, without_sections};
pub(crate) use programs::Program;
pub(crate) use programs::{build as programs, find as find_programs, programs_command};

/// What a machine is started with.
#[derive(Clone, Debug)]
pub(crate) struct Bootable {
    /// The kernel, an ELF file with its symbols.
    pub(crate) kernel: PathBuf,
    /// The boot archive that goes with it.
    pub(crate) archive: PathBuf,
}

/// The top of the source tree.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        here.ancestors().nth(2).unwrap_or(here).to_owned()
    });
    &ROOT
}

/// The folder for all that is built.
pub(crate) fn target() -> PathBuf {
    root().join("target")
}

/// The cargo that runs this tool.
pub(crate) fn cargo_program() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// `cargo SUBCOMMAND` for what runs on the host: the workspace's default members.
pub(crate) fn host_command(subcommand: &str) -> Command {
    let mut command = Command::new(cargo_program());
    command.current_dir(root()).args([subcommand, "--locked"]).env("CARGO_TARGET_DIR", target());
    command
}

/// `cargo SUBCOMMAND` for a release build of the kernel.
pub(crate) fn kernel_command(subcommand: &str, variant: KernelVariant) -> Command {
    KernelBuild::release(variant).command(subcommand)
}

/// Builds a release of the kernel; its ELF file.
pub(crate) fn kernel(variant: KernelVariant) -> anyhow::Result<PathBuf> {
    KernelBuild::release(variant).build()
}

/// Which programs an archive holds, besides those that are for all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Packed {
    /// None.
    #[default]
    Usual,
    /// Those of these names, and what is in one package with them.
    Also(Vec<String>),
    /// Those that only tests need, too.
    All,
}

/// What makes an archive another than that of everyday.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Programs that were [chosen](chosen::choose).
    pub(crate) with: Vec<String>,
    /// Programs that are left out.
    pub(crate) without: Vec<String>,
    /// What is packed.
    pub(crate) packed: Packed,
    /// One that takes another's place.
    pub(crate) instead: Option<Instead>,
    /// The address that the first network card has of its own.
    pub(crate) address: Option<Address>,
}

/// An address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    address: IpAddr,
    length: u8,
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(address, length)| {
            Some(Self { address: address.parse().ok()?, length: length.parse().ok()? })
        });
        let is_sound = |of: &Self| of.length <= if of.address.is_ipv4() { 32 } else { 128 };
        parsed.filter(is_sound).ok_or("write it as ADDRESS/LENGTH, such as 10.0.0.2/24")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// A program that takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Instead {
    pub(crate) name: &'static str,
    pub(crate) of: &'static str,
}

impl Choice {
    /// What tests boot that use the network's server.
    pub(crate) fn for_network_tests() -> Self {
        Self { packed: Packed::All, with: vec!["peerd".to_owned()], ..Self::default() }
    }

    /// The same with a web server, whose pages are in its memory.
    pub(crate) fn for_web_tests() -> Self {
        Self { with: ["peerd", "httpd-memory"].map(str::to_owned).into(), ..Self::for_network_tests() }
    }

    /// What other tests boot: cards are theirs, which the server would take.
    pub(crate) fn for_tests() -> Self {
        Self { packed: Packed::All, without: vec!["net".to_owned()], ..Self::default() }
    }

    /// Which of all programs are packed, and the archive's file name.
    fn of(&self, programs: Vec<Program>) -> (Vec<Program>, String) {
        let names: &[String] = if let Packed::Also(names) = &self.packed { names } else { &[] };
        let is_named = |program: &&Program| program.is_for_tests && names.contains(&program.name);
        let packages: BTreeSet<_> =
            programs.iter().filter(is_named).map(|program| program.package.clone()).collect();
        let has = |program: &Program| {
            !program.is_for_tests
                || self.packed == Packed::All
                || packages.contains(&program.package)
                || self.with.contains(&program.name)
                || self.instead.is_some_and(|instead| instead.name == program.name)
        };
        let is_replaced = |program: &Program| self.instead.is_some_and(|instead| instead.of == program.name);
        let mut file = if self.packed == Packed::All { "archive-of-all" } else { "archive" }.to_owned();
        file.extend(packages.iter().map(|package| format!("~{package}")));
        file.extend(self.with.iter().map(|program| format!("+{program}")));
        file.extend(self.without.iter().map(|program| format!("-{program}")));
        file.extend(self.instead.iter().map(|instead| format!("={}", instead.name)));
        file.extend(self.address.iter().map(|address| format!("@{address}").replace('/', "_")));
        let mut packed = programs;
        packed
            .retain(|program| has(program) && !self.without.contains(&program.name) && !is_replaced(program));
        (packed, file)
    }
}

/// Builds a kernel, the programs, and the archive that goes with the kernel.
pub(crate) fn bootable(build: &KernelBuild, choice: &Choice) -> anyhow::Result<Bootable> {
    let Choice { with, without, .. } = choice;
    let programs = programs::find()?;
    for (option, name) in
        with.iter().map(|name| ("with", name)).chain(without.iter().map(|name| ("without", name)))
    {
        ensure!(
            programs.iter().any(|program| program.name == *name),
            "--{option} {name}: there is no such program; there are {}",
            names(&programs)
        );
    }
    // First, because it takes no time and is the likeliest to be wrong when a program is added.
    let mut manifests = judged(&programs)?;
    let kernel = build.build()?;
    programs::compile(&programs)?;
    if let Some(Instead { name, of }) = choice.instead {
        chosen::take_place(&mut manifests, name, of);
    }
    let (programs, file) = choice.of(programs);
    let archive = build.folder().join(file);
    manifests.0.retain(|manifest| programs.iter().any(|program| program.name == manifest.name));
    for name in with {
        chosen::choose(&mut manifests, name);
    }
    pack::archive(&kernel, &programs, &manifests, choice.address, &archive)?;
    Ok(Bootable { kernel, archive })
}

/// The manifests of all programs, if nothing is wrong with them.
fn judged(programs: &[Program]) -> anyhow::Result<Manifests> {
    manifests::load(root(), programs)?.map_err(|complaints| {
        let said: Vec<_> = complaints.iter().map(|complaint| format!("error: {complaint}")).collect();
        anyhow!("a manifest is wrong; see docs/manifests.md\n{}", said.join("\n\n"))
    })
}

fn names(programs: &[Program]) -> String {
    programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// A driver's manifest and its ELF file, which is built unless another takes its place.
pub(crate) fn driver(name: &str, is_built: bool) -> anyhow::Result<(Manifest, PathBuf)> {
    let programs = programs::find()?;
    let manifests = judged(&programs)?;
    let is_driver = |program: &&Program| {
        manifests.get(&program.name).is_some_and(|manifest| !manifest.devices.is_empty())
    };
    let Some(program) = programs.iter().filter(is_driver).find(|program| program.name == name) else {
        let drivers: Vec<_> = programs.iter().filter(is_driver).cloned().collect();
        let is_program = programs.iter().any(|program| program.name == name);
        let what = if is_program { "is no driver: its manifest names no devices" } else { "is no program" };
        anyhow::bail!("{name} {what}; there are {}", names(&drivers));
    };
    if !is_built {
        programs::compile(std::slice::from_ref(program))?;
    }
    let manifest = manifests.get(name).cloned().context("a driver has a manifest")?;
    Ok((manifest, program.path()))
}

/// Builds all that system tests need.
pub(crate) fn artefacts() -> anyhow::Result<system_tests::Artefacts> {
    let of = |variant| bootable(&KernelBuild::release(variant), &Choice::for_tests());
    let user = of(KernelVariant::Plain)?;
    let network = bootable(&KernelBuild::release(KernelVariant::Plain), &Choice::for_network_tests())?;
    let web = bootable(&KernelBuild::release(KernelVariant::Plain), &Choice::for_web_tests())?;
    collect(of(KernelVariant::Test)?, user, [network.archive, web.archive])
}

/// Builds what the judge of a deliberate mistake in the kernel needs.
pub(crate) fn artefacts_with(bite: &Bite) -> anyhow::Result<system_tests::Artefacts> {
    let of = |variant| {
        let build = KernelBuild { bite: Some(bite.name.to_owned()), ..KernelBuild::release(variant) };
        bootable(&build, &Choice::for_tests())
    };
    let test = of(KernelVariant::Test)?;
    // The kernel's own tests know no other one.
    let user = if matches!(bite.judge, Judge::System(_)) { of(KernelVariant::Plain)? } else { test.clone() };
    let network = user.archive.clone();
    collect(test, user, [network.clone(), network])
}

fn collect(
    test: Bootable,
    user: Bootable,
    [network_archive, web_archive]: [PathBuf; 2],
) -> anyhow::Result<system_tests::Artefacts> {
    Ok(system_tests::Artefacts {
        root: root().to_owned(),
        xtask: std::env::current_exe().context("where this program is")?,
        kernel: test.kernel,
        archive: test.archive,
        user_kernel: user.kernel,
        user_archive: user.archive,
        network_archive,
        web_archive,
        plugin: plugin()?,
    })
}

/// Builds the counting plugin; its shared library.
fn plugin() -> anyhow::Result<PathBuf> {
    let folder = target().join("plugin");
    let mut command = host_command("build");
    command.args(["--release", "--package", "count-plugin"]).env("CARGO_TARGET_DIR", &folder);
    run("building the counting plugin", command)?;
    Ok(folder.join("release/libcount_plugin.so"))
}

/// Runs a cargo command quietly, with a sign of life on a terminal; its words are shown if it fails or warns.
fn run(what: &str, mut command: Command) -> anyhow::Result<()> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let progress = spinner(what);
    let output = command.arg("--quiet").output().context("cannot run cargo")?;
    progress.finish_and_clear();
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "{what} failed: see above");
    Ok(())
}

/// Something that turns while `what` goes on; nothing where standard error is no terminal.
pub(crate) fn spinner(what: &str) -> ProgressBar {
    let progress = ProgressBar::new_spinner().with_message(what.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(100));
    progress
}
