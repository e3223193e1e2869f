//! Files of programs: all cases of the interface in the running system.

use std::fs;
use std::time::Duration;

use anax_files::{Creation, FileSystem as _, Name};
use anax_sectors::{MemoryDisk, SectorSize};
use anax_vm::Spec;
use anyhow::{anyhow, ensure};
use fat::{Fat, Format, Width, check, format};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("files.conformance-in-memory", Tier::Quick, conformance_in_memory),
    test("files.conformance-on-fat16", Tier::Plain, |context| {
        conformance_on_a_disk(context, Width::Fat16, 40_000)
    }),
    test("files.conformance-on-fat32", Tier::Plain, |context| {
        conformance_on_a_disk(context, Width::Fat32, 80_000)
    }),
];

const fn test(name: &'static str, tier: Tier, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest { name, tier, needs: &[], processors: 2, estimate: Duration::from_secs(10), run }
}

/// A file by which the guest sees that the disk is mounted.
const SIGN: &str = "sign";

fn conformance_in_memory(context: &Context<'_>) -> anyhow::Result<()> {
    for cpus in [1, 2] {
        let spec = Spec { cpus, memory_mib: 256, ..guest::user_spec(context, &format!("cpus-{cpus}")) };
        let seen = guest::run(&spec, "conformance /tmp")?;
        seen.expect_success("340 cases, 0 failed\n")?;
    }
    Ok(())
}

/// All cases that need no links, on a disk, which is sound afterwards, and as empty as before.
fn conformance_on_a_disk(context: &Context<'_>, width: Width, sectors: usize) -> anyhow::Result<()> {
    let mut disk = MemoryDisk::with_sectors(sectors);
    format(&mut disk, &Format { width: Some(width), label: "CASES", serial: 1, ..Format::default() })?;
    let mut fat = Fat::open(disk)?;
    let sign = Name::new(SIGN).map_err(|failure| anyhow!("{failure}"))?;
    fat.create(fat.root(), sign, Creation::File, 0)?;
    fat.sync(None)?;
    let path = std::path::absolute(context.folder.join("disk"))?;
    fs::write(&path, fat.into_disk().as_bytes())?;
    let spec = Spec { memory_mib: 256, disk: Some(path.clone()), ..guest::user_spec(context, "boot") };
    let line = format!(
        "sh -c 'mkdir /case; mount fat blk0 /case & until [ -e /case/{SIGN} ]; do sleep 0.1; done; \
         conformance /case && umount /case'"
    );
    let seen = guest::run(&spec, &line)?;
    seen.expect_success("304 cases, 0 failed\n")?;
    let mut after = MemoryDisk::new(fs::read(&path)?, SectorSize::SMALLEST);
    let report = check(&mut after)?;
    ensure!(report.problems.is_empty() && report.lost_clusters == 0 && report.files == 1, "{report:?}");
    Ok(())
}
