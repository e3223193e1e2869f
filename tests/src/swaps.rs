//! Drivers that are replaced, and servers that die, while clients go on: in the running system, as a person would do it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anax_vm::{Boot, Chipset, Datagrams, Emulator, Ending, Limits, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, ensure};

use crate::context::{Context, Need, SystemTest, Tier};
use crate::guest;
use crate::peer::{Continue, Peer, Plan};
use crate::wire::Wire;

const fn test(name: &'static str, seconds: u64, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest {
        name,
        tier: Tier::Plain,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(seconds),
        run,
    }
}

const fn on_bochs(name: &'static str, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    SystemTest { needs: &[Need::Bochs, Need::Grub], processors: 1, ..test(name, 60, run) }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("swaps.virtio-net", 30, |context| net(context, Nic::VirtioNet, "virtio-net-polling virtio-net")),
    test("swaps.e1000", 30, |context| net(context, Nic::E1000, "e1000")),
    test("swaps.virtio-blk", 30, virtio_blk),
    test("swaps.ata", 30, ata),
    test("swaps.virtio-net-under-frames", 20, |context| {
        frames(context, Nic::VirtioNet, "virtio-net-polling virtio-net")
    }),
    test("swaps.e1000-under-frames", 20, |context| frames(context, Nic::E1000, "e1000")),
    test("swaps.virtio-net-under-offloads", 30, |context| {
        offloads(context, Nic::VirtioNet, "virtio-net-polling virtio-net")
    }),
    test("swaps.e1000-under-offloads", 30, |context| offloads(context, Nic::E1000, "e1000")),
    on_bochs("swaps.e1000-on-bochs", e1000_on_bochs),
    on_bochs("swaps.ata-on-bochs", ata_on_bochs),
    test("swaps.the-manager-may-die", 20, the_manager_may_die),
    test("swaps.a-driver-that-is-none-is-refused", 5, one_that_is_none_is_refused),
];

/// Planned changes of each driver in a long run, and in any other; and kills.
const MANY_CHANGES: u32 = 1000;
const CHANGES: u32 = 200;
const KILLS: u32 = 100;
/// On Bochs, which is slow.
const CHANGES_ON_BOCHS: u32 = 20;
const KILLS_ON_BOCHS: u32 = 6;

const DISK_BYTES: usize = 8 << 20;

fn spec(context: &Context<'_>, log: &str) -> Spec {
    Spec { cpus: 2, memory_mib: 256, nic: Nic::VirtioNet, ..guest::user_spec(context, log) }
}

/// Both ways of changing, a client under load each; all comes back once and in order, and nothing is lost over it.
fn cycles(context: &Context<'_>, spec: &Spec, device: &str, drivers: &str) -> anyhow::Result<()> {
    let changes = if context.effort.includes(Tier::Long) { MANY_CHANGES } else { CHANGES };
    so_often(spec, device, drivers, changes, context.effort.repetitions(KILLS))
}

fn so_often(spec: &Spec, device: &str, drivers: &str, changes: u32, kills: u32) -> anyhow::Result<()> {
    let commands = format!(
        "swap-cycle {device} {changes} swap load {drivers} && swap-cycle {device} {kills} kill load && drvctl info {device}"
    );
    let seen = guest::run(spec, &commands)?;
    let printed = seen.printed();
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    let planned = printed.lines().find(|line| line.starts_with("load: ")).context("no load")?;
    ensure!(planned.contains(", 0 new epochs, "), "a planned change is a new epoch: {planned}");
    let is_whole = printed.matches(" 0 failed, pause").count() == 2
        && printed.contains(&format!("{changes}  pci"))
        || printed.contains(&format!("{changes}  ports"));
    ensure!(is_whole, "not all changes are counted: {printed}");
    Ok(())
}

fn net(context: &Context<'_>, nic: Nic, drivers: &str) -> anyhow::Result<()> {
    cycles(context, &Spec { nic, ..spec(context, "boot") }, "net0", drivers)
}

fn virtio_blk(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    cycles(context, &Spec { disk: Some(disk), ..spec(context, "boot") }, "blk0", "virtio-blk")
}

fn ata(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    let drive = format!("file={},if=ide,format=raw", disk.display());
    let extra = vec![OsString::from("-drive"), drive.into()];
    cycles(context, &Spec { chipset: Chipset::Pc, extra, ..spec(context, "boot") }, "ata0", "ata")
}

fn bochs(context: &Context<'_>) -> Spec {
    let spec = spec(context, "boot");
    // Nothing is said while drivers are replaced.
    let (silence, total) = (Duration::from_secs(20 * 60), Some(Duration::from_secs(30 * 60)));
    let limits = Limits { silence, total, ..spec.limits };
    Spec { emulator: Emulator::Bochs, boot: Boot::Iso, cpus: 1, nic: Nic::E1000, limits, ..spec }
}

/// Another maker's idea of the card.
fn e1000_on_bochs(context: &Context<'_>) -> anyhow::Result<()> {
    so_often(&bochs(context), "net0", "e1000", CHANGES_ON_BOCHS, KILLS_ON_BOCHS)
}

/// And of the disk, whose channel is the second one: the CD is the first one's.
fn ata_on_bochs(context: &Context<'_>) -> anyhow::Result<()> {
    let disk = empty_disk(context.folder)?;
    so_often(&Spec { disk: Some(disk), ..bochs(context) }, "ata1", "ata", CHANGES_ON_BOCHS, KILLS_ON_BOCHS)
}

fn empty_disk(folder: &Path) -> anyhow::Result<PathBuf> {
    let path = std::path::absolute(folder.join("disk"))?;
    std::fs::write(&path, vec![0; DISK_BYTES]).with_context(|| path.display().to_string())?;
    Ok(path)
}

/// Frames to the guest, and back, while its driver is replaced: each comes back once.
fn frames(context: &Context<'_>, nic: Nic, drivers: &str) -> anyhow::Result<()> {
    const FRAMES: u64 = 2000;
    const CHANGES: u64 = 20;
    let peer = Peer::bind(0)?;
    let ports = Datagrams::to_peer(peer.port())?;
    let spec = Spec { nic, net: Net::Datagrams(ports), ..spec(context, "boot") };
    let plan = Plan { patience: Duration::from_secs(20), ..Plan::new(FRAMES) };
    let commands = format!("swap-cycle net0 {CHANGES} swap net-echo {drivers}");
    let (seen, report) = thread::scope(|scope| {
        let frames = scope.spawn(|| peer.run(ports.guest, &plan, |_| Continue::Go));
        let seen = guest::run(&spec, &commands);
        (seen, frames.join().unwrap_or_else(|_| Err(anyhow!("the peer panicked"))))
    });
    let seen = seen?;
    let printed = seen.printed();
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    report?.expect_perfect()
}

/// Packets that the card has to finish, while its driver is replaced: each comes once, right to the last checksum.
fn offloads(context: &Context<'_>, nic: Nic, drivers: &str) -> anyhow::Result<()> {
    const CHANGES: u16 = 20;
    // So many for each change.
    const PACKETS: u16 = 30 * CHANGES;
    // A thread of its own, which may leave the host's network.
    thread::scope(|scope| {
        let judged = scope.spawn(|| {
            let wire = Wire::new(nic)?;
            let spec =
                Spec { nic, net: wire.net.clone(), extra: wire.extra.clone(), ..spec(context, "boot") };
            let commands = format!("swap-cycle net0 {CHANGES} swap net-offload {drivers}");
            let (seen, report) = thread::scope(|scope| {
                let judge = || {
                    wire.peer.judge_packets(wire.guest, PACKETS, Duration::from_secs(60), |_| Continue::Go)
                };
                let report = scope.spawn(judge);
                let seen = guest::run(&spec, &commands);
                (seen, report.join().unwrap_or_else(|_| Err(anyhow!("the peer panicked"))))
            });
            let (seen, report) = (seen?, report?);
            let printed = seen.printed();
            let is_well = seen.result.ending == Ending::Exited { status: 0 };
            ensure!(is_well, "{:?}: {printed}", seen.result.ending);
            wire.expect(&report, &printed)
        });
        judged.join().unwrap_or_else(|_| Err(anyhow!("the test panicked")))
    })
}

/// The manager of devices dies again and again: the drivers that it has started go on, and its successor replaces them.
fn the_manager_may_die(context: &Context<'_>) -> anyhow::Result<()> {
    let times = usize::try_from(context.effort.repetitions(KILLS))?.min(8);
    // As many as a command line takes.
    let commands = "kill devmgr; sleep 0.05; drvctl swap net0 virtio-net-polling && kill devmgr; drvctl swap net0 virtio-net;"
        .repeat(times);
    let seen = guest::run(&spec(context, "boot"), &format!("{commands} drvctl list"))?;
    let printed = seen.printed();
    ensure!(seen.result.ending == Ending::Exited { status: 0 }, "{:?}: {printed}", seen.result.ending);
    let swapped = printed.matches("net0: swapped").count();
    ensure!(swapped == 2 * times, "{swapped} changes of {}: {printed}", 2 * times);
    Ok(())
}

fn one_that_is_none_is_refused(context: &Context<'_>) -> anyhow::Result<()> {
    let commands =
        "drvctl swap net0 hello; drvctl swap net0 e1000; drvctl swap net9 virtio-net; drvctl info net0";
    let seen = guest::run(&spec(context, "boot"), commands)?;
    let printed = seen.printed();
    ensure!(printed.matches("no such driver").count() == 2, "it is not refused: {printed}");
    ensure!(printed.contains("net0: refused: the old driver goes on"), "another card's driver: {printed}");
    ensure!(printed.contains("works      virtio-net "), "the driver does not go on: {printed}");
    Ok(())
}
