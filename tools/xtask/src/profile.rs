//! `cargo xtask profile`: where a guest's instructions go, by program and function.
//!
//! The counting plugin tells how often each block of code was executed. Blocks are found again in the ELF files of kernel and programs by address and bytes, since all programs begin at one
//! address. One CPU, and a clock of instructions, so that the same is the same the next time.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anax_vm::{Accel, BENCH_CPU, Ending, Plugin, Spec};
use anyhow::{Context as _, bail, ensure};
use goblin::elf::Elf;
use goblin::elf::section_header::SHF_EXECINSTR;
use system_tests::guest;

use crate::build::{self, Choice, KernelBuild, KernelVariant, Packed};
use crate::setup::{self, Part};

/// Options of `cargo xtask profile`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What the guest does, as after `run --exec`: best often enough that booting does not matter
    #[arg(value_name = "COMMANDS")]
    commands: String,

    /// Pack a program that tests and measurements use, too
    #[arg(long, value_name = "PROGRAM")]
    with: Vec<String>,

    /// A virtio disk, whose raw image this is
    #[arg(long, value_name = "FILE")]
    disk: Option<PathBuf>,

    /// How many functions are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 40)]
    top: usize,

    /// How often COMMANDS do what is of interest: all figures are divided by it
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    times: u64,
}

/// A function of an ELF file.
struct Function {
    start: u64,
    end: u64,
    name: String,
}

/// What can be found again of an ELF file.
struct Image {
    name: String,
    /// Addresses and bytes of what is executed.
    code: Vec<(u64, Vec<u8>)>,
    functions: Vec<Function>,
}

impl Image {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let bytes = fs::read(path).with_context(|| path.display().to_string())?;
        let elf = Elf::parse(&bytes).with_context(|| path.display().to_string())?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let is_code = |flags: u64| flags & u64::from(SHF_EXECINSTR) != 0;
        let code = elf.section_headers.iter().filter(|section| is_code(section.sh_flags));
        let code =
            code.filter_map(|section| Some((section.sh_addr, bytes.get(section.file_range()?)?.to_vec())));
        let mut functions: Vec<_> = elf
            .syms
            .iter()
            .filter(|symbol| {
                elf.section_headers.get(symbol.st_shndx).is_some_and(|section| is_code(section.sh_flags))
            })
            .filter_map(|symbol| {
                let name = elf.strtab.get_at(symbol.st_name).filter(|name| !name.is_empty())?;
                let (start, end) = (symbol.st_value, symbol.st_value + symbol.st_size);
                Some(Function { start, end, name: format!("{:#}", rustc_demangle::demangle(name)) })
            })
            .collect();
        functions.sort_by_key(|function| (function.start, function.end));
        Ok(Self { name, code: code.collect(), functions })
    }

    fn has(&self, address: u64, bytes: &[u8]) -> bool {
        self.code.iter().any(|(start, code)| {
            let offset = address.checked_sub(*start).and_then(|offset| usize::try_from(offset).ok());
            offset
                .and_then(|offset| code.get(offset..)?.get(..bytes.len()))
                .is_some_and(|found| found == bytes)
        })
    }

    /// The function there; assembly's labels go on to the next.
    fn function(&self, address: u64) -> &str {
        let after = self.functions.partition_point(|function| function.start <= address);
        let before = self.functions[..after].iter().rev();
        let mut before = before.filter(|function| address < function.end || function.start == function.end);
        before.next().map_or("?", |function| &function.name)
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    setup::need(&[Part::Qemu])?;
    let packed = Packed::Also(args.with.clone());
    let choice = Choice { packed, ..Choice::default() };
    let built = build::bootable(&KernelBuild::release(KernelVariant::Plain), &choice)?;
    let folder = build::target().join("profile");
    fs::create_dir_all(&folder)?;
    let blocks = boot(args, &built, &folder)?;
    let images = images(&built.kernel)?;
    let mut by_function: HashMap<(&str, &str), u64> = HashMap::new();
    for line in blocks.lines() {
        let (address, executed, bytes) = parse(line).with_context(|| format!("the plugin wrote '{line}'"))?;
        let mut found = images.iter().filter(|image| image.has(address, &bytes));
        // What several programs have alike at one address could be any one's.
        let key = match (found.next(), found.next()) {
            (None, _) => ("?", "?"),
            (Some(image), None) => (image.name.as_str(), image.function(address)),
            (Some(image), Some(_)) => ("several", image.function(address)),
        };
        *by_function.entry(key).or_default() += executed;
    }
    print!("{}", table(&by_function, args));
    Ok(ExitCode::SUCCESS)
}

/// Runs the guest; what the plugin has written.
fn boot(args: &Args, built: &build::Bootable, folder: &Path) -> anyhow::Result<String> {
    let artefacts = build::artefacts()?;
    let context =
        system_tests::Context { artefacts: &artefacts, folder, effort: system_tests::Effort::Plain };
    let out = folder.join("blocks");
    let words =
        vec![format!("out={}", folder.join("counts").display()), format!("profile={}", out.display())];
    let spec = guest::user_spec(&context, "profile");
    let spec = Spec {
        cpus: 1,
        memory_mib: 512,
        cpu: Some(BENCH_CPU.to_owned()),
        accel: Accel::Icount,
        disk: args.disk.as_deref().map(std::path::absolute).transpose()?,
        archive: built.archive.clone(),
        kernel: built.kernel.clone(),
        plugins: vec![Plugin { path: artefacts.plugin.clone(), args: words }],
        ..spec
    };
    let seen = guest::run(&spec, &args.commands)?;
    print!("{}", String::from_utf8_lossy(&seen.result.out));
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}", seen.result.ending);
    fs::read_to_string(&out).with_context(|| out.display().to_string())
}

/// The kernel, and all programs.
fn images(kernel: &Path) -> anyhow::Result<Vec<Image>> {
    let programs = build::find_programs()?;
    let paths = std::iter::once(kernel.to_owned()).chain(programs.iter().map(build::Program::path));
    let paths: Vec<PathBuf> = paths.filter(|path| path.is_file()).collect();
    paths.iter().map(|path| Image::read(path)).collect()
}

/// Address, instructions executed, and bytes.
fn parse(line: &str) -> anyhow::Result<(u64, u64, Vec<u8>)> {
    let words: Vec<&str> = line.split(' ').collect();
    let &[address, executed, bytes] = &words[..] else { bail!("three words are a block") };
    let bytes = (0..bytes.len() / 2).map(|at| u8::from_str_radix(&bytes[2 * at..2 * at + 2], 16));
    Ok((u64::from_str_radix(address, 16)?, executed.parse()?, bytes.collect::<Result<_, _>>()?))
}

fn table(by_function: &HashMap<(&str, &str), u64>, args: &Args) -> String {
    let times = args.times.max(1) as f64;
    let mut by_image: HashMap<&str, u64> = HashMap::new();
    by_function.iter().for_each(|((image, _), executed)| *by_image.entry(image).or_default() += executed);
    let all: u64 = by_image.values().sum();
    let share = |executed: u64| 100.0 * executed as f64 / all.max(1) as f64;
    let mut text = format!("{:>14.1}        all\n", all as f64 / times);
    let mut images: Vec<_> = by_image.into_iter().collect();
    images.sort_by_key(|(name, executed)| (std::cmp::Reverse(*executed), *name));
    for (name, executed) in images.into_iter().filter(|(_, executed)| share(*executed) >= 0.1) {
        text += &format!("{:>14.1} {:>5.1} % {name}\n", executed as f64 / times, share(executed));
    }
    text += "\n";
    let mut functions: Vec<_> = by_function.iter().collect();
    functions.sort_by_key(|(key, executed)| (std::cmp::Reverse(**executed), **key));
    for ((image, function), executed) in functions.into_iter().take(args.top) {
        let per = *executed as f64 / times;
        text += &format!("{per:>14.1} {:>5.1} % {image:<12} {function}\n", share(*executed));
    }
    text
}
