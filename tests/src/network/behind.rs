//! A guest with the network server behind a TAP, in a network of its own with all that lends addresses and knows names.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Datagrams, Ending, Machine, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, ensure};
use netpeer::network::{self, Dhcp, DhcpServer, Dns, DnsServer, HOST, Router, RouterServer, Tap};
use netpeer::relay::{Counts, Mischief, Relay, Side};

use crate::context::Context;
use crate::guest;

/// The TAP, and who the guest is behind it: by DHCP, and by its card's address below the router's prefix.
const TAP: &str = "guest";
pub(super) const GUESTS: [&str; 2] = ["10.0.0.2", "fd00::5054:ff:fe12:3456"];
/// Where the host is.
pub(super) const HOSTS: [&str; 2] = ["10.0.0.1", "fd00::1"];
/// A port of the guest at which it waits for the end.
pub(super) const END: u16 = 9;
/// The guest boots, gets its addresses, and starts its services, and the host is busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// No test takes so long, unless it says so.
const LONGEST: Duration = Duration::from_secs(5 * 60);

/// What is between guest and host.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Nothing.
    Cable,
    /// A relay that does this.
    Relay(Mischief),
}

/// Whether servers may have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// That would be a mistake.
    Stay,
    /// The test ends some.
    MayEnd,
}

/// A guest, and what happens to it.
#[derive(Debug)]
pub(super) struct Plan {
    /// Its machine; the network is put in.
    pub(super) spec: Spec,
    /// Command lines that it runs when it has addresses, each with what joins it to the next one.
    pub(super) commands: String,
    /// What is between it and the host.
    pub(super) way: Way,
    /// Whether its servers may end.
    pub(super) servers: Servers,
}

impl Plan {
    /// One that does nothing but offer its services.
    pub(super) fn new(context: &Context<'_>, nic: Nic, cpus: u32) -> Self {
        let archive = context.artefacts.network_archive.clone();
        let mut spec = Spec { cpus, memory_mib: 512, nic, archive, ..guest::user_spec(context, "boot") };
        spec.limits.silence = LONGEST;
        spec.limits.total = Some(LONGEST);
        Self { spec, commands: String::new(), way: Way::Cable, servers: Servers::Stay }
    }

    /// For a test that takes so long.
    pub(super) fn patient(mut self, longest: Duration) -> Self {
        self.spec.limits.silence = longest;
        self.spec.limits.total = Some(longest);
        self
    }
}

/// What there was to see.
#[derive(Debug)]
pub(super) struct Seen {
    /// All that the guest printed.
    pub(super) told: String,
    /// What became of the guest's frames, and of the host's, if there was a relay.
    pub(super) counts: Option<[Counts; 2]>,
}

/// Runs the guest, with the judge beside it in the same network, and then waits until the guest is done.
pub(super) fn with_guest(
    context: &Context<'_>,
    plan: Plan,
    judge: impl FnOnce() -> anyhow::Result<()> + Send,
) -> anyhow::Result<Seen> {
    network::within(|| {
        network::plug(TAP, &HOST)?;
        let _dhcp = DhcpServer::start(Dhcp::of_host())?;
        let _router = RouterServer::start(Router::of_host(), TAP)?;
        let names = HOSTS.iter().map(|address| Ok(("host.test".to_owned(), address.parse()?)));
        let _dns = DnsServer::start(Dns { names: names.collect::<anyhow::Result<_>>()? })?;
        let (net, relay) = join(plan.way)?;
        let spec = Spec { net, ..plan.spec };
        let cpus = spec.cpus;
        let mut machine = Machine::start(&spec)?;
        // The name is asked for when there has been an address for a while.
        let commands = format!(
            "ip wait && {} nc -l {END} ; nslookup host.test ; ip; netstat; drvctl history net0; ps",
            plan.commands
        );
        let (judged, after) = thread::scope(|scope| {
            let guest = scope.spawn(move || machine.exec(&commands, &mut |_| {}));
            let judged = judge();
            // The guest's command line goes on when somebody has called.
            // The step before that may not be over yet.
            let begin = Instant::now();
            while !guest.is_finished() && !GUESTS.iter().any(|address| call(address)) {
                if begin.elapsed() > PATIENCE {
                    eprintln!("the guest does not answer any more: its time-out ends it");
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
            (judged, guest.join())
        });
        let after = after.map_err(|_| anyhow!("the guest's thread panicked"))?;
        let told = String::from_utf8_lossy(&after.out).into_owned();
        std::fs::write(context.folder.join("told.txt"), &told)?;
        judged.with_context(|| format!("on {cpus} CPUs; afterwards: {told}"))?;
        ensure!(after.ending == Ending::Exited { status: 0 }, "afterwards: {:?}: {told}", after.ending);
        for address in HOSTS {
            ensure!(told.contains(&format!("host.test: {address}")), "the name was not found: {told}");
        }
        if plan.servers == Servers::Stay {
            ensure_that_servers_are_the_first(&told)?;
        }
        Ok(Seen { told, counts: relay.map(Relay::finish).transpose()? })
    })
}

fn ensure_that_servers_are_the_first(told: &str) -> anyhow::Result<()> {
    let restarted = told.lines().find(|line| {
        let words: Vec<_> = line.split_whitespace().collect();
        matches!(words[..], [_, "net" | "peerd", _, restarts, ..] if restarts != "0")
    });
    restarted.map_or(Ok(()), |line| Err(anyhow!("a server has died: {line}")))
}

/// What the emulator is plugged into, and the relay behind it.
fn join(way: Way) -> anyhow::Result<(Net, Option<Relay>)> {
    let Way::Relay(mischief) = way else { return Ok((Net::Tap(TAP.to_owned()), None)) };
    let guest = Datagrams::to_peer(0)?.guest;
    let side = Side::datagrams(0, guest)?;
    let peer = side.port().context("a relay without a port")?;
    let relay = Relay::start([side, Side::Tap(Tap::open(TAP)?)], mischief, None)?;
    Ok((Net::Datagrams(Datagrams { guest, peer }), Some(relay)))
}

/// Ends what waits for a call in the guest. Frames may be lost on the way.
pub(super) fn call(address: &str) -> bool {
    call_at(address, END)
}

/// The same at another port.
pub(super) fn call_at(address: &str, port: u16) -> bool {
    let to = address.parse().map(|address| SocketAddr::new(address, port));
    to.is_ok_and(|to| TcpStream::connect_timeout(&to, Duration::from_secs(10)).is_ok())
}
