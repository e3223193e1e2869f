//! Disk drivers in the running system: `userland/block-demo` kills them in the middle of writes, and the file behind the disk is what it should be.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anax_vm::{Chipset, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "disks.virtio-survives-its-drivers",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(4),
        run: virtio_survives_its_drivers,
    },
    SystemTest {
        name: "disks.ata-survives-its-drivers",
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: ata_survives_its_drivers,
    },
];

/// Bytes of the disk, and of its beginning that the program writes: 512 extents of 4 KiB.
const DISK_BYTES: usize = 8 << 20;
const WRITTEN: usize = 512 * 4096;
/// The last of its rounds, which is what the disk keeps.
const LAST_ROUND: u64 = 3;
/// How often a driver is killed.
const KILLS: u32 = 8;

fn virtio_survives_its_drivers(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    let spec = Spec { cpus: 2, memory_mib: 256, disk: Some(disk.clone()), ..guest::spec(context, "boot") };
    verified(&spec, KILLS, &disk)
}

fn ata_survives_its_drivers(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    let drive = format!("file={},if=ide,format=raw", disk.display());
    let extra = vec![OsString::from("-drive"), drive.into()];
    let (cpus, memory_mib, chipset) = (2, 256, Chipset::Pc);
    let spec = Spec { cpus, memory_mib, chipset, extra, ..guest::spec(context, "boot") };
    verified(&spec, 1000 + KILLS, &disk)
}

fn empty_disk(folder: &Path) -> anyhow::Result<std::path::PathBuf> {
    let path = std::path::absolute(folder.join("disk"))?;
    fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// The program finds every sector right, and so does this one, from outside.
fn verified(spec: &Spec, argument: u32, disk: &Path) -> anyhow::Result<()> {
    let seen = guest::run(spec, &format!("program block-demo {argument}"))?;
    seen.expect_success("")?;
    ensure!(seen.console().contains("block-demo: verified"), "the program did not say that all was verified");
    let bytes = fs::read(disk)?;
    let (words, _) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let at = index as u64 * 8;
        let expected = if index * 8 < WRITTEN { at << 8 | LAST_ROUND } else { 0 };
        ensure!(
            u64::from_le_bytes(*word) == expected,
            "byte {at:#x} of the disk is not what was written last"
        );
    }
    Ok(())
}
