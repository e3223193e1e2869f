//! A guest with the network server, judged by the host's kernel: all exercises, over IPv4 and IPv6, behind a TAP.

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
/// The guest boots, gets its addresses, and starts its services, and the host is busy.
const PATIENCE: Duration = Duration::from_secs(60);

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
    test("network.guest-virtio-net-1", Tier::Quick, 60, |context| guest(context, Nic::VirtioNet, 1)),
    test("network.guest-virtio-net-2", Tier::Plain, 90, |context| guest(context, Nic::VirtioNet, 2)),
    test("network.guest-e1000-1", Tier::Plain, 90, |context| guest(context, Nic::E1000, 1)),
];

fn guest(context: &Context<'_>, nic: Nic, cpus: u32) -> anyhow::Result<()> {
    network::within(|| {
        network::plug(TAP, &HOSTS)?;
        let _dhcp = DhcpServer::start(Dhcp::of_host())?;
        let _router = RouterServer::start(Router::of_host(), TAP)?;
        let archive = context.artefacts.network_archive.clone();
        let net = Net::Tap(TAP.to_owned());
        let mut spec = Spec { cpus, memory_mib: 512, nic, net, archive, ..guest::user_spec(context, "boot") };
        spec.limits.silence = Duration::from_secs(20 * 60);
        spec.limits.total = Some(Duration::from_secs(30 * 60));
        let mut machine = Machine::start(&spec)?;
        let ready = machine.exec("ip wait", &mut |_| {});
        ensure!(ready.ending == Ending::Exited { status: 0 }, "no address: {ready:?}");
        let scale = Scale::of(context.effort).disturbed(8);
        let judged = GUESTS.iter().try_for_each(|address| {
            let target = Target::new(address.parse()?);
            target.wait_until_up(PATIENCE).with_context(|| format!("{address} does not answer"))?;
            exercises::all(&target, &scale).with_context(|| (*address).to_owned())
        });
        let after = machine.exec("ip && netstat && ps", &mut |_| {});
        let told = String::from_utf8_lossy(&after.out).into_owned();
        judged.with_context(|| format!("on {cpus} CPUs; afterwards: {told}"))?;
        ensure!(after.ending == Ending::Exited { status: 0 }, "afterwards: {after:?}");
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
