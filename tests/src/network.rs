//! The host's end of a guest's network, tried on a second host: what judges a guest's network server has to be right itself.
//!
//! Two networks, each with the host's kernel in it, are joined by the relay. One has the clients, the other one the services. The exercises
//! ([`exercises`]) are those that a guest has to pass, too.

mod behind;
pub(crate) mod changes;
pub(crate) mod clients;
pub(crate) mod disturbed;
mod exercises;
pub(crate) mod guests;
mod other_host;
pub(crate) mod server_kills;
pub(crate) mod user;
pub(crate) mod web;
pub(crate) mod web_demo;
pub(crate) mod web_disk;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anax_vm::{Datagrams, Net, Nic, Spec};
use anyhow::{Context as _, anyhow, ensure};
use netpeer::network::{self, Dhcp, DhcpServer, Dns, DnsServer, Router, RouterServer};
use netpeer::relay::{Mischief, Relay, Side, files};
use netpeer::{Target, capture};

use crate::context::{Context, Need, SystemTest, Tier};
use crate::guest;
use crate::peer::{Continue, Peer, Plan};
use exercises::Scale;
use other_host::{ADDRESSES, beside_other_host};

const fn test(name: &'static str, seconds: u64, run: fn(&Context<'_>) -> anyhow::Result<()>) -> SystemTest {
    let estimate = Duration::from_secs(seconds);
    SystemTest { name, tier: Tier::Plain, needs: &[Need::Taps], processors: 2, estimate, run }
}

/// The tests of this module.
pub(crate) const TESTS: &[SystemTest] = &[
    test("network.host-to-host", 5, |context| {
        let scale = Scale::of(context.effort);
        let [came, _] = exercised(context, Mischief::none(), &scale)?;
        ensure!(came.lost + came.doubled + came.damaged + came.overtaken == 0, "{came:?}");
        Ok(())
    }),
    SystemTest {
        tier: Tier::Long,
        ..test("network.host-to-host-one-percent", 40, |context| {
            disturbed(context, Mischief::all(1.0, 1), &Scale::of(context.effort).disturbed(8))
        })
    },
    SystemTest {
        tier: Tier::Long,
        ..test("network.host-to-host-five-percent", 180, |context| {
            disturbed(context, Mischief::all(5.0, 2), &Scale::of(context.effort).disturbed(16))
        })
    },
    test("network.addresses", 5, |_| addresses()),
    test("network.relay-with-a-guest", 30, relay_with_a_guest),
];

/// All exercises through the relay; what became of frames.
fn exercised(
    context: &Context<'_>,
    mischief: Mischief,
    scale: &Scale,
) -> anyhow::Result<[netpeer::relay::Counts; 2]> {
    let frames = context.folder.join("frames");
    beside_other_host(mischief, Some(&frames), || {
        for address in ADDRESSES {
            let target = Target::new(address.parse()?);
            target.wait_until_up(Duration::from_secs(30))?;
            exercises::all(&target, scale).with_context(|| address.to_owned())?;
        }
        Ok(())
    })
}

/// The same with mischief, which has to have happened, and to have cost something.
fn disturbed(context: &Context<'_>, mischief: Mischief, scale: &Scale) -> anyhow::Result<()> {
    let counts = exercised(context, mischief, scale)?;
    for count in &counts {
        let each = [count.lost, count.doubled, count.overtaken, count.damaged];
        ensure!(each.iter().all(|count| *count > 0), "no mischief: {count:?}");
    }
    let [before, after] = files(&context.folder.join("frames"));
    let before = capture::analyse(&capture::read(&before)?);
    let lost: u64 = counts.iter().map(|count| count.lost + count.damaged).sum();
    eprintln!("{before}\n{counts:?}");
    ensure!(
        before.again() > lost / 4,
        "{lost} frames were lost or damaged, and little was sent again: {before}"
    );
    let went = capture::read(&after)?.len() as u64;
    ensure!(went == counts.iter().map(|count| count.went).sum::<u64>(), "{went} frames went on: {counts:?}");
    Ok(())
}

/// Addresses and names for who has none: by DHCP and DNS for one that asks by hand, and by a router's word for the host's kernel.
fn addresses() -> anyhow::Result<()> {
    other_host::beside(Mischief::none(), None, ask, || {
        let server: IpAddr = "10.0.0.1".parse()?;
        let names = Dns { names: vec![("host.test".to_owned(), server)] };
        Ok((
            DhcpServer::start(Dhcp::of_host())?,
            DnsServer::start(names)?,
            RouterServer::start(Router::of_host(), "guest")?,
        ))
    })
}

/// How long anything may take here.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the other host does: first it has no address.
fn ask() -> anyhow::Result<()> {
    network::ip("address flush dev guest scope global")?;
    network::ip("route replace 255.255.255.255/32 dev guest")?;
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 68))?;
    socket.set_broadcast(true)?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let offer = answered(&socket, "255.255.255.255:67", &discover()).context("DHCP")?;
    ensure!(offer[16..20] == [10, 0, 0, 2], "an offer of {:?}", &offer[16..20]);
    network::ip("address add 10.0.0.2/24 dev guest")?;

    let mut question = vec![7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    question.extend(b"\x04host\x04test\0\0\x01\0\x01");
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let answer = answered(&socket, "10.0.0.1:53", &question).context("DNS")?;
    ensure!(answer.ends_with(&[10, 0, 0, 1]), "an answer of {answer:?}");

    let begin = Instant::now();
    loop {
        let shown = Command::new("ip").args(["-6", "-o", "address", "show", "dev", "guest"]).output()?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        if shown.lines().any(|line| line.contains("fd00::") && line.contains("dynamic")) {
            return Ok(());
        }
        ensure!(begin.elapsed() < PATIENCE, "no address of the router's prefix: {shown}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Asks until there is an answer.
fn answered(socket: &UdpSocket, server: &str, question: &[u8]) -> anyhow::Result<Vec<u8>> {
    let begin = Instant::now();
    let mut buffer = [0; 2048];
    loop {
        socket.send_to(question, server)?;
        match socket.recv(&mut buffer) {
            Ok(length) => return Ok(buffer[..length].to_vec()),
            Err(error) => ensure!(begin.elapsed() < PATIENCE, "no answer: {error}"),
        }
    }
}

/// A DHCP client's first word.
fn discover() -> Vec<u8> {
    let mut bytes = vec![0; 236];
    bytes[..8].copy_from_slice(&[1, 1, 6, 0, 1, 2, 3, 4]);
    bytes[28..34].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    bytes.extend([99, 130, 83, 99, 53, 1, 1, 255]);
    bytes
}

/// Between an emulator and the peer of `frames`: frames are lost and come twice, and what comes is whole.
fn relay_with_a_guest(context: &Context<'_>) -> anyhow::Result<()> {
    let peer = Peer::bind(0)?;
    let mischief = Mischief { loss: 5.0, duplication: 5.0, seed: 3, ..Mischief::none() };
    let (relay, ends) = between(&peer, mischief, &context.folder.join("frames"))?;
    let net = Net::Datagrams(Datagrams { guest: ends.guest, peer: ends.guests_peer });
    let spec = Spec { cpus: 2, memory_mib: 256, nic: Nic::VirtioNet, net, ..guest::spec(context, "boot") };
    // The first calls come before anybody is there.
    let plan = Plan { patience: Duration::from_secs(5), ..Plan::new(300) };
    let (seen, report) = thread::scope(|scope| {
        let frames = scope.spawn(|| peer.run(ends.peers, &plan, |_| Continue::Go));
        let seen = guest::run(&spec, "program echo-demo 0");
        (seen, frames.join().unwrap_or_else(|_| Err(anyhow!("the peer panicked"))))
    });
    seen?.expect_success("")?;
    let report = report?;
    report.expect_whole()?;
    let [out, back] = relay.finish()?;
    ensure!(out.lost > 0 && back.lost > 0 && report.lost > 0, "nothing was lost: {out:?} {back:?} {report}");
    ensure!(report.duplicates > 0, "nothing came twice: {report}");
    Ok(())
}

/// Ports of a relay between two who both speak datagrams.
struct Ends {
    /// Where the peer sends frames.
    peers: u16,
    /// The guest's own.
    guest: u16,
    /// Where the guest sends frames.
    guests_peer: u16,
}

fn between(peer: &Peer, mischief: Mischief, capture: &Path) -> anyhow::Result<(Relay, Ends)> {
    let guest = Datagrams::to_peer(0)?.guest;
    let sides = [Side::datagrams(0, peer.port())?, Side::datagrams(0, guest)?];
    let [peers, guests_peer] = sides.each_ref().map(|side| side.port().unwrap_or_default());
    Ok((Relay::start(sides, mischief, Some(capture))?, Ends { peers, guest, guests_peer }))
}
