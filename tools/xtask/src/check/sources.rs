//! What a reader may expect of every source file: that it says first what it is for, and that it is short.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::Findings;

/// Past this many lines a file is worth a second thought.
const LONG: usize = 400;
/// Past this many lines it has to be split.
const TOO_LONG: usize = 700;

/// Folders that hold no source of this project.
const SKIPPED: [&str; 2] = ["target", ".git"];

/// Checks every `.rs` file below `root`.
pub(super) fn check(root: &Path, findings: &mut Findings) -> anyhow::Result<()> {
    for path in files(root, ".rs")? {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        judge(path.strip_prefix(root).unwrap_or(&path), &text, findings);
    }
    Ok(())
}

fn judge(path: &Path, text: &str, findings: &mut Findings) {
    if !text.starts_with("//!") {
        findings.fail(format!("{}:1: a file opens with `//!` and why it exists", path.display()));
    }
    match text.lines().count() {
        lines if lines > TOO_LONG => {
            findings.fail(format!("{}: {lines} lines; split it, at most {TOO_LONG}", path.display()));
        }
        lines if lines > LONG => {
            findings.warn(format!("{}: {lines} lines; is it still one idea?", path.display()));
        }
        _ => {}
    }
}

/// Every file below `root` whose name ends in `ending`, sorted, without build output and hidden folders.
pub(super) fn files(root: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if entry.file_type()?.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                    folders.push(entry.path());
                }
            } else if name.ends_with(ending) {
                files.push(entry.path());
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(text: &str) -> (usize, usize) {
        let mut findings = Findings::default();
        judge(Path::new("a.rs"), text, &mut findings);
        (findings.failures.len(), findings.warnings.len())
    }

    #[test]
    fn a_file_says_what_it_is_for() {
        assert_eq!(judged("//! Why.\nfn f() {}\n"), (0, 0));
        assert_eq!(judged("// Not the right kind.\n"), (1, 0));
        assert_eq!(judged(""), (1, 0));
    }

    #[test]
    fn length_warns_then_fails() {
        assert_eq!(judged(&"//!\n".repeat(LONG)), (0, 0));
        assert_eq!(judged(&"//!\n".repeat(LONG + 1)), (0, 1));
        assert_eq!(judged(&"//!\n".repeat(TOO_LONG + 1)), (1, 0));
    }
}
