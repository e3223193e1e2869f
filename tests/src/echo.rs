//! The first milestone: raw frames through a driver in user mode to a client on another CPU and back, while the driver is killed.
//!
//! What is promised (docs/frames.md): a frame that the client was given is sent, in order, whatever becomes of drivers; one that
//! a driver died of may be on the wire twice, and one that it had not delivered is gone.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anax_vm::{Datagrams, Net, Nic, Spec};
use anyhow::{Context as _, ensure};

use crate::context::{Context, Effort, SystemTest, Tier};
use crate::guest::{self, Seen};
use crate::peer::{Continue, Peer, Plan, Report};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        name: "echo.undisturbed",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(8),
        run: undisturbed,
    },
    SystemTest {
        name: "echo.driver-killed",
        tier: Tier::Quick,
        needs: &[],
        processors: 2,
        estimate: Duration::from_secs(15),
        run: driver_killed,
    },
];

/// Frames under way, and so the most that a driver takes with it, beside what the card then drops.
const WINDOW: usize = 32;
/// Frames that the supervisor lets a driver live for, at least.
const LIFE: u64 = 200;

fn undisturbed(context: &Context<'_>) -> anyhow::Result<()> {
    let (_, report) = echo(context, 0, 2000)?;
    report.expect_perfect()
}

fn driver_killed(context: &Context<'_>) -> anyhow::Result<()> {
    let restarts = if context.effort == Effort::Long { 200 } else { 10 };
    // A driver lives longer than that: its supervisor looks once a millisecond.
    let (seen, report) = echo(context, restarts, restarts * LIFE * 10)?;
    report.expect_whole()?;
    let told = seen.console_line_with(" restarts, ").context("the supervisor tells of no restarts")?;
    let [counted, received, _, resent] = numbers(told)?;
    ensure!(counted == restarts, "{counted} restarts instead of {restarts}");
    ensure!(received >= restarts * LIFE, "the traffic ended before the driver's lives: {told}");
    ensure!(report.reordered == 0, "out of order: {report}");
    ensure!(report.lost <= restarts * WINDOW as u64, "more lost than were under way at the kills: {report}");
    ensure!(report.duplicates <= resent, "repeated without a reason: {report}; {told}");
    // What the client was given came back, all of it; the calls are its, too.
    ensure!(report.echoed <= received, "more came back than the client saw: {report}; {told}");
    ensure!(report.sent == report.echoed + report.lost, "the books are wrong: {report}");
    Ok(())
}

/// Restarts, frames received, sent, sent again: the first numbers of the supervisor's last line, behind its time.
fn numbers(line: &str) -> anyhow::Result<[u64; 4]> {
    let (_, text) = line.split_once("] ").context("a line of the log has a time")?;
    let numbers = text.split(", ").filter_map(|part| part.split(' ').next()?.parse().ok());
    numbers.take(4).collect::<Vec<u64>>().try_into().map_err(|_| anyhow::anyhow!("'{line}'"))
}

/// Frames to the guest and back, while its driver is killed so many times.
fn echo(context: &Context<'_>, restarts: u64, frames: u64) -> anyhow::Result<(Seen, Report)> {
    let peer = Peer::bind(0)?;
    let ports = Datagrams::to_peer(peer.port())?;
    let spec =
        Spec { cpus: 2, nic: Nic::VirtioNet, net: Net::Datagrams(ports), ..guest::spec(context, "boot") };
    let plan = Plan { window: WINDOW, ..Plan::new(frames) };
    let ended = AtomicBool::new(false);
    let (seen, report) = thread::scope(|scope| {
        let traffic = scope.spawn(|| {
            peer.run(ports.guest, &plan, |_| {
                if ended.load(Ordering::Relaxed) { Continue::Stop } else { Continue::Go }
            })
        });
        let seen = guest::run(&spec, &format!("program echo-demo {restarts}"));
        ended.store(true, Ordering::Relaxed);
        (seen, traffic.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the peer panicked"))))
    });
    let (seen, report) = (seen?, report?);
    guest::check_cpus(&seen, 2)?;
    ensure!(seen.console_line_with("driver on CPU 0, client on CPU 1").is_some(), "not on two CPUs");
    seen.expect_success("").with_context(|| report.to_string())?;
    ensure!(report.sent == frames, "the guest ended before the traffic: {report}");
    Ok((seen, report))
}
