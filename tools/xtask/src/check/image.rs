//! What the linked kernel and programs must look like, seen from their ELF headers and tables.
//!
//! The kernel is loaded by boot loaders that relocate nothing and know no dynamic linker, and it sets its page
//! rights from its segments; a program is loaded by the kernel, which is no better. gcc links a binary that breaks these rules without a word, so they are checked here.

use anyhow::Context;
use goblin::elf::{Elf, program_header, section_header};

use super::Findings;

/// The most bytes the kernel's image may have once stripped.
pub(super) const SIZE_LIMIT: u64 = 400 * 1024;

/// A function of an image.
pub(super) struct Function<'a> {
    /// Demangled, without its hash.
    pub(super) name: String,
    pub(super) address: u64,
    pub(super) code: &'a [u8],
}

/// A linked kernel or program.
pub(super) struct Image<'a> {
    /// What it is called in findings.
    pub(super) name: &'a str,
    elf: Elf<'a>,
    bytes: &'a [u8],
}

impl<'a> Image<'a> {
    /// Reads an ELF file's headers.
    pub(super) fn parse(name: &'a str, bytes: &'a [u8]) -> anyhow::Result<Self> {
        let elf = Elf::parse(bytes).with_context(|| format!("{name} is no ELF file"))?;
        Ok(Self { name, elf, bytes })
    }

    /// Checks segments, relocations and symbols.
    pub(super) fn check(&self, findings: &mut Findings) {
        for segment in &self.elf.program_headers {
            let kind = segment.p_type;
            if matches!(kind, program_header::PT_INTERP | program_header::PT_DYNAMIC | program_header::PT_TLS)
            {
                let name = program_header::pt_to_str(kind);
                findings.fail(format!("{} has a segment {name}; nobody would serve it", self.name));
            }
            if segment.is_write() && segment.is_executable() {
                let name = program_header::pt_to_str(kind);
                findings.fail(format!(
                    "{}: segment {name} at {:#x} is writable and executable",
                    self.name, segment.p_vaddr
                ));
            }
        }
        let sections = &self.elf.section_headers;
        for section in sections.iter().filter(|section| section.sh_size > 0) {
            if matches!(section.sh_type, section_header::SHT_REL | section_header::SHT_RELA) {
                let name = self.elf.shdr_strtab.get_at(section.sh_name).unwrap_or("?");
                findings.fail(format!(
                    "{}: section {name} holds relocations; nobody would apply them",
                    self.name
                ));
            }
        }
        for symbol in self.elf.syms.iter().filter(|symbol| symbol.st_name != 0) {
            let name = self.elf.strtab.get_at(symbol.st_name).unwrap_or("?");
            if symbol.st_shndx == section_header::SHN_UNDEF as usize {
                findings.fail(format!("{}: symbol {} is undefined", self.name, demangle(name)));
            }
        }
        if self.functions().next().is_none() {
            findings.fail(format!(
                "{} has no symbols; its code can't be checked, nor its backtraces read",
                self.name
            ));
        }
    }

    /// Size of what the loader needs: all of the file up to the end of its last segment.
    pub(super) fn stripped_size(&self) -> u64 {
        let ends = self.elf.program_headers.iter().map(|segment| segment.p_offset + segment.p_filesz);
        ends.max().unwrap_or(0)
    }

    /// Every function with a symbol of its own, in the order of the symbol table.
    pub(super) fn functions(&self) -> impl Iterator<Item = Function<'a>> + '_ {
        let functions = self.elf.syms.iter().filter(|symbol| symbol.is_function() && symbol.st_size > 0);
        functions.filter_map(|symbol| {
            let section =
                self.elf.section_headers.get(symbol.st_shndx).filter(|section| section.is_executable())?;
            let offset = symbol.st_value.checked_sub(section.sh_addr)?.checked_add(section.sh_offset)?;
            let end = offset.checked_add(symbol.st_size)?;
            Some(Function {
                name: demangle(self.elf.strtab.get_at(symbol.st_name)?),
                address: symbol.st_value,
                code: self.bytes.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)?,
            })
        })
    }

    /// Whether there is code at `address`, at the address it was linked or loaded at.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.elf.program_headers.iter().filter(|segment| segment.is_executable()).any(|segment| {
            [segment.p_vaddr, segment.p_paddr]
                .iter()
                .any(|&start| (start..start.saturating_add(segment.p_memsz)).contains(&address))
        })
    }
}

fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
