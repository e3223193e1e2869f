//! The symbol tables of kernel and programs, in the compact form that travels in the boot archive.

use anyhow::Context;
use goblin::elf::Elf;
use goblin::elf::section_header::SHF_EXECINSTR;
use goblin::elf::sym::{STT_FUNC, STT_NOTYPE};

/// The table for an ELF file: all functions, Rust's and the assembly's.
pub(super) fn table(elf: &[u8]) -> anyhow::Result<Vec<u8>> {
    let elf = Elf::parse(elf).context("no ELF file")?;
    let mut table = anax_symbols::Writer::new();
    for symbol in &elf.syms {
        let section = elf.section_headers.get(symbol.st_shndx);
        let is_code = section.is_some_and(|section| section.sh_flags & u64::from(SHF_EXECINSTR) != 0);
        // Labels of assembly have no type.
        if !is_code || ![STT_FUNC, STT_NOTYPE].contains(&symbol.st_type()) {
            continue;
        }
        match elf.strtab.get_at(symbol.st_name) {
            None | Some("") => {}
            // Without the hash that the compiler appends.
            Some(name) => {
                let name = format!("{:#}", rustc_demangle::demangle(name));
                table.add(symbol.st_value, symbol.st_size, &name);
            }
        }
    }
    Ok(table.finish())
}
