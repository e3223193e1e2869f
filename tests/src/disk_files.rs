//! Files on disks in the running system: `userland/disk-files` writes them while the disk's driver is killed, and what lies on the disk is looked through from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anax_files::{FileSystem as _, Name, Node};
use anax_sectors::{Disk as _, MemoryDisk, Part, SectorSize};
use anax_vm::{Ending, Spec};
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
    SystemTest {
        name: "disk-files.two-partitions-at-once",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: two_partitions_at_once,
    },
];

const SECTORS: usize = 64 << 11;
/// Where the part begins, and its number of sectors.
const PART: (u64, u64) = (2048, 100_000);
const FILES: usize = 120;
/// A disk with two parts.
const TWO_SECTORS: usize = 130_000;
const TWO: [(u64, u64); 2] = [(64, 40_000), (41_000, 80_000)];

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
    divide(&mut disk, &[PART])?;
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

/// Writes an MBR with these parts.
fn divide(disk: &mut MemoryDisk, parts: &[(u64, u64)]) -> anyhow::Result<()> {
    let mut record = vec![0; 512];
    for (entry, (first, sectors)) in record[446..510].chunks_exact_mut(16).zip(parts) {
        entry[4] = 0x0c;
        entry[8..12].copy_from_slice(&(*first as u32).to_le_bytes());
        entry[12..16].copy_from_slice(&(*sectors as u32).to_le_bytes());
    }
    record[510..].copy_from_slice(&[0x55, 0xaa]);
    Ok(disk.write(0, &record)?)
}

/// An image of a disk with two partitions, of a FAT16 and a FAT32, in the test's folder.
pub(crate) fn in_two(context: &Context<'_>) -> anyhow::Result<PathBuf> {
    let mut disk = MemoryDisk::with_sectors(TWO_SECTORS);
    divide(&mut disk, &TWO)?;
    for ((first, sectors), width) in TWO.into_iter().zip([Width::Fat16, Width::Fat32]) {
        made(&mut Part::new(&mut disk, first, sectors)?, width)?;
    }
    let path = std::path::absolute(context.folder.join("disk-in-two"))?;
    fs::write(&path, disk.as_bytes()).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Both are mounted and pass all cases at the same time, while the disk's driver changes under them; who has a part keeps the whole from others, and the reverse; and nothing outside
/// the parts is written.
fn two_partitions_at_once(context: &Context<'_>) -> anyhow::Result<()> {
    let path = in_two(context)?;
    let before = image(&path)?;
    for (cpus, line) in [(2, TOGETHER), (1, ONE_BY_ONE)] {
        let disk = Some(path.clone());
        let spec = Spec { cpus, memory_mib: 256, disk, ..guest::user_spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, line)?;
        let out = String::from_utf8_lossy(&seen.result.out).into_owned();
        let ending = &seen.result.ending;
        ensure!(
            *ending == Ending::Exited { status: 0 } && out.ends_with("all is well\n"),
            "{ending:?} {out}"
        );
        if cpus == 2 {
            ensure!(out.matches("304 cases, 0 failed\n").count() == 2, "{out}");
        }
    }
    let mut after = image(&path)?;
    let is_theirs = |sector: u64| TWO.iter().any(|(first, count)| (*first..first + count).contains(&sector));
    for sector in (0..TWO_SECTORS as u64).filter(|sector| !is_theirs(*sector)) {
        let at = sector as usize * 512;
        ensure!(before.as_bytes()[at..at + 512] == after.as_bytes()[at..at + 512], "sector {sector}");
    }
    for (first, sectors) in TWO {
        let report = check(&mut Part::new(&mut after, first, sectors)?)?;
        ensure!(report.problems.is_empty() && report.lost_clusters == 0, "{report:?}");
        ensure!(report.files == 1, "{} files are there", report.files);
    }
    Ok(())
}

/// Two programs, on a part each, with a driver that changes.
const TOGETHER: &str = "sh -c 'mkdir /one /two; mount fat blk0p1 /one && mount fat blk0p2 /two && touch /a /b; \
    (conformance /one > /a; echo ended >> /a) & (conformance /two > /b; echo ended >> /b) & \
    until grep -q ended /a && grep -q ended /b; do drvctl swap blk0 virtio-blk > /dev/null; sleep 0.1; done; \
    cat /a /b; echo kept > /one/KEPT && echo kept > /two/KEPT && umount /one && umount /two && \
    echo all is well'";

/// Who has what.
const ONE_BY_ONE: &str = "sh -c 'mkdir /one /two; mount fat blk0p1 /one && ! mount fat blk0p1 /two && \
    ! mount fat blk0 /two && ! mount fat blk0p3 /two && ! mount fat blk7p1 /two && mount fat blk0p2 /two && \
    grep -q kept /one/KEPT && grep -q kept /two/KEPT && umount /one && ! mount fat blk0 /one && umount /two && \
    ! mount fat blk0 /one && mount fat blk0p1 /two && grep -q kept /two/KEPT && umount /two && echo all is well'";

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
