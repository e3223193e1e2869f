//! Firmware's tables are believed only after they were checked; where they can't be, one CPU and a warning remain.
//!
//! Real firmware has no broken tables to offer, so the archive carries replacements that the test kernel reads instead.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anax_archive::{Archive, Writer};
use anax_vm::{Acpi, Spec};
use anyhow::Context as _;
use microkernel_core::acpi::image::{Breakage, GUEST_BASE, Image};

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

fn no_acpi(context: &Context<'_>) -> anyhow::Result<()> {
    let spec = Spec { cpus: CPUS, acpi: Acpi::Off, ..guest::spec(context, "boot") };
    let seen = guest::run(&spec, "true")?;
    guest::check_cpus(&seen, 1)?;
    guest::check_warning(&seen, "ACPI")?;
    seen.expect_success("")
}

/// Shows that the replacement is what the kernel reads, without which the next test would prove nothing.
fn replaced_tables(context: &Context<'_>) -> anyhow::Result<()> {
    boot_with(context, "one-of-two", Image::pc(GUEST_BASE, 1).build(), 1)?;
    boot_with(context, "two-of-two", Image::pc(GUEST_BASE, CPUS).build(), CPUS)?;
    Ok(())
}

fn broken_tables(context: &Context<'_>) -> anyhow::Result<()> {
    for breakage in Breakage::ALL {
        let name = format!("{breakage:?}");
        let cpus = if breakage.costs_the_cpus() { 1 } else { CPUS };
        let seen = boot_with(context, &name, Image::pc(GUEST_BASE, CPUS).broken(breakage).build(), cpus)
            .with_context(|| name.clone())?;
        guest::check_warning(&seen, "ACPI").with_context(|| name)?;
    }
    Ok(())
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
