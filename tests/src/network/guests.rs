//! A guest with the network server, judged by the host's kernel: all exercises, over IPv4 and IPv6, behind a TAP.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::Duration;

use anax_vm::{Ending, Machine, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, ensure};
use netpeer::Target;
use netpeer::client::{self, Bulk, Moved};
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
    test("network.guest-under-changes", Tier::Plain, 20, |context| under_changes(context, 2)),
    test("network.guest-e1000-1", Tier::Plain, 10, |context| guest(context, Nic::E1000, 1)),
    test("network.guest-e1000-2", Tier::Plain, 10, |context| guest(context, Nic::E1000, 2)),
];

fn guest(context: &Context<'_>, nic: Nic, cpus: u32) -> anyhow::Result<()> {
    with_guest(context, (nic, cpus), "", || judge(&Scale::of(context.effort)))
}

/// Drivers are changed by plan, and killed, under 64 streams both ways.
fn under_changes(context: &Context<'_>, cpus: u32) -> anyhow::Result<()> {
    let swaps = "drvctl swap net0 virtio-net-polling && drvctl swap net0 virtio-net".to_owned();
    let swaps = vec![swaps; 3].join(" && ");
    let commands =
        format!("nc -l {END} ; {swaps} && drvctl kill net0 && ip wait && {swaps} && drvctl kill net0 ;");
    with_guest(context, (Nic::VirtioNet, cpus), &commands, || {
        let target = Target::new(GUESTS[0].parse()?);
        target.wait_until_up(PATIENCE)?;
        let plan = Bulk { at_least: Duration::from_secs(8), ..Bulk::new(64, 400_000, 400_000) };
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
    })
}

/// Ends what waits for a call in the guest.
fn call(address: &str) -> bool {
    let to = address.parse().map(|address| SocketAddr::new(address, END));
    to.is_ok_and(|to| TcpStream::connect_timeout(&to, Duration::from_secs(10)).is_ok())
}

/// A guest with the network server and its services, which runs some commands and then waits until the judge is done.
fn with_guest(
    context: &Context<'_>,
    (nic, cpus): (Nic, u32),
    commands: &str,
    judge: impl FnOnce() -> anyhow::Result<()> + Send,
) -> anyhow::Result<()> {
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
        let commands = format!("ip wait && {commands} nc -l {END} ; ip; netstat; drvctl history net0; ps");
        let (judged, after) = thread::scope(|scope| {
            let guest = scope.spawn(move || machine.exec(&commands, &mut |_| {}));
            let judged = judge();
            // The guest's command line goes on when somebody has called.
            if !GUESTS.iter().any(|address| call(address)) {
                eprintln!("the guest does not answer any more: its time-out ends it");
            }
            (judged, guest.join())
        });
        let after = after.map_err(|_| anyhow!("the guest's thread panicked"))?;
        let told = String::from_utf8_lossy(&after.out).into_owned();
        std::fs::write(context.folder.join("told.txt"), &told)?;
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
