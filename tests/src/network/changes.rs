//! Drivers are changed under 64 streams both ways: by plan, killed, and by a fault of theirs. Connections live on, no byte is wrong, and what is planned
//! costs nobody a retransmission time-out.

use std::fmt::{self, Write as _};
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use anax_vm::Nic;
use anyhow::{Context as _, anyhow, bail, ensure};
use netpeer::Target;
use netpeer::capture::{self, Captured, Endpoint, Flow, Listener};
use netpeer::client::{self, Bulk, Moved};
use netpeer::network::counted;

use super::behind::{END, GUESTS, HOSTS, PATIENCE, Plan, call, with_guest};
use super::guests::test;
use crate::context::{Context, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.guest-under-changes", Tier::Plain, 20, |context| {
        under_changes(context, Nic::VirtioNet, &["virtio-net-polling", "virtio-net"])
    }),
    test("network.guest-under-changes-e1000", Tier::Long, 20, |context| {
        under_changes(context, Nic::E1000, &["e1000", "e1000"])
    }),
    test("network.guest-planned-changes", Tier::Plain, 15, |context| {
        planned(context, Nic::VirtioNet, &["virtio-net-polling", "virtio-net"])
    }),
    test("network.guest-planned-changes-e1000", Tier::Plain, 15, |context| {
        planned(context, Nic::E1000, &["e1000"])
    }),
];

/// How long the streams go on at least.
const STREAMS: Duration = Duration::from_secs(8);
/// Planned changes, at least ten.
const PLANNED: u32 = 100;
/// Changes of one guest: a command line has no room for more.
const A_BOOT: u64 = 10;
/// Runs at most until one is without a time-out.
const RUNS: u32 = 3;
/// Marks have so many bytes and more.
const MARK: usize = 200;

/// By plan, killed, and by a fault.
fn under_changes(context: &Context<'_>, nic: Nic, drivers: &[&str; 2]) -> anyhow::Result<()> {
    let [other, last] = drivers;
    let swaps = format!("drvctl swap net0 {other} && drvctl swap net0 {last}");
    let swaps = vec![swaps; 3].join(" && ");
    let fault = format!("mishaps {last} 1 fault");
    let commands = format!(
        "nc -l {END} ; {swaps} && drvctl kill net0 && ip wait && {fault} && ip wait && {swaps} && drvctl kill net0 && \
         ip wait && {fault} && echo all changes are made ;"
    );
    let told = with_guest(context, Plan { commands, ..Plan::new(context, nic, 2) }, streams)?.told;
    ensure!(told.contains("\nall changes are made"), "not all changes were made: {told}");
    Ok(())
}

/// Whether some run is without a time-out. The least time-out is 200 ms of the host's clock, which the host can spend elsewhere: what the driver
/// or the server does wrong happens in every run, what the host does not.
fn planned(context: &Context<'_>, nic: Nic, drivers: &[&str]) -> anyhow::Result<()> {
    let boots = u64::from(context.effort.repetitions(PLANNED)).div_ceil(A_BOOT);
    (0..boots).try_for_each(|_| planned_in_one(context, nic, drivers))
}

/// The same of one guest.
fn planned_in_one(context: &Context<'_>, nic: Nic, drivers: &[&str]) -> anyhow::Result<()> {
    let mut told = String::new();
    for run in 1..=RUNS {
        let seen = planned_once(context, nic, drivers)?;
        if seen.time_outs.is_empty() {
            return Ok(());
        }
        write!(told, "\nrun {run}: {seen}")?;
    }
    bail!("time-outs at changes in each of {RUNS} runs:{told}");
}

/// Time-outs of both ends are looked for in what has passed between them, beside marks before and behind each change.
fn planned_once(context: &Context<'_>, nic: Nic, drivers: &[&str]) -> anyhow::Result<Changes> {
    let changes = A_BOOT as usize;
    let mut commands = format!("nc -l {END} ; ");
    for (change, driver) in (0..changes).zip(drivers.iter().cycle()) {
        let ([before, behind], host) = (marks(change), HOSTS[0]);
        write!(
            commands,
            "ping -c 1 -s {before} {host} ; drvctl swap net0 {driver} ; ping -c 1 -s {behind} {host} ; "
        )?;
    }
    let frames = context.folder.join("frames.pcap");
    let mut of_the_host = 0;
    let told = with_guest(context, Plan { commands, ..Plan::new(context, nic, 2) }, || {
        let listener = Listener::start(&frames)?;
        streams()?;
        of_the_host = counted("TcpExt", "TCPTimeouts")?;
        listener.finish()
    })?;
    ensure!(
        told.told.matches("net0: swapped").count() == changes,
        "not all changes were made: {}",
        told.told
    );
    let captured = capture::read(&frames)?;
    let mut seen = Changes::find(&captured, changes)?;
    if of_the_host == 0 {
        // What looks like it is a probe of the kernel's for a lost end (RFC 8985, section 7): its own count says so.
        let host: Ipv4Addr = HOSTS[0].split('/').next().unwrap_or_default().parse()?;
        seen.time_outs.retain(|(from, ..)| from.address != host);
    }
    eprintln!("{nic:?}: {seen}; the host's kernel counts {of_the_host} time-outs");
    if seen.time_outs.is_empty() {
        // What was good needs no record.
        std::fs::remove_file(&frames)?;
    }
    Ok(seen)
}

const fn marks(change: usize) -> [usize; 2] {
    [MARK + 2 * change, MARK + 2 * change + 1]
}

/// What a capture says of planned changes.
struct Changes {
    /// How many happened while streams went on.
    under_streams: usize,
    /// Their longest, from mark to mark.
    longest: Duration,
    /// Whose retransmissions came after silences that such changes fell into, when, and how long it had been silent.
    time_outs: Vec<(Endpoint, Duration, Duration)>,
    /// All others.
    others: usize,
    /// Segments that were sent again.
    again: u64,
}

impl Changes {
    fn find(captured: &[Captured], changes: usize) -> anyhow::Result<Self> {
        let guest: Ipv4Addr = GUESTS[0].parse()?;
        let mark = |length| {
            capture::mark(captured, guest, length).with_context(|| format!("no mark of {length} bytes"))
        };
        let all = (0..changes).map(|change| {
            let [before, behind] = marks(change);
            Ok((mark(before)?, mark(behind)?))
        });
        let all: Vec<(Duration, Duration)> = all.collect::<anyhow::Result<_>>()?;
        let analysis = capture::analyse(captured);
        let mut time_outs = Vec::new();
        let mut others = 0;
        for flow in &analysis.flows {
            for &(at, silence) in &flow.time_outs {
                let is_between =
                    all.iter().any(|(before, behind)| *before < at && at.saturating_sub(silence) < *behind);
                if is_between {
                    time_outs.push((flow.from, at, silence));
                } else {
                    others += 1;
                }
            }
        }
        let end = analysis.flows.iter().filter_map(Flow::last).max().unwrap_or_default();
        let longest =
            all.iter().map(|(before, behind)| behind.saturating_sub(*before)).max().unwrap_or_default();
        let under_streams = all.iter().filter(|(_, behind)| *behind < end).count();
        Ok(Self { under_streams, longest, time_outs, others, again: analysis.again() })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { under_streams, longest, time_outs, others, again } = self;
        write!(
            f,
            "{under_streams} planned changes under streams, each within {longest:.3?}; {again} segments sent again; {} \
             time-outs at changes, {others} others",
            time_outs.len()
        )?;
        time_outs.iter().try_for_each(|(from, at, silence)| {
            write!(f, "\n  {from} at {:.6} s after {:.3} s", at.as_secs_f64(), silence.as_secs_f64())
        })
    }
}

/// 64 streams both ways; when they are under way, the guest's commands begin.
fn streams() -> anyhow::Result<()> {
    let target = Target::new(GUESTS[0].parse()?);
    target.wait_until_up(PATIENCE)?;
    let plan = Bulk { at_least: STREAMS, ..Bulk::new(64, 400_000, 400_000) };
    let (verdict, called) = thread::scope(|scope| {
        let streams = scope.spawn(|| client::bulk(&target, &plan, &Moved::default()));
        // The streams are under way when the changes begin.
        thread::sleep(Duration::from_secs(1));
        let called = call(GUESTS[0]);
        (streams.join(), called)
    });
    let seen = verdict.map_err(|_| anyhow!("the streams panicked"))?.expect_good()?;
    eprintln!("64 streams under changes: {seen}");
    ensure!(called, "the guest did not answer");
    Ok(())
}
