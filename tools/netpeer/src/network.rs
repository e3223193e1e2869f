//! A network of one's own: a namespace in which the host has addresses, and TAPs for guests.
//!
//! It belongs to threads and to what they start, not to a name, so nothing is left behind: the kernel removes it with the last thread, process or socket
//! that is in it, however that ended. Addresses in it are nobody else's business.

mod counters;
mod dhcp;
mod dns;
mod router;
mod tap;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, anyhow, ensure};
use nix::sched::{CloneFlags, unshare};

pub use counters::counted;
pub use dhcp::{Dhcp, DhcpServer};
pub use dns::{Dns, DnsServer};
pub use router::{Router, RouterServer};
pub use tap::Tap;

/// Where the host is, by default; guests have other addresses of these networks.
pub const HOST: [&str; 2] = ["10.0.0.1/24", "fd00::1/64"];

/// Why there are no such networks here, if that is so.
#[must_use]
pub fn missing() -> Option<String> {
    if !Path::new("/dev/net/tun").exists() {
        return Some("there is no /dev/net/tun".to_owned());
    }
    let tried = within(|| plug("guest", &[]).and_then(|()| Tap::open("guest")).map(drop));
    tried.err().map(|error| format!("no network of its own: {error:#}"))
}

/// Runs `work` on a thread of its own in a new network; threads and programs that it starts are in it, too. The caller stays where it is.
///
/// # Errors
/// If the host does not allow it (root may), and what `work` returns.
pub fn within<T: Send>(work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    thread::scope(|scope| {
        let inside = || {
            unshare(CloneFlags::CLONE_NEWNET).context("a network of its own, which root may have")?;
            ip("link set dev lo up")?;
            // So that `client::ping` may.
            fs::write("/proc/sys/net/ipv4/ping_group_range", "0 2147483647").context("ping_group_range")?;
            work()
        };
        scope.spawn(inside).join().unwrap_or_else(|_| Err(anyhow!("the thread in the network panicked")))
    })
}

/// Makes a TAP in the calling thread's network, for an emulator or for [`Tap::open`], and gives the host these addresses at it, such as [`HOST`]. They can
/// be used at once: nobody else is there who could have them.
///
/// # Errors
/// What `ip` has to say.
pub fn plug(name: &str, addresses: &[&str]) -> anyhow::Result<()> {
    ip(&format!("tuntap add dev {name} mode tap"))?;
    // Its own address of the link is there as soon as somebody plugs in. No IPv6 in this kernel is no mistake yet.
    let _ = fs::write(format!("/proc/sys/net/ipv6/conf/{name}/accept_dad"), "0");
    for address in addresses {
        let at_once = if address.contains(':') { " nodad" } else { "" };
        ip(&format!("address add {address} dev {name}{at_once}"))?;
    }
    // The host's own queue has room for the windows of many streams, so that what is lost was lost by the guest.
    ip(&format!("link set dev {name} txqueuelen {QUEUE} up"))?;
    // Where who has no address yet is answered.
    if addresses.iter().any(|address| !address.contains(':')) {
        ip(&format!("route add 255.255.255.255/32 dev {name}"))?;
    }
    Ok(())
}

/// Frames that wait for whoever is plugged in.
const QUEUE: u32 = 20_000;

/// Plugs the cable of a TAP in, or out.
///
/// # Errors
/// What `ip` has to say.
pub fn set_up(name: &str, is_up: Cable) -> anyhow::Result<()> {
    let state = match is_up {
        Cable::In => "up",
        Cable::Out => "down",
    };
    ip(&format!("link set dev {name} {state}"))
}

/// Whether a TAP takes and gives frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cable {
    /// It does.
    In,
    /// It does not.
    Out,
}

/// Runs `ip` with these arguments, in the calling thread's network.
///
/// # Errors
/// What it has to say.
pub fn ip(arguments: &str) -> anyhow::Result<()> {
    let output =
        Command::new("ip").args(arguments.split(' ')).output().context("the program ip (iproute2)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {arguments}: {}", said.trim());
    Ok(())
}
