//! Files on disks in the running system: `userland/disk-files` writes them while the disk's driver is killed, and what lies on the disk is looked through from outside.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anax_files::{FileSystem as _, Name, Node};
use anax_sectors::{Disk as _, MemoryDisk, Part, SectorSize};
use anax_vm::Spec;
use anyhow::{Context as _, anyhow, ensure};
use fat::{Fat, Format, Width, check, format};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "disk-files.fat-survives-drivers",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(20),
        run: fat_survives_drivers,
    },
    SystemTest {
        name: "disk-files.fat-in-a-partition",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: fat_in_a_partition,
    },
];

const SECTORS: usize = 64 << 11;
/// Where the part begins, and its number of sectors.
const PART: (u64, u64) = (2048, 100_000);
const FILES: usize = 120;

fn fat_survives_drivers(context: &Context<'_>) -> anyhow::Result<()> {
    let mut disk = MemoryDisk::with_sectors(SECTORS);
    made(&mut disk, Width::Fat16)?;
    let after = guest(context, disk, &format!("disk-files fat blk0 {FILES} 20"))?;
    judge(after)
}

fn fat_in_a_partition(context: &Context<'_>) -> anyhow::Result<()> {
    let mut disk = MemoryDisk::with_sectors(SECTORS);
    let (first, sectors) = PART;
    made(&mut Part::new(&mut disk, first, sectors)?, Width::Fat32)?;
    let mut record = vec![0; 512];
    let entry = &mut record[446..462];
    entry[4] = 0x0c;
    entry[8..12].copy_from_slice(&(first as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&(sectors as u32).to_le_bytes());
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    disk.write(0, &record)?;
    let mut after = guest(context, disk, &format!("disk-files fat blk0p1 {FILES}"))?;
    let mut part = MemoryDisk::with_sectors(sectors as usize);
    let mut bytes = vec![0; sectors as usize * 512];
    after.read(first, &mut bytes)?;
    part.write(0, &bytes)?;
    let outside = after.as_bytes()[512..first as usize * 512].iter();
    ensure!(
        outside.chain(&after.as_bytes()[(first + sectors) as usize * 512..]).all(|byte| *byte == 0),
        "sectors outside the part were written"
    );
    judge(part)
}

fn made(disk: &mut impl anax_sectors::Disk, width: Width) -> anyhow::Result<()> {
    let wishes = Format { width: Some(width), label: "TEST", serial: 1, ..Format::default() };
    format(disk, &wishes)?;
    Ok(())
}

/// Runs a command in a guest with that disk: what is on it afterwards.
fn guest(context: &Context<'_>, disk: MemoryDisk, command: &str) -> anyhow::Result<MemoryDisk> {
    let path = std::path::absolute(context.folder.join("disk"))?;
    fs::write(&path, disk.as_bytes()).with_context(|| path.display().to_string())?;
    let spec =
        Spec { cpus: 2, memory_mib: 256, disk: Some(path.clone()), ..guest::user_spec(context, "boot") };
    let seen = guest::run(&spec, command)?;
    let out = String::from_utf8_lossy(&seen.result.out).into_owned();
    let err = String::from_utf8_lossy(&seen.result.err).into_owned();
    let ending = &seen.result.ending;
    ensure!(
        out.contains("disk-files: verified"),
        "it did not say that all was verified: {ending:?} {out}{err}"
    );
    image(&path)
}

fn image(path: &Path) -> anyhow::Result<MemoryDisk> {
    Ok(MemoryDisk::new(fs::read(path)?, SectorSize::SMALLEST))
}

/// All files are what `userland/disk-files` writes, and nothing is wrong with the rest.
fn judge(mut disk: MemoryDisk) -> anyhow::Result<()> {
    let report = check(&mut disk)?;
    ensure!(report.problems.is_empty() && report.lost_clusters == 0, "{report:?}");
    ensure!(report.files == FILES as u64, "{} files are there", report.files);
    let mut fat = Fat::open(disk)?;
    for file in 0..FILES {
        let directory = found(&mut fat, Node(1), &format!("directory {}", file / 100))?;
        let node = found(&mut fat, directory, &format!("file {file}"))?;
        let expected: Vec<u8> = (0..file * 977 % 50_000).map(|at| ((at / 7) ^ file) as u8).collect();
        let mut bytes = vec![0; expected.len() + 1];
        let count = fat.read(node, 0, &mut bytes)?;
        ensure!(bytes[..count] == expected, "file {file} is wrong");
    }
    Ok(())
}

fn found(fat: &mut Fat<MemoryDisk>, directory: Node, text: &str) -> anyhow::Result<Node> {
    let name = Name::new(text).map_err(|failure| anyhow!("{text}: {failure}"))?;
    Ok(fat.lookup(directory, name).with_context(|| text.to_owned())?.node)
}
