//! The web server with files from a disk, through the VFS server and FAT, while the drivers of card and disk are replaced under load: what `cargo xtask demo` shows.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::Nic;
use anyhow::{Context as _, anyhow, ensure};
use netpeer::client::{self, Load, Reuse, Seen, Until};
use netpeer::{Ports, Target};

use super::behind::{END, GUESTS, PATIENCE, Plan, call_at, with_guest};
use super::guests::test;
use crate::context::{Context, SystemTest, Tier};
use crate::disk_image::{Files, SIGN};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("web.disk-under-swaps", Tier::Plain, 40, |context| under_swaps(context, Nic::VirtioNet)),
    test("web.disk-under-swaps-e1000", Tier::Plain, 40, |context| under_swaps(context, Nic::E1000)),
];

const PORT: u16 = 80;
/// Where the shell waits after the swaps.
const SWAPPED: u16 = 10;
/// And then, since what it has started ends with it, until nobody asks any more.
const DONE: u16 = 11;
const FILES: Files = Files { count: 60, bytes: 8 << 20, largest: 2 << 20, seed: 60 };
/// Swaps of each device's driver: two in a round.
const SWAPS: u32 = 6;
const CONNECTIONS: usize = 16;

fn under_swaps(context: &Context<'_>, nic: Nic) -> anyhow::Result<()> {
    let image = std::path::absolute(context.folder.join("disk"))?;
    let pages = FILES.image(&image)?;
    let rounds: String = (0..SWAPS / 2).map(|round| format!(" {round}")).collect();
    let (other, usual) = drivers(nic);
    let script = format!(
        "mkdir -p /srv; mount fat blk0 /srv && [ -e /srv/{SIGN} ] || exit 1; \
         httpd /srv & nc -l {END}; for round in{rounds}; do \
         drvctl swap net0 {other} && drvctl swap blk0 virtio-blk && \
         drvctl swap net0 {usual} && drvctl swap blk0 virtio-blk || exit 1; done; \
         echo all are swapped; nc -l {SWAPPED}; nc -l {DONE}"
    );
    let mut plan = Plan { commands: format!("sh -c '{script}' ;"), ..Plan::new(context, nic, 2) };
    plan.spec.disk = Some(image.clone());
    let told = with_guest(context, plan, || {
        let ports = Ports { close: PORT, ..Ports::STANDARD };
        let target = Target { ports, ..Target::new(GUESTS[0].parse()?) };
        target.wait_until_up(PATIENCE)?;
        let until = Until::Requests(pages.len() as u64);
        let once = Load { port: PORT, pages: pages.clone(), connections: 2, reuse: Reuse::Stay, until };
        client::http(&target, &once, &Seen::default()).expect_good().context("each file once")?;
        // Until the last swap: who waits behind it says so, and then it is enough.
        let seen = Seen::default();
        let until = Until::Time(PATIENCE);
        let load = Load { connections: CONNECTIONS, until, ..once };
        let verdict = thread::scope(|scope| {
            let running = scope.spawn(|| client::http(&target, &load, &seen));
            while seen.requests.load(Ordering::Relaxed) < 100 && !running.is_finished() {
                thread::sleep(Duration::from_millis(20));
            }
            // Now they begin.
            let is_begun = is_called(END);
            let begin = Instant::now();
            let mut is_over = false;
            while is_begun && !is_over && begin.elapsed() < PATIENCE && !running.is_finished() {
                is_over = call_at(GUESTS[0], SWAPPED);
                thread::sleep(Duration::from_millis(100));
            }
            seen.stop.store(true, Ordering::Relaxed);
            let verdict = running.join().map_err(|_| anyhow!("the client panicked"))?;
            eprintln!("under {SWAPS} swaps of each driver: {verdict}");
            let verdict = verdict.expect_good();
            ensure!(!is_over || is_called(DONE), "the guest's shell does not end");
            ensure!(is_begun, "the guest does not answer");
            ensure!(is_over || verdict.is_err(), "the swaps do not end");
            verdict
        })?;
        ensure!(verdict.figure("requests") > Some(100.0), "there was no load: {verdict}");
        Ok(())
    })?
    .told;
    ensure!(told.contains("all are swapped"), "not all was swapped: {told}");
    std::fs::remove_file(&image)?;
    Ok(())
}

/// The card's drivers that take turns.
const fn drivers(nic: Nic) -> (&'static str, &'static str) {
    match nic {
        Nic::E1000 => ("e1000", "e1000"),
        Nic::VirtioNet | Nic::None => ("virtio-net-polling", "virtio-net"),
    }
}

/// The shell may go on. It listens a little after what came before.
fn is_called(port: u16) -> bool {
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if call_at(GUESTS[0], port) {
            return true;
        }
        thread::sleep(Duration::from_millis(100));
    }
    false
}
