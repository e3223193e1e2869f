//! `cargo xtask setup`, and what the other commands use of it: the host's programs and how to get them.
//!
//! A package is judged by the file that is needed of it, not by the package manager's opinion, so that a host
//! with a QEMU of its own is left alone. Installing is `apt-get install` as root or through sudo; where neither
//! is possible the exact command is printed.

use std::io::{BufRead, BufReader, IsTerminal};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use anyhow::{Context, bail, ensure};

use crate::build;

/// Options of `cargo xtask setup`.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// A group of packages that some command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// QEMU.
    Qemu,
    /// What makes the CD image.
    Image,
    /// UEFI firmware for QEMU.
    Uefi,
    /// Bochs.
    Bochs,
    /// The debugger.
    Gdb,
    /// What makes and judges disks' images, for tests.
    Disks,
}

/// All there are.
const ALL: [Part; 6] = [Part::Qemu, Part::Image, Part::Uefi, Part::Bochs, Part::Gdb, Part::Disks];

/// A Debian package and what is needed of it: a program on the path, or a file, any of those listed.
struct Package {
    part: Part,
    name: &'static str,
    needed: &'static [&'static str],
}

/// Packages of Debian 12 and 13.
const PACKAGES: [Package; 14] = [
    Package { part: Part::Qemu, name: "qemu-system-x86", needed: &["qemu-system-x86_64"] },
    Package { part: Part::Image, name: "grub-common", needed: &["grub-mkrescue"] },
    Package { part: Part::Image, name: "grub-pc-bin", needed: &["/usr/lib/grub/i386-pc/multiboot2.mod"] },
    Package {
        part: Part::Image,
        name: "grub-efi-amd64-bin",
        needed: &["/usr/lib/grub/x86_64-efi/multiboot2.mod"],
    },
    Package { part: Part::Image, name: "xorriso", needed: &["xorriso"] },
    Package { part: Part::Image, name: "mtools", needed: &["mformat"] },
    Package {
        part: Part::Uefi,
        name: "ovmf",
        needed: &["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_CODE.fd"],
    },
    Package { part: Part::Bochs, name: "bochs", needed: &["bochs"] },
    Package { part: Part::Bochs, name: "bochsbios", needed: &["/usr/share/bochs/BIOS-bochs-latest"] },
    Package {
        part: Part::Bochs,
        name: "vgabios",
        needed: &["/usr/share/vgabios/vgabios.bin", "/usr/share/bochs/VGABIOS-lgpl-latest"],
    },
    Package { part: Part::Gdb, name: "gdb", needed: &["gdb"] },
    Package { part: Part::Disks, name: "dosfstools", needed: &["/usr/sbin/mkfs.vfat", "/sbin/mkfs.vfat"] },
    Package { part: Part::Disks, name: "mtools", needed: &["mcopy"] },
    Package { part: Part::Disks, name: "e2fsprogs", needed: &["/usr/sbin/mke2fs", "/sbin/mke2fs"] },
];

impl Package {
    fn is_there(&self) -> bool {
        self.needed.iter().any(|needed| match needed.starts_with('/') {
            true => Path::new(needed).is_file(),
            false => anax_vm::find_program(needed).is_some(),
        })
    }
}

pub(crate) fn run(_args: Args) -> anyhow::Result<ExitCode> {
    need_all()?;
    println!("everything that Anax needs on this host is there");
    Ok(ExitCode::SUCCESS)
}

/// Installs whatever is missing of everything.
pub(crate) fn need_all() -> anyhow::Result<()> {
    need(&ALL)
}

/// Installs whatever is missing of these parts.
///
/// # Errors
/// One line with the command to type, where installing is not possible.
pub(crate) fn need(parts: &[Part]) -> anyhow::Result<()> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|package| parts.contains(&package.part) && !package.is_there())
        .map(|package| package.name)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)?;
    match PACKAGES.iter().find(|package| missing.contains(&package.name) && !package.is_there()) {
        None => Ok(()),
        Some(package) => bail!(
            "the package {} is installed but brought no {}: install it by other means",
            package.name,
            package.needed[0]
        ),
    }
}

/// How to become root.
#[derive(Clone, Copy)]
enum Root {
    Already,
    /// sudo asks for nothing.
    Sudo,
    /// sudo asks for a password on this terminal.
    SudoAsks,
}

fn install(missing: &[&str]) -> anyhow::Result<()> {
    let names = missing.join(" ");
    ensure!(
        anax_vm::find_program("apt-get").is_some(),
        "this host lacks {names} (names of Debian's packages) and has no apt-get: install them by its own means"
    );
    let Some(root) = find_root() else {
        bail!("missing on this host; as root, type: apt-get install --no-install-recommends {names}")
    };
    eprintln!("xtask: installing {names}");
    let refreshed = apt(root, &["update"]);
    let mut words = vec!["install", "--yes", "--no-install-recommends"];
    words.extend(missing);
    // A failed update matters only if the packages cannot be had without.
    match (refreshed, apt(root, &words)) {
        (_, Ok(())) => Ok(()),
        (Err(update), Err(error)) => bail!("{update:#}\n{error:#}"),
        (Ok(()), Err(error)) => Err(error),
    }
}

fn find_root() -> Option<Root> {
    if rustix::process::geteuid().is_root() {
        return Some(Root::Already);
    }
    anax_vm::find_program("sudo")?;
    let silent = Command::new("sudo").args(["-n", "true"]).stderr(Stdio::null()).status();
    if silent.is_ok_and(|status| status.success()) {
        return Some(Root::Sudo);
    }
    std::io::stdin().is_terminal().then_some(Root::SudoAsks)
}

/// Runs apt-get, showing its last line while it works and all of them if it fails.
fn apt(root: Root, words: &[&str]) -> anyhow::Result<()> {
    let mut command = Command::new(match root {
        Root::Already => "apt-get",
        Root::Sudo | Root::SudoAsks => "sudo",
    });
    match root {
        Root::Already => {}
        Root::Sudo => drop(command.args(["-n", "apt-get"])),
        Root::SudoAsks => {
            // Once, in the open; what follows finds the password remembered.
            ensure!(Command::new("sudo").arg("-v").status()?.success(), "sudo refused");
            command.arg("apt-get");
        }
    }
    command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let (reader, writer) = std::io::pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let mut child = command.spawn().context("cannot run apt-get")?;
    // The command keeps the pipe's other end open, and with it the loop below.
    drop(command);

    let what = format!("apt-get {}", words[0]);
    let progress = build::spinner(&what);
    let mut said = String::new();
    for line in BufReader::new(reader).lines() {
        let line = line?;
        progress.set_message(format!("{what}: {}", line.chars().take(70).collect::<String>()));
        said += &line;
        said.push('\n');
    }
    let status = child.wait()?;
    progress.finish_and_clear();
    ensure!(status.success(), "{said}apt-get {} failed", words.join(" "));
    Ok(())
}
