//! A guest behind a TAP, counted from outside: no marker is needed, so any system can be measured.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Accel, BENCH_CPU, Ending, Machine, Net, Nic, Plugin, Spec};
use anyhow::{Context as _, anyhow, ensure};
use count_format::Counts;
use netpeer::Target;
use netpeer::network::{self, Dhcp, DhcpServer};
use system_tests::{Context, guest};

pub(super) const TAP: &str = "guest";
const HOST: &str = "10.0.0.1/24";
pub(super) const GUEST: &str = "10.0.0.2";
/// A port at which the guest's command line waits before it goes on.
const GO_ON: u16 = 9;
/// It boots, gets its address and starts its services, and the host may be busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
const GO_ON_PATIENCE: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(10 * 60);
/// After an exercise: what is still being done for it is over.
const SETTLE: Duration = Duration::from_millis(60);

/// Whether the guest's card does for it what cards can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offload {
    /// Long segments and sums are the card's business.
    All,
    /// Frames as on a wire.
    None,
}

/// A machine to measure.
#[derive(Clone, Debug)]
pub(super) struct Kind<'a> {
    /// Its files' names.
    pub(super) log: &'a str,
    pub(super) cpus: u32,
    pub(super) offload: Offload,
    /// More words for the plugin.
    pub(super) plugin: &'a [String],
    /// The archive, if it is not the usual one of network tests.
    pub(super) archive: Option<&'a Path>,
}

/// A guest that runs, as its judge sees it.
pub(super) struct Guest {
    pub(super) target: Target,
    /// Where the plugin tells what it has counted.
    pub(super) socket: PathBuf,
}

/// What was counted, and what went over the TAP.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) counts: Counts,
    pub(super) frames: Frames,
    pub(super) took: Duration,
}

/// Frames of the TAP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Frames {
    pub(super) to_guest: u64,
    pub(super) from_guest: u64,
}

impl Guest {
    pub(super) fn new(socket: PathBuf) -> anyhow::Result<Self> {
        Ok(Self { target: Target::new(GUEST.parse()?), socket })
    }

    /// What has been counted so far.
    pub(super) fn counts(&self) -> anyhow::Result<Counts> {
        count_format::ask(&self.socket).context("the counting plugin")
    }

    /// Does something, and says what was counted over it.
    pub(super) fn over(&self, work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Seen> {
        let (counts, frames, begin) = (self.counts()?, Frames::so_far()?, Instant::now());
        work()?;
        thread::sleep(SETTLE);
        let (after, frames_after, took) = (self.counts()?, Frames::so_far()?, begin.elapsed());
        let frames = Frames {
            to_guest: frames_after.to_guest - frames.to_guest,
            from_guest: frames_after.from_guest - frames.from_guest,
        };
        Ok(Seen { counts: after - counts, frames, took })
    }

    /// Lets the guest's command line go on behind its next `nc`.
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        let (to, begin) = (SocketAddr::new(self.target.address, GO_ON), Instant::now());
        loop {
            match TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
                Ok(_) => return Ok(()),
                // The step before it is not done yet.
                Err(_) if begin.elapsed() < GO_ON_PATIENCE => thread::sleep(Duration::from_millis(50)),
                Err(error) => return Err(error).context("the guest does not answer"),
            }
        }
    }
}

impl Frames {
    /// Those that have gone over the TAP of the calling thread's network.
    fn so_far() -> anyhow::Result<Self> {
        let all = fs::read_to_string("/proc/thread-self/net/dev").context("the TAP's counters")?;
        Self::parse(&all).context("the TAP has no counters")
    }

    /// The kernel's table: behind a name 8 numbers of what was received, here from the guest, and 8 of what was sent.
    fn parse(table: &str) -> Option<Self> {
        let line = table.lines().find_map(|line| line.trim_start().strip_prefix(TAP)?.strip_prefix(':'))?;
        let numbers: Vec<u64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
        Some(Self { from_guest: *numbers.get(1)?, to_guest: *numbers.get(9)? })
    }
}

/// Plugs the cable in whose other end a guest may have.
pub(super) fn plug() -> anyhow::Result<()> {
    network::plug(TAP, &[HOST])
}

/// Boots a guest in a network of its own, and measures. Between the steps of `commands`, each an `nc -l 9`, it waits until it is told to go on. What was
/// measured, and what the commands printed.
pub(super) fn within<T: Send>(
    context: &Context<'_>,
    kind: &Kind<'_>,
    commands: &str,
    measure: impl FnOnce(&Guest) -> anyhow::Result<T> + Send,
) -> anyhow::Result<(T, String)> {
    network::within(|| {
        plug()?;
        let _dhcp = DhcpServer::start(Dhcp::of_host())?;
        beside(context, kind, commands, measure)
    })
}

/// The same in the calling thread's network, in which a cable and addresses are.
pub(super) fn beside<T: Send>(
    context: &Context<'_>,
    kind: &Kind<'_>,
    commands: &str,
    measure: impl FnOnce(&Guest) -> anyhow::Result<T> + Send,
) -> anyhow::Result<(T, String)> {
    let sockets = tempfile::Builder::new().prefix("anax-").tempdir()?;
    let guest = Guest::new(sockets.path().join("counts"))?;
    let mut machine = Machine::start(&spec(context, kind, &guest.socket))?;
    let commands = format!("ip wait && {commands} nc -l {GO_ON} ; netstat ; drvctl info net0 ; ps");
    let (measured, after) = thread::scope(|scope| {
        let running = scope.spawn(move || machine.exec(&commands, &mut |_| {}));
        let measured = guest.target.wait_until_up(PATIENCE).and_then(|_| measure(&guest));
        // Whatever it waits for.
        while !running.is_finished() && guest.go_on().is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
        (measured, running.join())
    });
    let after = after.map_err(|_| anyhow!("the guest's thread panicked"))?;
    let told = String::from_utf8_lossy(&after.out).into_owned();
    fs::write(context.folder.join(format!("{}-told.txt", kind.log)), &told)?;
    let measured = measured.with_context(|| format!("{}: afterwards: {told}", kind.log))?;
    ensure!(after.ending == Ending::Exited { status: 0 }, "{}: {:?}: {told}", kind.log, after.ending);
    Ok((measured, told))
}

fn spec(context: &Context<'_>, kind: &Kind<'_>, socket: &Path) -> Spec {
    let out = context.folder.join(format!("{}-counts", kind.log));
    let mut args = vec![format!("out={}", out.display()), format!("ask={}", socket.display())];
    args.extend_from_slice(kind.plugin);
    let net = match kind.offload {
        Offload::All => Net::Tap(TAP.to_owned()),
        Offload::None => Net::BareTap(TAP.to_owned()),
    };
    let mut spec = Spec {
        cpus: kind.cpus,
        memory_mib: 512,
        cpu: Some(BENCH_CPU.to_owned()),
        accel: Accel::Tcg,
        nic: Nic::VirtioNet,
        net,
        archive: kind.archive.unwrap_or(&context.artefacts.network_archive).to_owned(),
        plugins: vec![Plugin { path: context.artefacts.plugin.clone(), args }],
        ..guest::user_spec(context, kind.log)
    };
    spec.limits.silence = LONGEST;
    spec.limits.total = Some(LONGEST);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_the_tap() {
        let table = "Inter-|   Receive  |  Transmit\n face |bytes packets\n    lo:  1 2 0 0 0 0 0 0 3 4 0 0 0 0 0 0\n \
                     guest: 10 11 0 0 0 0 0 0 20 21 0 0 0 0 0 0\n";
        assert_eq!(Frames::parse(table), Some(Frames { to_guest: 21, from_guest: 11 }));
        assert_eq!(Frames::parse("guests: 1 2"), None);
        assert_eq!(Frames::parse("guest: 1 2"), None);
    }
}
