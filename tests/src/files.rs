//! Files of programs: all cases of the interface in the running system.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anax_files::{Creation, FileSystem as _, Name};
use anax_sectors::{MemoryDisk, SectorSize};
use anax_vm::{Ending, Spec};
use anyhow::{anyhow, bail, ensure};
use fat::{Fat, Format, Width, check, format};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("files.conformance-in-memory", Tier::Quick, conformance_in_memory),
    test("files.by-two-threads", Tier::Quick, by_two_threads),
    test("files.conformance-on-fat16", Tier::Plain, |context| {
        conformance_on_a_disk(context, Width::Fat16, 40_000)
    }),
    test("files.conformance-on-fat32", Tier::Plain, |context| {
        conformance_on_a_disk(context, Width::Fat32, 80_000)
    }),
    test("files.the-last-written-lasts", Tier::Quick, the_last_written_lasts),
];

const fn test(name: &'static str, tier: Tier, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest { name, tier, needs: &[], processors: 2, estimate: Duration::from_secs(10), run }
}

/// A file by which the guest sees that the disk is mounted.
const SIGN: &str = "sign";

/// A disk with nothing but that.
fn disk(context: &Context<'_>, width: Width, sectors: usize) -> anyhow::Result<PathBuf> {
    let mut disk = MemoryDisk::with_sectors(sectors);
    format(&mut disk, &Format { width: Some(width), label: "CASES", serial: 1, ..Format::default() })?;
    let mut fat = Fat::open(disk)?;
    let sign = Name::new(SIGN).map_err(|failure| anyhow!("{failure}"))?;
    fat.create(fat.root(), sign, Creation::File, 0)?;
    fat.sync(None)?;
    let path = std::path::absolute(context.folder.join("disk"))?;
    fs::write(&path, fat.into_disk().as_bytes())?;
    Ok(path)
}

fn conformance_in_memory(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let spec = Spec { cpus, memory_mib: 256, ..guest::user_spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, "conformance /tmp")?;
        seen.expect_success("340 cases, 0 failed\n")?;
    }
    Ok(())
}

/// Two programs on two mounts at once, each of which is another thread's: both have all cases right, and both threads have done the work.
fn by_two_threads(context: &Context<'_>) -> anyhow::Result<()> {
    let mut spec = Spec { cpus: 2, memory_mib: 256, ..guest::user_spec(context, "guest") };
    let line = "sh -c 'mkdir /one /two; mount tmpfs /one && mount tmpfs /two && vfs-bench threads /one /two; \
                conformance /one > /first & conformance /two; until grep -q failed /first; do sleep 0.1; done; \
                cat /first; vfs-bench threads /one /two; umount /one && umount /two && mount | grep -c tmpfs'";
    let seen = guest::run(&spec, line)?;
    ensure!(seen.result.status() == 0, "{:?}", seen.result);
    let out = String::from_utf8_lossy(&seen.result.out).into_owned();
    ensure!(out.matches("340 cases, 0 failed\n").count() == 2 && out.ends_with("1\n"), "{out}");
    let parse = |line: &str| {
        let (thread, operations) = line.split_once(" thread ")?.1.split_once(" operations ")?;
        Some((thread.parse().ok()?, operations.parse().ok()?))
    };
    let said: Vec<(u16, u64)> = out.lines().filter_map(parse).collect();
    // The second thread is the first to be given one: the first has what every machine has.
    let &[(1, one), (0, two), (1, one_later), (0, two_later)] = &said[..] else { bail!("{out}") };
    // Each case takes some.
    ensure!(one_later - one > 340 && two_later - two > 340, "{out}");
    // With one CPU there is one thread, and it does all.
    spec.cpus = 1;
    let seen = guest::run(&spec, "vfs-bench threads / /boot /dev /sys")?;
    let out = String::from_utf8_lossy(&seen.result.out).into_owned();
    ensure!(out.lines().count() == 4 && out.lines().all(|line| line.contains(" thread 0 ")), "{out}");
    Ok(())
}

/// Without a word of `sync`: a program writes to a disk, ends, and the machine is switched off.
fn the_last_written_lasts(context: &Context<'_>) -> anyhow::Result<()> {
    let path = disk(context, Width::Fat16, 40_000)?;
    for (cpus, end) in [(1, ""), (2, ""), (2, "; poweroff 0")] {
        let spec =
            Spec { cpus, memory_mib: 256, disk: Some(path.clone()), ..guest::user_spec(context, "boot") };
        let line =
            format!("sh -c 'mkdir /case; mount fat blk0 /case && echo end {cpus} > /case/LAST.TXT{end}'");
        let seen = guest::run(&spec, &line)?;
        // Who switches it off says nothing more.
        let is_well = !end.is_empty() || seen.result.ending == Ending::Exited { status: 0 };
        ensure!(is_well, "{line}: {:?}", seen.result.ending);
        let mut after = Fat::open(MemoryDisk::new(fs::read(&path)?, SectorSize::SMALLEST))?;
        let last = Name::new("LAST.TXT").map_err(|failure| anyhow!("{failure}"))?;
        let node = after.lookup(after.root(), last)?.node;
        let mut bytes = vec![0; 64];
        let length = after.read(node, 0, &mut bytes)?;
        let found = String::from_utf8_lossy(&bytes[..length]);
        ensure!(found.starts_with(&format!("end {cpus}")), "{line}: {found:?}");
    }
    Ok(())
}

/// All cases that need no links, on a disk, which is sound afterwards, and as empty as before.
fn conformance_on_a_disk(context: &Context<'_>, width: Width, sectors: usize) -> anyhow::Result<()> {
    let path = disk(context, width, sectors)?;
    let spec = Spec { memory_mib: 256, disk: Some(path.clone()), ..guest::user_spec(context, "boot") };
    let line = format!(
        "sh -c 'mkdir /case /other; mount fat blk0 /case && [ -e /case/{SIGN} ] && ! mount fat blk0 /other && \
         conformance /case && umount /case && mount fat blk0 /other && [ -e /other/{SIGN} ] && umount /other'"
    );
    let seen = guest::run(&spec, &line)?;
    seen.expect_success("304 cases, 0 failed\n")?;
    let mut after = MemoryDisk::new(fs::read(&path)?, SectorSize::SMALLEST);
    let report = check(&mut after)?;
    ensure!(report.problems.is_empty() && report.lost_clusters == 0 && report.files == 1, "{report:?}");
    Ok(())
}
