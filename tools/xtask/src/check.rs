//! `cargo xtask check`: everything about the tree that can be judged without booting it.
//!
//! Formatting and lints as everywhere; then what the compiler can't know: that the linked kernel is one a boot
//! loader can start and interrupts can't corrupt, that the kernel would load every program, that dependencies point the right way and may be passed on, and
//! that the kernel stays small. `cargo xtask test` runs it too.

mod arrows;
mod code;
mod image;
mod kernel_lines;
mod licences;
mod lint;
mod manifests;
mod programs;
mod sources;
mod storms;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use cargo_metadata::{Metadata, MetadataCommand};

use crate::build;
use image::Image;

/// Options of `cargo xtask check`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Print cargo's messages as JSON and check nothing else: what an editor runs (see .vscode/settings.json).
    #[arg(long)]
    editor: bool,
}

/// What the checks found.
#[derive(Default)]
pub(crate) struct Findings {
    /// Each of them fails the check.
    pub(crate) failures: Vec<String>,
    /// Worth a look.
    pub(crate) warnings: Vec<String>,
    /// Figures to print.
    pub(crate) notes: Vec<String>,
}

impl Findings {
    fn fail(&mut self, finding: String) {
        self.failures.push(finding);
    }

    fn warn(&mut self, finding: String) {
        self.warnings.push(finding);
    }

    fn note(&mut self, figure: String) {
        self.notes.push(figure);
    }
}

/// A check's name and what it does with the tree at a path.
pub(crate) type Step = (&'static str, fn(&Path, &mut Findings) -> anyhow::Result<()>);

/// Every check, quick ones first.
pub(crate) const STEPS: [Step; 11] = [
    ("sources", sources::check),
    ("storms", storms::check),
    ("formatting", lint::formatting),
    ("dependencies", dependencies),
    ("manifests", manifests::check),
    ("size of the kernel's source", kernel_lines::check),
    ("lints, host", lint::host),
    ("lints, kernel", lint::kernel),
    ("lints, programs", lint::programs),
    ("linked kernel", linked_kernel),
    ("linked programs", programs::check),
];

pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    if args.editor {
        return lint::editor();
    }
    let mut failed = 0;
    for (name, step) in STEPS {
        let mut findings = Findings::default();
        step(build::root(), &mut findings)?;
        failed += findings.failures.len();
        println!("{name}: {}", if findings.failures.is_empty() { "ok" } else { "FAILED" });
        for note in findings.notes {
            println!("  {note}");
        }
        for warning in findings.warnings {
            println!("  warning: {warning}");
        }
        for failure in findings.failures {
            println!("  error: {failure}");
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn dependencies(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let metadata = metadata(root)?;
    arrows::check(&metadata, findings);
    licences::check(&metadata, findings);
    findings.note(format!("{} packages", metadata.packages.len()));
    Ok(())
}

fn metadata(root: &Path) -> anyhow::Result<Metadata> {
    // Only this platform's packages: others are never fetched, and nothing here needs the network.
    let options = ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from);
    MetadataCommand::new().current_dir(root).other_options(options).exec().context("cargo metadata")
}

fn linked_kernel(_: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    for variant in [build::KernelVariant::Plain, build::KernelVariant::Test] {
        let path = build::kernel(variant)?;
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let image = Image::parse("the kernel", &bytes)?;
        image.check(findings);
        code::check(&image, code::RedZone::Listed, findings);
        if variant == build::KernelVariant::Plain {
            let size = image.stripped_size();
            findings.note(format!("{} KiB stripped, at most {} KiB", size / 1024, image::SIZE_LIMIT / 1024));
            if size > image::SIZE_LIMIT {
                findings.fail(format!("the kernel is too large by {} bytes", size - image::SIZE_LIMIT));
            }
        }
    }
    Ok(())
}
