//! Firmware's tables are believed only after they were checked; where they can't be, one CPU and a warning remain.
//!
//! Real firmware has no broken tables to offer, so the archive carries replacements that the test kernel reads instead.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anax_acpi::PciSegment;
use anax_acpi::image::{Breakage, GUEST_BASE, Image};
use anax_archive::{Archive, Writer};
use anax_vm::{Acpi, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, SystemTest, Tier};
use crate::guest;

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("firmware.no-acpi", Tier::Quick, 2, no_acpi),
    test("firmware.replaced-tables", Tier::Quick, 2, replaced_tables),
    test("firmware.broken-tables", Tier::Quick, 40, broken_tables),
];

const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    SystemTest {
        name,
        tier,
        needs: &[],
        processors: CPUS as usize,
        estimate: Duration::from_secs(seconds),
        run,
    }
}

/// CPUs of the machine, whatever the tables say.
const CPUS: u32 = 2;

/// QEMU's default firmware makes tables of its own where the machine has none; qboot does not.
fn no_acpi(context: &Context<'_>) -> anyhow::Result<()> {
    let extra = ["-bios", "qboot.rom"].map(OsString::from).to_vec();
    let spec = Spec { cpus: CPUS, acpi: Acpi::Off, extra, ..guest::spec(context, "boot") };
    let seen = guest::run(&spec, "true")?;
    guest::check_cpus(&seen, 1)?;
    guest::check_warning(&seen, "ACPI")?;
    seen.expect_success("")
}

/// Shows that the replacement is what the kernel reads, without which the next test would prove nothing.
fn replaced_tables(context: &Context<'_>) -> anyhow::Result<()> {
    boot_with(context, "one-of-two", image(1).build(), 1)?;
    let seen = boot_with(context, "two-of-two", image(CPUS).build(), CPUS)?;
    ensure!(guest::check_warning(&seen, "ACPI").is_err(), "there is a warning about sound tables");
    Ok(())
}

fn broken_tables(context: &Context<'_>) -> anyhow::Result<()> {
    for breakage in Breakage::ALL {
        let name = format!("{breakage:?}");
        let cpus = if breakage.costs_the_cpus() { 1 } else { CPUS };
        let seen = boot_with(context, &name, image(CPUS).broken(breakage).build(), cpus)
            .with_context(|| name.clone())?;
        guest::check_warning(&seen, "ACPI").with_context(|| name)?;
    }
    Ok(())
}

/// Tables of every kind the kernel reads, true of the machine.
fn image(cpus: u32) -> Image {
    let segment = PciSegment { segment: 0, first_bus: 0, last_bus: 255, base: 0xb000_0000 };
    let image = Image::pc(GUEST_BASE, cpus).pci_segment(segment).node_memory(0, 1 << 32, 0);
    (0..cpus).fold(image, |image, apic_id| image.node_cpu(apic_id, 0))
}

/// Boots with the ACPI tables `image`; the kernel has to find `cpus` CPUs and do its work.
fn boot_with(context: &Context<'_>, name: &str, image: Vec<u8>, cpus: u32) -> anyhow::Result<guest::Seen> {
    let archive = archive_with(context, name, image)?;
    let words = vec!["test.acpi=archive".to_owned()];
    let spec = Spec { cpus: CPUS, archive, words, ..guest::spec(context, name) };
    let seen = guest::run(&spec, "echo alive")?;
    guest::check_cpus(&seen, cpus)?;
    seen.expect_success("alive\n")?;
    Ok(seen)
}

fn archive_with(context: &Context<'_>, name: &str, image: Vec<u8>) -> anyhow::Result<PathBuf> {
    let bytes = fs::read(&context.artefacts.archive)?;
    let mut writer = Writer::new();
    for (member, content) in Archive::open(&bytes)?.iter() {
        writer.add(member, content.to_vec())?;
    }
    writer.add("test/acpi", image)?;
    let path = context.folder.join(format!("{name}.archive"));
    fs::write(&path, writer.finish())?;
    Ok(path)
}
