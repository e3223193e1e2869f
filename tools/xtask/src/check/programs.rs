//! Whether the kernel would load every program, and whether its code keeps to what a program has.
//!
//! The policy that the kernel loads by is asked itself, about the bytes that the boot archive holds.

use std::fs;
use std::path::Path;

use anyhow::Context;
use microkernel_core::elf::{Program, USER};

use super::Findings;
use super::code::{self, RedZone};
use super::image::Image;
use crate::build;

/// Builds all programs and checks each.
pub(super) fn check(_: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    for program in build::programs()? {
        let path = program.path();
        let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
        let image = Image::parse(&program.name, &bytes)?;
        image.check(findings);
        code::check(&image, RedZone::Free, findings);
        let packed = build::without_sections(bytes.clone())?;
        match Program::parse(&packed, USER) {
            Ok(loaded) => findings.note(format!(
                "{}: {} KiB, {} segments",
                program.name,
                packed.len().div_ceil(1024),
                loaded.segments.len()
            )),
            Err(refusal) => findings.fail(format!("the kernel would not load {}: {refusal}", program.name)),
        }
    }
    Ok(())
}
