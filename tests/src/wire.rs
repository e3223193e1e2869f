//! What a guest's card is connected to, for a peer that judges what its offloads come to.
//!
//! QEMU's e1000 finishes frames itself. Its virtio card leaves that to the host's kernel, and offers it only over TAP: so there is a network
//! of its own, in which a bridge leads from the guest's TAP to a second one, which is not told that anybody could finish frames for it.
//! Before the kernel transmits there, it does so itself; from there QEMU hands them on to the peer, as datagrams like all others.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use anax_vm::{Datagrams, Net, Nic};
use anyhow::{Context as _, ensure};
use nix::sched::{CloneFlags, unshare};

use crate::peer::{GUEST_MAC, Peer, Seen};

/// A network with a guest and a peer.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The one that judges.
    pub(crate) peer: Peer,
    /// The guest's end.
    pub(crate) guest: u16,
    /// For the emulator.
    pub(crate) net: Net,
    pub(crate) extra: Vec<OsString>,
    /// In how many of six packets it is to be cut.
    cut: u16,
}

impl Wire {
    /// Takes the calling thread, and all that it starts from now on, out of the host's network if the card needs that.
    pub(crate) fn new(nic: Nic) -> anyhow::Result<Self> {
        let taps = nic == Nic::VirtioNet && has_taps();
        if taps {
            leave()?;
        }
        let peer = Peer::bind(0)?;
        let ports = Datagrams::to_peer(peer.port())?;
        let cut = match (taps, nic) {
            (true, _) => 2,
            (false, Nic::E1000) => 1,
            _ => {
                eprintln!("no TAP here: a virtio card without offloads is judged");
                0
            }
        };
        let (net, extra) = if taps {
            let datagrams = format!(
                "dgram,id=wire,local.type=inet,local.host=127.0.0.1,local.port={},\
                 remote.type=inet,remote.host=127.0.0.1,remote.port={}",
                ports.guest, ports.peer
            );
            let all = [
                "tap,id=out,ifname=out,script=no,downscript=no,vnet_hdr=off",
                &datagrams,
                "hubport,id=first,hubid=1,netdev=out",
                "hubport,id=second,hubid=1,netdev=wire",
            ];
            let extra = all.iter().flat_map(|net| ["-netdev", net]).map(OsString::from).collect();
            (Net::Tap("guest".to_owned()), extra)
        } else {
            (Net::Datagrams(ports), vec![])
        };
        Ok(Self { peer, guest: ports.guest, net, extra, cut })
    }

    /// That the card had to do what it can.
    pub(crate) fn expect(&self, seen: &Seen, printed: &str) -> anyhow::Result<()> {
        let cut = seen.packets / 6 * self.cut;
        ensure!(seen.cut == cut, "{} of {} packets were cut: {printed}", seen.cut, seen.packets);
        Ok(())
    }
}

/// Whether this thread may make networks, and TAPs in them.
pub(crate) fn has_taps() -> bool {
    nix::unistd::geteuid().is_root()
        && Path::new("/dev/net/tun").exists()
        && runs("unshare", "-n true").is_ok()
}

/// Takes the calling thread out of the host's network, into one where the guest's TAP leads to the host's own kernel: the guest is 10.0.0.2 and fd00::2.
pub(crate) fn to_host() -> anyhow::Result<()> {
    leave()?;
    runs("ip", "address add 10.0.0.1/24 dev bridge")?;
    runs("ip", "address add fd00::1/64 dev bridge nodad")?;
    let guest = GUEST_MAC.map(|byte| format!("{byte:02x}")).join(":");
    ["10.0.0.2", "fd00::2"]
        .into_iter()
        .try_for_each(|address| runs("ip", &format!("neighbor add {address} lladdr {guest} dev bridge")))
}

fn leave() -> anyhow::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET).context("a network of its own")?;
    runs("ip", "link set lo up")?;
    runs("ip", "link add bridge type bridge")?;
    for tap in ["guest", "out"] {
        runs("ip", &format!("tuntap add {tap} mode tap"))?;
        runs("ip", &format!("link set {tap} master bridge up"))?;
    }
    runs("ip", "link set bridge up")
}

fn runs(program: &str, arguments: &str) -> anyhow::Result<()> {
    let output =
        Command::new(program).args(arguments.split(' ')).output().with_context(|| program.to_owned())?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments}: {said}");
    Ok(())
}
