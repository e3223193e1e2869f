//! The emulator's own network, which needs no rights: its DHCP lends the guest an address, its DNS is the host's, and ports of the host's loopback address lead
//! to the guest's services.

use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Boot, Emulator, Ending, Forward, Machine, Net, Nic, Spec, Transport};
use anyhow::{Context as _, anyhow, ensure};
use netpeer::client::{self, Bulk, Moved};
use netpeer::{Ports, Target};

use super::behind::{END, Plan};
use super::guests::test;
use crate::context::{Context, Need, SystemTest, Tier};

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    SystemTest {
        needs: &[],
        ..test("network.user-virtio-net", Tier::Plain, 10, |context| user(context, Nic::VirtioNet))
    },
    SystemTest {
        needs: &[],
        ..test("network.user-e1000", Tier::Long, 10, |context| user(context, Nic::E1000))
    },
    SystemTest { needs: &[], ..test("network.own-address", Tier::Plain, 10, own_address) }.sleepy(),
    SystemTest {
        needs: &[Need::Bochs, Need::Grub],
        processors: 1,
        ..test("network.user-e1000-on-bochs", Tier::Long, 90, on_bochs)
    },
];

/// Where the emulator's network has the guest, and itself.
const GUEST: &str = "10.0.2.15";
const GATEWAY: &str = "10.0.2.2";
/// How long the guest may take to be there.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same for all of it, on Bochs.
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// How much is exchanged.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Streams, and bytes of each and each way.
    streams: u64,
    bytes: u64,
    /// Datagrams.
    datagrams: u64,
    /// How long the guest may take to be there, and anything that makes no progress.
    patience: Duration,
}

fn user(context: &Context<'_>, nic: Nic) -> anyhow::Result<()> {
    let plan = Plan::new(context, nic, 2);
    let scale = Scale { streams: 16, bytes: 100_000, datagrams: 500, patience: PATIENCE };
    behind_ports(context, plan, &scale)
}

/// An address that a person has given: it is the card's at once, nobody is asked for another one, and the neighbours know it.
fn own_address(context: &Context<'_>) -> anyhow::Result<()> {
    const OWN: &str = "10.0.2.77/24";
    let commands = format!(
        "sh -c 'until ip | grep {OWN} | grep -v tentative; do sleep 0.1; done; ping -c 2 {GATEWAY}; ip'"
    );
    let mut command = Command::new(&context.artefacts.xtask);
    command.current_dir(&context.artefacts.root).stdin(Stdio::null());
    let output = command.args(["run", "--ip", OWN, "--exec", &commands]).output()?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    std::fs::write(context.folder.join("own-address.log"), format!("{out}{err}"))?;
    ensure!(output.status.success(), "{}: {out}", output.status);
    ensure!(out.contains("2 sent, 2 answered"), "{GATEWAY} does not know it: {out}");
    ensure!(!out.contains(GUEST), "it has asked for another one: {out}");
    Ok(())
}

/// Another maker's idea of the card, and a slow machine.
fn on_bochs(context: &Context<'_>) -> anyhow::Result<()> {
    let Plan { spec, .. } = Plan::new(context, Nic::E1000, 1);
    let spec = Spec { emulator: Emulator::Bochs, boot: Boot::Iso, ..spec };
    let plan = Plan { spec, ..Plan::new(context, Nic::E1000, 1) }.patient(LONGEST);
    let scale = Scale { streams: 4, bytes: 20_000, datagrams: 20, patience: 5 * PATIENCE };
    behind_ports(context, plan, &scale)
}

/// Runs the guest, and the exercises by the ports that lead to it.
fn behind_ports(context: &Context<'_>, plan: Plan, scale: &Scale) -> anyhow::Result<()> {
    let mut forwards = Vec::new();
    let mut lead = |transport, guest| {
        let host = free(transport)?;
        forwards.push(Forward { transport, host, guest });
        anyhow::Ok(host)
    };
    let at = Ports::STANDARD;
    let end = lead(Transport::Tcp, END)?;
    let ports = Ports {
        datagrams: lead(Transport::Udp, at.datagrams)?,
        echo: lead(Transport::Tcp, at.echo)?,
        pattern: lead(Transport::Tcp, at.pattern)?,
        ..at
    };
    let target = Target { ports, patience: scale.patience, ..Target::new(Ipv4Addr::LOCALHOST.into()) };
    let spec = Spec { net: Net::User(forwards), ..plan.spec };
    let mut machine = Machine::start(&spec)?;
    let commands =
        format!("ip wait && ping -c 2 {GATEWAY} && nc -l {END} ; nslookup localhost ; ip ; netstat ; ps");
    let (judged, after) = thread::scope(|scope| {
        let guest = scope.spawn(move || machine.exec(&commands, &mut |_| {}));
        let judged = judge(&target, scale);
        if let Ok(stream) = TcpStream::connect((Ipv4Addr::LOCALHOST, end)) {
            // It is closed when the guest has taken it.
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = std::io::Read::read(&mut &stream, &mut [0]);
        }
        (judged, guest.join())
    });
    let after = after.map_err(|_| anyhow!("the guest's thread panicked"))?;
    let told = String::from_utf8_lossy(&after.out).into_owned();
    std::fs::write(context.folder.join("told.txt"), &told)?;
    judged.with_context(|| format!("afterwards: {told}"))?;
    ensure!(after.ending == Ending::Exited { status: 0 }, "afterwards: {:?}: {told}", after.ending);
    ensure!(told.contains(&format!("    {GUEST}/24")), "no address by DHCP: {told}");
    ensure!(told.contains("2 sent, 2 answered"), "{GATEWAY} does not answer: {told}");
    Ok(())
}

fn judge(target: &Target, scale: &Scale) -> anyhow::Result<()> {
    // The emulator takes connections before the guest does.
    let begin = Instant::now();
    let hasty = Target { patience: Duration::from_secs(2), ..*target };
    while !client::round_trips(&hasty, 1, 1).is_good() {
        ensure!(begin.elapsed() < scale.patience, "the guest does not answer");
        thread::sleep(Duration::from_millis(100));
    }
    let lost_after = Duration::from_secs(5);
    // The emulator's network may drop datagrams.
    let datagrams = client::Datagrams {
        lost_after,
        may_be_lost: true,
        window: 4,
        ..client::Datagrams::new(scale.datagrams, 512)
    };
    let seen = client::datagrams(target, &datagrams).expect_good().context("datagrams")?;
    eprintln!("datagrams: {seen}");
    for streams in [1, scale.streams] {
        let plan = Bulk::new(streams, scale.bytes, scale.bytes);
        let seen = client::bulk(target, &plan, &Moved::default()).expect_good()?;
        eprintln!("{streams} streams both ways: {seen}");
    }
    Ok(())
}

/// A port that is free now.
fn free(transport: Transport) -> anyhow::Result<u16> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    let at = match transport {
        Transport::Tcp => TcpListener::bind(any)?.local_addr()?,
        Transport::Udp => UdpSocket::bind(any)?.local_addr()?,
    };
    Ok(at.port())
}
