//! The programs of ring 3: which there are, and how they are compiled and linked.
//!
//! A program is a binary of a package below `servers/`, `drivers/` or `userland/`; there is no list. All of them are built
//! in one cargo invocation, of release builds, with flags and a target folder of their own. In every other invocation, the
//! feature that they require keeps them out: host builds see such a package's library only.
//!
//! A binary can be several programs: another manifest of its package that names it is one, which finds its own name when it starts.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use cargo_metadata::{Metadata, MetadataCommand, Package, Target};

use super::{flags, host_command, root, run, target};

/// The folders that hold programs.
const FOLDERS: [&str; 3] = ["servers", "drivers", "userland"];

/// The manifest's key for the binary that a program is, if that has another name.
pub(super) const KEY: &str = "program";

/// The manifest's key for whom a program is packed for, and its values: the archive of every boot has it, or only that of tests.
pub(super) const FOR: &str = "for";
pub(super) const FOR_ALL: &str = "all";
pub(super) const FOR_TESTS: &str = "tests";

/// The feature that a program's binary requires.
const FEATURE: &str = "bin";

/// Addresses are fixed, and a panic finds its callers by frame pointers. Nothing else: the red zone and vector registers are a
/// program's own.
const CODE: [&str; 2] = ["relocation-model=static", "force-frame-pointers=yes"];

/// What is set: that this is ring 3; and the portable ChaCha20, so that random numbers cost the same number of instructions on every CPU.
const CONFIGURATIONS: [&str; 2] = ["anax", "chacha20_backend=\"soft\""];

/// The library whose programs print the names of functions when they panic.
const NAMES_FUNCTIONS: &str = "anax";

/// A program, not necessarily built yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Its name in the boot archive below `bin/`.
    pub(crate) name: String,
    /// Whether it looks for its symbol table in the boot archive.
    pub(crate) wants_symbols: bool,
    /// Whether only tests need it.
    pub(crate) is_for_tests: bool,
    /// The binary that it is: of its own name as a rule.
    binary: String,
    /// The package it belongs to.
    pub(super) package: String,
    /// That package's `Cargo.toml`, from the top of the tree.
    pub(super) manifest: PathBuf,
}

impl Program {
    /// Whether it is a binary itself, and not another name of one.
    fn is_binary(&self) -> bool {
        self.name == self.binary
    }

    /// Its ELF file.
    pub(crate) fn path(&self) -> PathBuf {
        folder().join(flags::TRIPLE).join("release").join(&self.binary)
    }
}

/// Builds all programs.
pub(crate) fn build() -> anyhow::Result<Vec<Program>> {
    let programs = find()?;
    compile(&programs)?;
    Ok(programs)
}

/// Builds those.
pub(super) fn compile(programs: &[Program]) -> anyhow::Result<()> {
    if !programs.is_empty() {
        run("building the programs", command("build", programs))?;
    }
    Ok(())
}

/// `cargo SUBCOMMAND` for all programs; none if there are none.
pub(crate) fn programs_command(subcommand: &str) -> anyhow::Result<Option<Command>> {
    let programs = find()?;
    Ok((!programs.is_empty()).then(|| command(subcommand, &programs)))
}

fn command(subcommand: &str, programs: &[Program]) -> Command {
    let mut command = host_command(subcommand);
    command.args(["--release", "--target", flags::TRIPLE]);
    for Program { binary, package, .. } in programs.iter().filter(|program| program.is_binary()) {
        let feature = format!("{package}/{FEATURE}");
        command.args(["--package", package, "--bin", binary, "--features", &feature]);
    }
    let flags = flags::encoded(&CODE, "libsys/sys/link.ld", &CONFIGURATIONS.map(str::to_owned));
    command.env("CARGO_TARGET_DIR", folder()).env("CARGO_ENCODED_RUSTFLAGS", flags);
    command
}

fn folder() -> PathBuf {
    target().join("programs")
}

/// All programs of the tree, in the order of their names.
pub(crate) fn find() -> anyhow::Result<Vec<Program>> {
    let options = ["--locked".to_owned()];
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().other_options(options).exec();
    programs(&metadata.context("cargo metadata")?)
}

fn programs(metadata: &Metadata) -> anyhow::Result<Vec<Program>> {
    let mut programs = Vec::new();
    for package in &metadata.packages {
        let Ok(manifest) = package.manifest_path.strip_prefix(&metadata.workspace_root) else { continue };
        if manifest.iter().next().is_some_and(|part| FOLDERS.contains(&part)) {
            for binary in package.targets.iter().filter(|target| target.is_bin()) {
                programs.push(program(package, binary, manifest.as_std_path())?);
            }
            let others = other_names(package, &programs);
            programs.extend(others);
        }
    }
    programs.sort_by(|a, b| a.name.cmp(&b.name));
    for pair in programs.windows(2) {
        ensure!(pair[0].name != pair[1].name, "two programs are called {}", pair[0].name);
    }
    Ok(programs)
}

fn program(package: &Package, binary: &Target, manifest: &Path) -> anyhow::Result<Program> {
    ensure!(
        binary.required_features.iter().any(|feature| feature == FEATURE) && !binary.test,
        "{}: binary {} lacks `required-features = [\"{FEATURE}\"]` or `test = false`; see docs/programs.md",
        package.manifest_path,
        binary.name
    );
    let manifest = manifest.to_owned();
    let wants_symbols = package.dependencies.iter().any(|dependency| dependency.name == NAMES_FUNCTIONS);
    let is_for_tests = is_for_tests(package, &binary.name);
    let (name, package) = (binary.name.clone(), package.name.to_string());
    Ok(Program { binary: name.clone(), name, wants_symbols, is_for_tests, package, manifest })
}

/// What a program's table says of that: one of its own, or the package's only one.
fn is_for_tests(package: &Package, name: &str) -> bool {
    let all = &package.metadata["anax"];
    let own = if all[name].is_object() { &all[name] } else { all };
    own[FOR].as_str() == Some(FOR_TESTS)
}

/// The programs whose manifests name a binary of the package among `programs`. One that names anything else is found wrong where manifests are read.
fn other_names(package: &Package, programs: &[Program]) -> Vec<Program> {
    let manifests = package.metadata["anax"].as_object().into_iter().flatten();
    let named = manifests.filter_map(|(name, manifest)| Some((name, manifest[KEY].as_str()?)));
    named
        .filter_map(|(name, binary)| {
            let own = programs.iter().filter(|program| program.package == package.name.as_str());
            let program =
                own.filter(|program| program.name != *name).find(|program| program.name == binary)?;
            let is_for_tests = is_for_tests(package, name);
            Some(Program { name: name.clone(), is_for_tests, ..program.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_they_lie() {
        let found = find().unwrap();
        let hello = found.iter().find(|program| program.name == "hello").unwrap();
        assert_eq!(hello.package, "hello");
        assert!(hello.wants_symbols);
        assert!(hello.path().starts_with(target()));
    }

    #[test]
    fn what_only_tests_need_says_so() {
        let found = find().unwrap();
        let is_for_tests =
            |name: &str| found.iter().find(|program| program.name == name).unwrap().is_for_tests;
        assert!(is_for_tests("hostile") && is_for_tests("swap-cycle"));
        assert!(!is_for_tests("hello") && !is_for_tests("virtio-net-polling"));
    }

    #[test]
    fn a_binary_can_have_two_names() {
        let found = find().unwrap();
        let named = |name: &str| found.iter().find(|program| program.name == name).unwrap();
        let (server, client) = (named("visitor-count"), named("visitor-count-client"));
        assert_eq!((server.path(), &server.manifest), (client.path(), &client.manifest));
        assert!(server.is_binary() && !client.is_binary());
    }
}
