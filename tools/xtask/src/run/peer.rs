//! `cargo xtask run --peer`: the guest, and beside it the rest of its network.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anax_vm::{Console, ControlLine, Datagrams, Event, Machine, Spec};
use system_tests::peer::{Continue, Peer, Plan, Report};

use super::options::Args;
use crate::peer::conclude;

/// How often it is looked whether the peer is done.
const LOOK: Duration = Duration::from_millis(50);

/// Boots, sends frames, and judges: the guest's commands, if there are any, and then the frames.
pub(super) fn run(args: &Args, base: Spec, frames: u64) -> anyhow::Result<ExitCode> {
    let peer = Peer::bind(0)?;
    let ports = Datagrams::to_peer(peer.port())?;
    let spec = args.spec(base, Some(ports))?;
    let (input, stop) = (args.input()?, AtomicBool::new(false));
    let (status, report) = thread::scope(|scope| {
        let frames = scope.spawn(|| {
            peer.run(ports.guest, &Plan::new(frames), |_| {
                if stop.load(Ordering::Relaxed) { Continue::Stop } else { Continue::Go }
            })
        });
        let status = match &args.exec {
            Some(commands) => super::exec(&spec, commands, &input),
            None => until_done(&spec, || frames.is_finished()).map(|()| ExitCode::SUCCESS),
        };
        stop.store(true, Ordering::Relaxed);
        let report = frames.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the peer panicked")));
        (status, report)
    });
    let status = status?;
    if status != ExitCode::SUCCESS {
        return Ok(status);
    }
    let report: Report = report?;
    let judged = if args.lossy { report.expect_whole() } else { report.expect_perfect() };
    Ok(conclude(&report, judged))
}

/// The machine runs, its console on standard error, until the peer is done or the machine has ended.
fn until_done(spec: &Spec, done: impl Fn() -> bool) -> anyhow::Result<()> {
    let spec = Spec { console: Console::Stderr, control: ControlLine::Unused, ..spec.clone() };
    let mut machine = Machine::start(&spec)?;
    while !done() {
        if let Some(Event::Ended { .. }) = machine.next_event(LOOK) {
            eprintln!("xtask: the guest has ended");
            break;
        }
    }
    Ok(())
}
