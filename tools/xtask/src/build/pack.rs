//! The boot archive for a kernel.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anax_archive::Writer;
use anax_manifest::{Manifest, Manifests};
use anyhow::Context;
use goblin::elf::Elf;

use super::Address;
use super::programs::Program;
use super::symbols;

/// Member that holds the kernel's symbol table.
const KERNEL_SYMBOLS: &str = "kernel.sym";

/// Folder of the programs.
const PROGRAMS: &str = "bin";

/// Writes the archive that goes with `kernel` to `output`.
pub(super) fn archive(
    kernel: &Path,
    programs: &[Program],
    manifests: &Manifests,
    address: Option<Address>,
    output: &Path,
) -> anyhow::Result<()> {
    let mut archive = Writer::new();
    archive.add(KERNEL_SYMBOLS, symbols::table(&read(kernel)?)?)?;
    archive.add(anax_manifest::MEMBER, manifests.encode()?)?;
    if let Some(address) = address {
        archive.add(anax_archive::ADDRESSES, format!("net0 {address}\n").into_bytes())?;
    }
    let mut packed: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for program in programs {
        let path = program.path();
        let (folder, name) = (anax_archive::SYMBOLS, &program.name);
        if let Some(first) = packed.get(&path) {
            // One file under two names lies there once.
            if program.wants_symbols {
                archive.link(&format!("{folder}{name}"), &format!("{folder}{first}"))?;
            }
            archive.link(&format!("{PROGRAMS}/{name}"), &format!("{PROGRAMS}/{first}"))?;
            continue;
        }
        let elf = read(&path)?;
        if program.wants_symbols {
            archive.add(&format!("{folder}{name}"), symbols::table(&elf)?)?;
        }
        archive.add(&format!("{PROGRAMS}/{name}"), without_sections(elf)?)?;
        packed.insert(path, name);
    }
    replace(output, &archive.finish())
}

/// A small archive of one program and its manifest, as it is sent to a guest that runs.
pub(crate) fn parcel(manifest: &Manifest, elf: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let mut archive = Writer::new();
    archive.add(anax_manifest::MEMBER, Manifests(vec![manifest.clone()]).encode()?)?;
    archive.add(&format!("{PROGRAMS}/{}", manifest.name), without_sections(elf)?)?;
    Ok(archive.finish())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// A program as it is loaded: without its sections, which only tools read, and most of which are names and line numbers.
pub(crate) fn without_sections(mut elf: Vec<u8>) -> anyhow::Result<Vec<u8>> {
    let parsed = Elf::parse(&elf).context("a program is no ELF file")?;
    let headers =
        parsed.header.e_phoff + u64::from(parsed.header.e_phnum) * u64::from(parsed.header.e_phentsize);
    let ends = parsed.program_headers.iter().map(|segment| segment.p_offset + segment.p_filesz);
    elf.truncate(usize::try_from(ends.chain([headers]).max().unwrap_or(headers))?);
    // e_shoff; e_shnum and e_shstrndx: there are none.
    elf[0x28..0x30].fill(0);
    elf[0x3c..0x40].fill(0);
    Ok(elf)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_loaded_stays() {
        // This test itself is an ELF file with sections.
        let whole = fs::read(std::env::current_exe().unwrap()).unwrap();
        let packed = without_sections(whole.clone()).unwrap();
        assert!(packed.len() < whole.len());
        let (before, after) = (Elf::parse(&whole).unwrap(), Elf::parse(&packed).unwrap());
        assert!(after.section_headers.is_empty());
        assert_eq!(before.entry, after.entry);
        assert_eq!(before.program_headers, after.program_headers);
        for segment in &after.program_headers {
            // All but the file's own header, which says that there are no sections.
            let range = segment.file_range();
            let range = range.start.max(64)..range.end.max(64);
            assert_eq!(whole[range.clone()], packed[range]);
        }
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(without_sections(b"#!/bin/sh".to_vec()).is_err());
    }
}
