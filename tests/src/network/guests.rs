//! A guest with the network server, judged by the host's kernel: all exercises, over IPv4 and IPv6, behind a TAP.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anax_vm::{Ending, Machine, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, ensure};
use netpeer::Target;
use netpeer::network::{self, Dhcp, DhcpServer, Router, RouterServer};

use super::exercises::{self, Scale};
use crate::context::{Context, Need, SystemTest, Tier};
use crate::guest;

/// The TAP, and who the guest is behind it: by DHCP, and by its card's address below the router's prefix.
const TAP: &str = "guest";
const HOSTS: [&str; 2] = ["10.0.0.1/24", "fd00::1/64"];
const GUESTS: [&str; 2] = ["10.0.0.2", "fd00::5054:ff:fe12:3456"];
/// A port of the guest at which it waits for the end.
const END: u16 = 9;
/// The guest boots, gets its addresses, and starts its services, and the host is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// No test takes so long.
const LONGEST: Duration = Duration::from_secs(5 * 60);

const fn test(
    name: &'static str,
    tier: Tier,
    seconds: u64,
    run: fn(&Context<'_>) -> anyhow::Result<()>,
) -> SystemTest {
    let estimate = Duration::from_secs(seconds);
    SystemTest { name, tier, needs: &[Need::Taps], processors: 2, estimate, run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.guest-virtio-net-1", Tier::Quick, 10, |context| guest(context, Nic::VirtioNet, 1)),
    test("network.guest-virtio-net-2", Tier::Plain, 10, |context| guest(context, Nic::VirtioNet, 2)),
    test("network.guest-virtio-net-4", Tier::Plain, 20, |context| guest(context, Nic::VirtioNet, 4)),
    test("network.guest-e1000-1", Tier::Plain, 10, |context| guest(context, Nic::E1000, 1)),
    test("network.guest-e1000-2", Tier::Plain, 10, |context| guest(context, Nic::E1000, 2)),
];

fn guest(context: &Context<'_>, nic: Nic, cpus: u32) -> anyhow::Result<()> {
    network::within(|| {
        network::plug(TAP, &HOSTS)?;
        let _dhcp = DhcpServer::start(Dhcp::of_host())?;
        let _router = RouterServer::start(Router::of_host(), TAP)?;
        let archive = context.artefacts.network_archive.clone();
        let net = Net::Tap(TAP.to_owned());
        let mut spec = Spec { cpus, memory_mib: 512, nic, net, archive, ..guest::user_spec(context, "boot") };
        spec.limits.silence = LONGEST;
        spec.limits.total = Some(LONGEST);
        let mut machine = Machine::start(&spec)?;
        let commands = format!("ip wait && nc -l {END} ; ip; netstat; ps");
        let (judged, after) = thread::scope(|scope| {
            let guest = scope.spawn(move || machine.exec(&commands, &mut |_| {}));
            let judged = judge(&Scale::of(context.effort));
            // The guest's command line goes on when somebody has called.
            let called = GUESTS.iter().any(|address| {
                let to = address.parse().map(|address| SocketAddr::new(address, END));
                to.is_ok_and(|to| TcpStream::connect_timeout(&to, Duration::from_secs(10)).is_ok())
            });
            if !called {
                eprintln!("the guest does not answer any more: its time-out ends it");
            }
            (judged, guest.join())
        });
        let after = after.map_err(|_| anyhow!("the guest's thread panicked"))?;
        let told = String::from_utf8_lossy(&after.out).into_owned();
        judged.with_context(|| format!("on {cpus} CPUs; afterwards: {told}"))?;
        ensure!(after.ending == Ending::Exited { status: 0 }, "afterwards: {:?}: {told}", after.ending);
        let restarted = told.lines().find(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            matches!(words[..], [_, "net" | "peerd", _, restarts, ..] if restarts != "0")
        });
        match restarted {
            None => Ok(()),
            Some(line) => Err(anyhow!("a server has died: {line}")),
        }
    })
}

fn judge(scale: &Scale) -> anyhow::Result<()> {
    GUESTS.iter().try_for_each(|address| {
        let target = Target::new(address.parse()?);
        target.wait_until_up(PATIENCE).with_context(|| format!("{address} does not answer"))?;
        exercises::all(&target, scale).with_context(|| (*address).to_owned())
    })
}
