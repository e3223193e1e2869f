//! The manifests of all programs: read from their own folders, judged, and turned into what the boot archive holds.
//!
//! A manifest is `[package.metadata.anax]` in a program's `Cargo.toml` (docs/manifests.md). The rules are `anax_manifest`'s; what is done
//! here is to say where in which file one is broken.

mod complaint;
mod file;
mod read;
#[cfg(test)]
mod tests;
mod value;
mod whole;

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::rc::Rc;

use anax_manifest::{Manifest, Manifests};
use anyhow::Context;

pub(crate) use complaint::Complaint;
use file::File;

use super::programs::Program;

/// A manifest, and where its parts stand.
#[derive(Debug)]
struct Described {
    manifest: Manifest,
    file: Rc<File>,
    /// Where the whole of it stands, in bytes of the file.
    table: Range<usize>,
    /// Where each service that it provides does.
    provides: Vec<Range<usize>>,
    /// Where each service that it needs does.
    needs: Vec<Range<usize>>,
}

/// The manifests of `programs`, in their order; or everything that is wrong, which is never nothing. What is wrong among them is not
/// looked for while one of them is wrong by itself.
///
/// # Errors
/// If a file of the tree below `root` can't be read.
pub(crate) fn load(root: &Path, programs: &[Program]) -> anyhow::Result<Result<Manifests, Vec<Complaint>>> {
    let mut files: BTreeMap<&Path, Vec<&str>> = BTreeMap::new();
    for program in programs {
        files.entry(&program.manifest).or_default().push(&program.name);
    }
    let (mut described, mut complaints) = (Vec::new(), Vec::new());
    for (path, binaries) in files {
        let text = fs::read_to_string(root.join(path)).with_context(|| path.display().to_string())?;
        match file::read(File::new(path.display().to_string(), text), &binaries) {
            Ok(more) => described.extend(more),
            Err(more) => complaints.extend(more),
        }
    }
    if !complaints.is_empty() {
        return Ok(Err(complaints));
    }
    Ok(whole::judge(described))
}
