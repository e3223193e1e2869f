//! Drivers in which one bit flips, and drivers that mean it: whatever becomes of them, everybody else goes on.

use std::ffi::OsString;
use std::ops::RangeInclusive;
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
    test("injected.virtio-net", Tier::Quick, 25, |context| virtio_net(context, "")),
    test("injected.virtio-net-polling", Tier::Plain, 25, |context| virtio_net(context, " polling")),
    test("injected.virtio-blk", Tier::Plain, 25, virtio_blk),
    test("injected.e1000", Tier::Plain, 60, |context| e1000(context, 1)).sleepy(),
    test("injected.e1000-2", Tier::Long, 1200, |context| e1000(context, 2)).sleepy(),
    test("injected.e1000-3", Tier::Long, 1200, |context| e1000(context, 3)).sleepy(),
    test("injected.e1000-4", Tier::Long, 1200, |context| e1000(context, 4)).sleepy(),
    test("injected.e1000-5", Tier::Long, 1200, |context| e1000(context, 5)).sleepy(),
    test("injected.ata", Tier::Plain, 30, |context| ata(context, 1)).sleepy(),
    test("injected.ata-2", Tier::Long, 1800, |context| ata(context, 2)).sleepy(),
    test("injected.ata-3", Tier::Long, 1800, |context| ata(context, 3)).sleepy(),
    test("injected.ata-4", Tier::Long, 1800, |context| ata(context, 4)).sleepy(),
    test("injected.ata-5", Tier::Long, 1800, |context| ata(context, 5)).sleepy(),
    test("injected.hostile-indices", Tier::Quick, 20, |context| hostile(context, "indices", &["Lied"]))
        .sleepy(),
    test("injected.hostile-replies", Tier::Plain, 20, |context| hostile(context, "replies", &["Lied"]))
        .sleepy(),
    test("injected.hostile-doorbell", Tier::Plain, 20, |context| hostile(context, "doorbell", &["Silent"]))
        .sleepy(),
    test("injected.hostile-storm", Tier::Plain, 20, |context| hostile(context, "storm", &["Silent"])),
    test("injected.hostile-quota", Tier::Plain, 20, |context| hostile(context, "quota", &["Silent"]))
        .sleepy(),
    test("injected.hostile-nonsense", Tier::Plain, 20, |context| hostile(context, "nonsense", &["Silent"]))
        .sleepy(),
    test("injected.hostile-mute", Tier::Plain, 70, |context| hostile(context, "mute", &["NotUp"])).sleepy(),
    test("injected.hostile-dead", Tier::Plain, 20, |context| hostile(context, "dead", &["NotUp"])).sleepy(),
    test("injected.hostile-deaf", Tier::Plain, 20, |context| hostile(context, "deaf", &["Silent"])).sleepy(),
    test("injected.hostile-spin", Tier::Plain, 20, |context| hostile(context, "spin", &["Hung", "Silent"])),
    test("injected.hostile-record", Tier::Plain, 20, |context| hostile(context, "record", &["Silent"]))
        .sleepy(),
];

/// Faults in a driver: in a quick run, in any other, in a long one; and at most in one boot.
const FEW: u64 = 4;
const MANY: u64 = 20;
const MOST: u64 = 10_000;
const A_BOOT: u64 = 500;
/// Tests that share the faults of a slow driver, in a long run.
const PARTS: u64 = 5;
/// Boots at once, in a long run, of a guest that sleeps most of the time, and of one that does not.
const SLEEPERS: usize = 4;
const WORKERS: usize = 2;

/// Each fault says something, and is over long before that.
const SILENCE: Duration = Duration::from_secs(5 * 60);
/// Of a boot's faults so many may make the emulator hang: QEMU 7.2 waits for itself when a disk on IDE is reset twice before it has come to the first of them, with a request under way. Another one goes on behind it.
const MOST_STUCK: usize = 5;

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

/// Seeds of a test in a long run.
type Part = RangeInclusive<u64>;

const fn part(number: u64) -> Part {
    MOST * (number - 1) / PARTS + 1..=MOST * number / PARTS
}

fn virtio_net(context: &Context<'_>, further: &'static str) -> anyhow::Result<()> {
    let spec = Spec { nic: Nic::VirtioNet, ..spec(context) };
    Trials { spec, disk: Disk::None, what: "net0 virtio-net-faulty", further }.run(context, 1..=MOST, 1)
}

fn virtio_blk(context: &Context<'_>) -> anyhow::Result<()> {
    let spec = spec(context);
    Trials { spec, disk: Disk::Virtio, what: "blk0 virtio-blk-faulty", further: "" }.run(context, 1..=MOST, 1)
}

fn e1000(context: &Context<'_>, number: u64) -> anyhow::Result<()> {
    let spec = Spec { nic: Nic::E1000, ..spec(context) };
    let trials = Trials { spec, disk: Disk::None, what: "net0 e1000-faulty", further: "" };
    // This card hears nothing for a second after each reset, and a trial resets it twice.
    trials.run(context, part(number), at_once(context, SLEEPERS))
}

fn ata(context: &Context<'_>, number: u64) -> anyhow::Result<()> {
    let spec = Spec { chipset: Chipset::Pc, ..spec(context) };
    let trials = Trials { spec, disk: Disk::Ata, what: "ata0 ata-faulty", further: "" };
    trials.run(context, part(number), at_once(context, WORKERS))
}

fn at_once(context: &Context<'_>, most: usize) -> usize {
    if context.effort == Effort::Long { most } else { 1 }
}

/// What the faults are put into.
struct Trials {
    spec: Spec,
    disk: Disk,
    /// The device, and a driver for it that is made faulty.
    what: &'static str,
    further: &'static str,
}

/// Seeds of one boot, and on how many CPUs.
struct Seeds {
    cpus: u32,
    first: u64,
    last: u64,
}

impl Trials {
    /// The seeds of `part` in a long run, and fewer in others; half of them on one CPU, with a clock of instructions where that can be, so that a failure
    /// can be had again, half of them on two.
    fn run(&self, context: &Context<'_>, part: Part, at_once: usize) -> anyhow::Result<()> {
        let before = part.start() - 1;
        let faults = match context.effort {
            Effort::Quick => FEW,
            Effort::Plain => MANY,
            Effort::Long => part.end() - before,
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
                let seeds = Seeds { cpus: 1 + (boot % 2) as u32, first: before + first, last: before + last };
                failures.extend(self.one_boot(context, &seeds).err());
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

    /// All seeds of one boot. Behind one over which the emulator hangs it is another boot.
    fn one_boot(&self, context: &Context<'_>, seeds: &Seeds) -> anyhow::Result<()> {
        let mut first = seeds.first;
        for _ in 0..=MOST_STUCK {
            match self.some_of(context, &Seeds { first, ..*seeds })? {
                Some(stuck) if stuck < seeds.last => first = stuck + 1,
                _ => return Ok(()),
            }
        }
        anyhow::bail!("the emulator hangs again and again, last before seed {first}")
    }

    /// Seeds of one boot: nothing, or over which of them the emulator hangs.
    fn some_of(
        &self,
        context: &Context<'_>,
        &Seeds { cpus, first, last }: &Seeds,
    ) -> anyhow::Result<Option<u64>> {
        let Self { spec, disk, what, further } = self;
        // A clock of instructions skips what a disk takes, so that its client would lose its patience.
        let accel = if cpus == 1 && *disk == Disk::None { Accel::Icount } else { Accel::Tcg };
        let file = |ending: &str| context.folder.join(format!("seeds-{first}-{last}.{ending}"));
        let spec = Spec { cpus, accel, log: Some(file("log")), ..spec.clone() };
        let mut spec = disk.put(spec, &file("disk"))?;
        spec.limits.silence = SILENCE;
        spec.limits.total = Some(Duration::from_secs(2 * 60 * 60));
        let seen = guest::run(&spec, &format!("fault-trials {what} {first}..{last}{further}"))?;
        let printed = seen.printed();
        std::fs::write(file("txt"), printed.as_bytes())?;
        if matches!(seen.result.ending, Ending::Stuck { .. }) {
            let strikes = seen.console().rsplit(": strikes, seed ").next();
            let seed = strikes.and_then(|rest| rest.split(':').next()?.parse().ok());
            return seed.map(Some).with_context(|| format!("it hangs before the first fault: {printed}"));
        }
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
        Ok(None)
    }
}

/// A driver that means harm, in one way, some times: everybody else goes on, somebody ends it as one of `ends` says, and the log says which it was.
fn hostile(context: &Context<'_>, how: &str, ends: &[&str]) -> anyhow::Result<()> {
    // Its interrupts come by a line, which it can hold.
    let nic = if how == "storm" { Nic::E1000 } else { Nic::VirtioNet };
    // Accounts are compared after some. One that never comes up costs ten seconds each time.
    // And one that is dead at once is a race.
    let (machines, times) = match how {
        "mute" => (2..=2, 6),
        "dead" => (2..=2, 100),
        _ => (1..=2, 5),
    };
    for cpus in machines {
        let log = Some(context.folder.join(format!("cpus-{cpus}.log")));
        let spec = Spec { cpus, nic, log, ..spec(context) };
        let seen =
            guest::run(&spec, &format!("fault-trials net0 hostile-driver {}", vec![how; times].join(",")))?;
        let printed = seen.printed();
        let ending = &seen.result.ending;
        ensure!(*ending == Ending::Exited { status: 0 }, "{cpus} CPUs: {ending:?}: {printed}");
        let noticed = printed.lines().filter(|line| ends.iter().any(|end| line.ends_with(end))).count();
        ensure!(noticed == times, "{cpus} CPUs: it did not end so each time: {printed}");
        let named = seen.console().matches("net0: hostile-driver (process ").count();
        ensure!(named >= times, "{cpus} CPUs: the log does not name it");
    }
    Ok(())
}
