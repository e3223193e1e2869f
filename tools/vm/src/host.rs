//! What the host must have, asked for with words that help.

use std::path::PathBuf;

/// Where `program` is, searched as the shell does.
#[must_use]
pub fn find_program(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// The same, or an error that names the cure.
pub(crate) fn need_program(program: &str) -> anyhow::Result<PathBuf> {
    find_program(program)
        .ok_or_else(|| anyhow::anyhow!("{program} is not installed: run `cargo xtask setup`"))
}

/// The first of `files` that exists, or an error that names the cure.
pub(crate) fn need_file(what: &str, files: &[&str]) -> anyhow::Result<PathBuf> {
    files
        .iter()
        .map(PathBuf::from)
        .find(|file| file.is_file())
        .ok_or_else(|| anyhow::anyhow!("{what} is not installed: run `cargo xtask setup`"))
}
