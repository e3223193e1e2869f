//! Drivers in which one bit flips, and drivers that mean it: whatever becomes of them, everybody else goes on.

use std::ffi::OsString;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
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
        each(context, &spec, Disk::None, "net0 virtio-net-faulty", "")
    }),
    test("injected.virtio-net-polling", Tier::Plain, 25, |context| {
        let spec = Spec { nic: Nic::VirtioNet, ..spec(context) };
        each(context, &spec, Disk::None, "net0 virtio-net-faulty", " polling")
    }),
    test("injected.e1000", Tier::Plain, 60, |context| {
        each(context, &Spec { nic: Nic::E1000, ..spec(context) }, Disk::None, "net0 e1000-faulty", "")
    }),
    test("injected.virtio-blk", Tier::Plain, 25, |context| {
        each(context, &spec(context), Disk::Virtio, "blk0 virtio-blk-faulty", "")
    }),
    test("injected.ata", Tier::Plain, 30, |context| {
        each(context, &Spec { chipset: Chipset::Pc, ..spec(context) }, Disk::Ata, "ata0 ata-faulty", "")
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
/// Boots at once, in a long run, of a guest that sleeps most of the time.
const AT_ONCE: usize = 4;

const DISK_BYTES: usize = 8 << 20;

fn spec(context: &Context<'_>) -> Spec {
    Spec { memory_mib: 256, ..guest::user_spec(context, "boot") }
}

/// Which disk a machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    None,
    Virtio,
    Ata,
}

impl Disk {
    /// Puts an empty one of its own into the machine.
    fn put(self, mut spec: Spec, path: &Path) -> anyhow::Result<Spec> {
        if self == Self::None {
            return Ok(spec);
        }
        let path = std::path::absolute(path)?;
        std::fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
        if self == Self::Virtio {
            spec.disk = Some(path);
        } else {
            let drive = format!("file={},if=ide,format=raw", path.display());
            spec.extra = vec![OsString::from("-drive"), drive.into()];
        }
        Ok(spec)
    }
}

/// All seeds, half of them on one CPU, with a clock of instructions where that can be, so that a failure can be had again, half of them on two.
fn each(context: &Context<'_>, spec: &Spec, disk: Disk, what: &str, further: &str) -> anyhow::Result<()> {
    let (faults, at_once) = match context.effort {
        Effort::Quick => (FEW, 1),
        Effort::Plain => (MANY, 1),
        // This card hears nothing for a second after each reset, and a trial resets it twice.
        Effort::Long if spec.nic == Nic::E1000 => (MOST, AT_ONCE),
        Effort::Long => (MOST, 1),
    };
    let boots = faults.div_ceil(A_BOOT).max(2);
    let next = AtomicU64::new(0);
    // Each of them goes on to its end: one failure more or less tells the more.
    let work = || -> Vec<anyhow::Error> {
        let mut failures = vec![];
        loop {
            let boot = next.fetch_add(1, Ordering::Relaxed);
            if boot >= boots {
                return failures;
            }
            let (first, last) = (faults * boot / boots + 1, faults * (boot + 1) / boots);
            let seeds = Seeds { cpus: 1 + (boot % 2) as u32, first, last };
            failures.extend(one_boot(context, spec, disk, &seeds, what, further).err());
        }
    };
    let failures: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it does not panic")).collect()
    });
    let told: Vec<_> = failures.iter().map(|failure| format!("{failure:#}")).collect();
    ensure!(told.is_empty(), "{}", told.join("\n"));
    Ok(())
}

/// Seeds of one boot, and on how many CPUs.
struct Seeds {
    cpus: u32,
    first: u64,
    last: u64,
}

fn one_boot(
    context: &Context<'_>,
    spec: &Spec,
    disk: Disk,
    &Seeds { cpus, first, last }: &Seeds,
    what: &str,
    further: &str,
) -> anyhow::Result<()> {
    // A clock of instructions skips what a disk takes, so that its client would lose its patience.
    let accel = if cpus == 1 && disk == Disk::None { Accel::Icount } else { Accel::Tcg };
    let file = |ending: &str| context.folder.join(format!("seeds-{first}-{last}.{ending}"));
    let spec = Spec { cpus, accel, log: Some(file("log")), ..spec.clone() };
    let mut spec = disk.put(spec, &file("disk"))?;
    spec.limits.silence = Duration::from_secs(60 * 60);
    spec.limits.total = Some(Duration::from_secs(2 * 60 * 60));
    let seen = guest::run(&spec, &format!("fault-trials {what} {first}..{last}{further}"))?;
    let printed = String::from_utf8_lossy(&seen.result.out);
    std::fs::write(file("txt"), printed.as_bytes())?;
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
