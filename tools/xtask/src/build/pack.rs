//! The boot archive for a kernel.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anax_archive::Writer;
use anyhow::Context;

use super::symbols;

/// Member that holds the kernel's symbol table.
const SYMBOLS: &str = "kernel.sym";

/// Writes the archive that goes with `kernel` to `output`.
pub(super) fn archive(kernel: &Path, output: &Path) -> anyhow::Result<()> {
    let elf = fs::read(kernel).with_context(|| format!("cannot read {}", kernel.display()))?;
    let mut archive = Writer::new();
    archive.add(SYMBOLS, symbols::table(&elf)?)?;
    replace(output, &archive.finish())
}

/// Writes a file in one step, and only if it changes: another run of this tool may be reading it.
fn replace(output: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    if fs::read(output).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let folder = output.parent().context("the archive has no folder")?;
    let everyone = Permissions::from_mode(0o644);
    let mut file = tempfile::Builder::new().permissions(everyone).tempfile_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(output).with_context(|| format!("cannot write {}", output.display()))?;
    Ok(())
}
