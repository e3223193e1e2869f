//! The CD image: GRUB for BIOS and UEFI, kernel, archive, and a menu that boots at once.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::host::{need_file, need_program};

/// The GRUB modules on the image: to read it from CD or USB stick, to load a multiboot2 kernel, to give it a screen.
/// All the others would make it three times as large. GRUB's own start script asks for every partition format.
const MODULES: &str = "multiboot2 normal iso9660 all_video part_acorn part_amiga part_apple part_bsd part_dfly \
                       part_dvh part_gpt part_msdos part_plan part_sun part_sunpc";

/// Writes an image to `output` that boots `kernel` with `archive` and this command line, from BIOS and UEFI.
///
/// # Errors
/// A missing host program, with its cure; or what grub-mkrescue complained about.
pub fn build_iso(kernel: &Path, archive: &Path, command_line: &str, output: &Path) -> anyhow::Result<()> {
    ensure!(
        !command_line.contains(|c: char| c.is_control() || "\"'\\$;{}|&<>".contains(c)),
        "the kernel's command line has characters that GRUB would read as its own: {command_line}"
    );
    let grub = need_program("grub-mkrescue")?;
    // grub-mkrescue makes an image for whatever firmware it finds parts for, without a word about the others.
    need_program("xorriso")?;
    need_program("mformat")?;
    need_file("GRUB for BIOS", &["/usr/lib/grub/i386-pc/multiboot2.mod"])?;
    need_file("GRUB for UEFI", &["/usr/lib/grub/x86_64-efi/multiboot2.mod"])?;

    let folder = tempfile::Builder::new().prefix("anax-iso-").tempdir()?;
    let boot = folder.path().join("boot");
    fs::create_dir_all(boot.join("grub"))?;
    strip(kernel, &boot.join("anax"))?;
    copy(archive, &boot.join("archive"))?;
    fs::write(boot.join("grub/grub.cfg"), menu(command_line))?;

    let result = Command::new(grub)
        .arg("-o")
        .arg(output)
        .arg(folder.path())
        .arg(format!("--install-modules={MODULES}"))
        .args(["--locales=", "--fonts=", "--themes="])
        .stdin(Stdio::null())
        .output()
        .context("cannot run grub-mkrescue")?;
    ensure!(
        result.status.success() && output.is_file(),
        "grub-mkrescue failed:\n{}",
        String::from_utf8_lossy(&result.stderr)
    );
    Ok(())
}

/// Copies the kernel without its debug information: GRUB would load that too.
fn strip(from: &Path, to: &Path) -> anyhow::Result<()> {
    let status = Command::new("strip").arg("-o").arg(to).arg(from).stderr(Stdio::null()).status();
    // A file that is no ELF, or a host without binutils: GRUB will say what is wrong, or load a little more.
    if status.is_ok_and(|status| status.success()) { Ok(()) } else { copy(from, to) }
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// A grub.cfg without a menu. The command line was checked to need no quoting.
fn menu(command_line: &str) -> String {
    format!(
        "set timeout=0\nset timeout_style=hidden\ninsmod all_video\nmenuentry Anax {{\n  multiboot2 /boot/anax {command_line}\n  \
         module2 /boot/archive\n}}\n"
    )
}
