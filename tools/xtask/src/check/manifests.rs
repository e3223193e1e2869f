//! Whether every program's manifest is right, and all of them together: before anything is built.

use std::path::Path;

use super::Findings;
use crate::build;

/// Reads all manifests.
pub(super) fn check(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    let programs = build::find_programs()?;
    match build::manifests(root, &programs)? {
        Ok(manifests) => findings.note(format!("{} programs", manifests.0.len())),
        Err(complaints) => complaints.iter().for_each(|complaint| findings.fail(complaint.to_string())),
    }
    Ok(())
}
