//! Drivers in which one bit flips, and drivers that mean it: whatever becomes of them, everybody else goes on.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use anax_vm::{Accel, Chipset, Ending, Nic, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, Effort, SystemTest, Tier};
use crate::guest;

const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    SystemTest { name, tier, needs: &[], processors: 2, estimate: Duration::from_secs(seconds), run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("injected.virtio-net", Tier::Quick, 25, |context| {
        let spec = Spec { nic: Nic::VirtioNet, ..spec(context) };
        each(context, &spec, "net0 virtio-net-faulty", "")
    }),
    test("injected.virtio-net-polling", Tier::Plain, 25, |context| {
        let spec = Spec { nic: Nic::VirtioNet, ..spec(context) };
        each(context, &spec, "net0 virtio-net-faulty", " polling")
    }),
    test("injected.e1000", Tier::Plain, 60, |context| {
        each(context, &Spec { nic: Nic::E1000, ..spec(context) }, "net0 e1000-faulty", "")
    }),
    test("injected.virtio-blk", Tier::Plain, 25, |context| {
        let disk = Some(empty_disk(context)?);
        each(context, &Spec { disk, ..spec(context) }, "blk0 virtio-blk-faulty", "")
    }),
    test("injected.ata", Tier::Plain, 30, |context| {
        let drive = format!("file={},if=ide,format=raw", empty_disk(context)?.display());
        let extra = vec![OsString::from("-drive"), drive.into()];
        each(context, &Spec { chipset: Chipset::Pc, extra, ..spec(context) }, "ata0 ata-faulty", "")
    }),
    test("injected.hostile-indices", Tier::Quick, 20, |context| hostile(context, "indices", &["Lied"])),
    test("injected.hostile-replies", Tier::Plain, 20, |context| hostile(context, "replies", &["Lied"])),
    test("injected.hostile-doorbell", Tier::Plain, 20, |context| hostile(context, "doorbell", &["Silent"])),
    test("injected.hostile-storm", Tier::Plain, 20, |context| hostile(context, "storm", &["Silent"])),
    test("injected.hostile-quota", Tier::Plain, 20, |context| hostile(context, "quota", &["Silent"])),
    test("injected.hostile-nonsense", Tier::Plain, 20, |context| hostile(context, "nonsense", &["Silent"])),
    test("injected.hostile-mute", Tier::Plain, 60, |context| hostile(context, "mute", &["NotUp"])),
    test("injected.hostile-deaf", Tier::Plain, 20, |context| hostile(context, "deaf", &["Silent"])),
    test("injected.hostile-spin", Tier::Plain, 20, |context| hostile(context, "spin", &["Hung", "Silent"])),
    test("injected.hostile-record", Tier::Plain, 20, |context| hostile(context, "record", &["Silent"])),
];

/// Faults in a driver: in a quick run, in any other, in a long one; and at most in one boot.
const FEW: u64 = 4;
const MANY: u64 = 30;
const MOST: u64 = 10_000;
const A_BOOT: u64 = 1000;

const DISK_BYTES: usize = 8 << 20;

fn spec(context: &Context<'_>) -> Spec {
    Spec { memory_mib: 256, ..guest::user_spec(context, "boot") }
}

fn empty_disk(context: &Context<'_>) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(context.folder.join("disk"))?;
    std::fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// All seeds, half of them on one CPU, with a clock of instructions where that can be, so that a failure can be had again, half of them on two.
fn each(context: &Context<'_>, spec: &Spec, what: &str, further: &str) -> anyhow::Result<()> {
    let faults = match context.effort {
        Effort::Quick => FEW,
        Effort::Plain => MANY,
        Effort::Long => MOST,
    };
    let boots = faults.div_ceil(A_BOOT).max(2);
    for boot in 0..boots {
        let (first, last) = (faults * boot / boots + 1, faults * (boot + 1) / boots);
        let (cpus, accel) = match boot % 2 {
            // A clock of instructions skips what a disk takes, so that its client would lose its patience.
            0 if spec.nic != Nic::None => (1, Accel::Icount),
            0 => (1, Accel::Tcg),
            _ => (2, Accel::Tcg),
        };
        let log = Some(context.folder.join(format!("seeds-{first}-{last}.log")));
        let mut spec = Spec { cpus, accel, log, ..spec.clone() };
        spec.limits.silence = Duration::from_secs(60 * 60);
        spec.limits.total = Some(Duration::from_secs(2 * 60 * 60));
        let commands = format!("fault-trials {what} {first}..{last}{further}");
        let seen = guest::run(&spec, &commands)?;
        let printed = String::from_utf8_lossy(&seen.result.out);
        std::fs::write(context.folder.join(format!("seeds-{first}-{last}.txt")), printed.as_bytes())?;
        ensure!(
            seen.result.ending == Ending::Exited { status: 0 },
            "{cpus} CPUs: {:?}: {printed}",
            seen.result.ending
        );
        let struck = seen.console().matches(": strikes, seed ").count() as u64;
        ensure!(
            10 * struck >= 9 * (last + 1 - first),
            "only {struck} faults from {first} to {last} were there: {printed}"
        );
    }
    Ok(())
}

/// A driver that means harm, in one way, some times: everybody else goes on, somebody ends it as one of `ends` says, and the log says which it was.
fn hostile(context: &Context<'_>, how: &str, ends: &[&str]) -> anyhow::Result<()> {
    // Its interrupts come by a line, which it can hold.
    let nic = if how == "storm" { Nic::E1000 } else { Nic::VirtioNet };
    // Accounts are compared after some. One that never comes up costs ten seconds each time.
    let (machines, times) = if how == "mute" { (2..=2, 6) } else { (1..=2, 5) };
    for cpus in machines {
        let log = Some(context.folder.join(format!("cpus-{cpus}.log")));
        let spec = Spec { cpus, nic, log, ..spec(context) };
        let seen =
            guest::run(&spec, &format!("fault-trials net0 hostile-driver {}", vec![how; times].join(",")))?;
        let printed = String::from_utf8_lossy(&seen.result.out);
        let ending = &seen.result.ending;
        ensure!(*ending == Ending::Exited { status: 0 }, "{cpus} CPUs: {ending:?}: {printed}");
        let noticed = printed.lines().filter(|line| ends.iter().any(|end| line.ends_with(end))).count();
        ensure!(noticed == times, "{cpus} CPUs: it did not end so each time: {printed}");
        let named = seen.console().matches("net0: hostile-driver (process ").count();
        ensure!(named >= times, "{cpus} CPUs: the log does not name it");
    }
    Ok(())
}
