//! `netpeer net`: a network, what belongs into one, and a command in it; all is gone when the command has ended.

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::Context as _;
use netpeer::network::{self, Dhcp, DhcpServer, Dns, DnsServer, HOST, Router, RouterServer, Tap};
use netpeer::relay::{Mischief, Relay, Side};

/// Options of `netpeer net`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The TAP's name. The host is 10.0.0.1 and fd00::1 there; guests have addresses of 10.0.0.0/24 and fd00::/64.
    #[arg(long, value_name = "NAME", default_value = "guest")]
    tap: String,
    /// Lend addresses from 10.0.0.2 on (DHCP), and know the names host.test and guest.test (DNS).
    #[arg(long)]
    dhcp: bool,
    /// Advertise a router and the prefix fd00::/64.
    #[arg(long)]
    router: bool,
    /// Plug a relay into the TAP, and let the guest be behind these UDP ports of 127.0.0.1, its own and its peer's, as
    /// `cargo xtask run --datagrams` has them.
    #[arg(long, value_name = "GUEST:PEER", value_parser = datagrams)]
    datagrams: Option<(u16, u16)>,
    #[command(flatten)]
    mischief: Options,
    /// The command and its arguments.
    #[arg(required = true, trailing_var_arg = true)]
    command: Vec<OsString>,
}

/// What the relay does, in percent of the frames of each direction.
#[derive(clap::Args)]
struct Options {
    /// Frames that are lost.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, requires = "datagrams")]
    loss: f64,
    /// Frames that come twice.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, requires = "datagrams")]
    duplication: f64,
    /// Frames that others overtake.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, requires = "datagrams")]
    reordering: f64,
    /// Frames with a bit that is flipped.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, requires = "datagrams")]
    corruption: f64,
    /// How long each frame takes, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "datagrams")]
    delay: u64,
    /// Which frames it meets.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, requires = "datagrams")]
    seed: u64,
    /// Keep all frames in FILE.before.pcap and FILE.after.pcap.
    #[arg(long, value_name = "FILE", requires = "datagrams")]
    capture: Option<PathBuf>,
}

/// Reads `--datagrams`.
fn datagrams(text: &str) -> Result<(u16, u16), String> {
    let ports =
        text.split_once(':').and_then(|(guest, peer)| Some((guest.parse().ok()?, peer.parse().ok()?)));
    ports
        .filter(|(guest, peer)| *guest != 0 && *peer != 0)
        .ok_or_else(|| "use two UDP ports, such as 5001:5002".to_owned())
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let status = network::within(|| {
        network::plug(&args.tap, &HOST)?;
        let relay = args.datagrams.map(|(guest, own)| relay(args, guest, own)).transpose()?;
        let dhcp = args.dhcp.then(|| DhcpServer::start(Dhcp::of_host())).transpose()?;
        let dns = args.dhcp.then(|| DnsServer::start(names())).transpose()?;
        let router = args.router.then(|| RouterServer::start(Router::of_host(), &args.tap)).transpose()?;
        let (program, arguments) = args.command.split_first().context("a command")?;
        let status = Command::new(program)
            .args(arguments)
            .status()
            .with_context(|| format!("cannot run {}", program.display()))?;
        drop((dhcp, dns, router));
        if let Some(relay) = relay {
            for (whose, counts) in ["guest", "host"].into_iter().zip(relay.finish()?) {
                eprintln!("netpeer: frames of the {whose}: {counts:?}");
            }
        }
        Ok(status)
    })?;
    Ok(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1).into())
}

fn relay(args: &Args, guest: u16, own: u16) -> anyhow::Result<Relay> {
    let Options { loss, duplication, reordering, corruption, delay, seed, ref capture } = args.mischief;
    let delay = Duration::from_millis(delay);
    let mischief = Mischief { loss, duplication, reordering, corruption, delay, seed };
    let sides = [Side::datagrams(own, guest)?, Side::Tap(Tap::open(&args.tap)?)];
    Relay::start(sides, mischief, capture.as_deref())
}

fn names() -> Dns {
    let v4 = |last| IpAddr::from(Ipv4Addr::new(10, 0, 0, last));
    let v6 = |last| IpAddr::from(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last));
    let names = [("host.test", v4(1)), ("host.test", v6(1)), ("guest.test", v4(2)), ("guest.test", v6(2))];
    Dns { names: names.map(|(name, address)| (name.to_owned(), address)).to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_of_the_relay() {
        assert_eq!(datagrams("5001:5002"), Ok((5001, 5002)));
        for wrong in ["", "5001", "0:1", "1:0", "a:b", "1:70000"] {
            assert!(datagrams(wrong).is_err(), "{wrong}");
        }
    }
}
