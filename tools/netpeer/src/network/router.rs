//! A router of IPv6, as far as hosts look at it: it advertises itself and a prefix (RFC 4861), from which they make addresses (RFC 4862).

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rustix::net::{AddressFamily, SocketType, ipproto, netdevice, socket, sockopt};

use crate::stop::{Woken, Workers};

const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;
/// Such messages are believed only if no router has passed them on.
const HOPS: u8 = 255;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// What it advertises.
#[derive(Clone, Copy, Debug)]
pub struct Router {
    /// Of 64 bits.
    pub prefix: Ipv6Addr,
    /// How long it wants to be a router for; with zero it says that it is none any more.
    pub lifetime: Duration,
    /// How long addresses of the prefix are good for.
    pub valid: Duration,
    /// Who knows names.
    pub names: Option<Ipv6Addr>,
    /// How often it says so without being asked.
    pub interval: Duration,
}

impl Router {
    /// The prefix of [`HOST`](super::HOST), twice a second: whoever waits for it is a test.
    #[must_use]
    pub fn of_host() -> Self {
        Self {
            prefix: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0),
            lifetime: Duration::from_secs(1800),
            valid: Duration::from_secs(86_400),
            names: Some(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
            interval: Duration::from_millis(500),
        }
    }

    /// The message; the kernel fills in its sum.
    fn advertisement(&self) -> Vec<u8> {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let mut bytes = vec![ADVERTISEMENT, 0, 0, 0, 64, 0];
        bytes.extend(u16::try_from(self.lifetime.as_secs()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend([0; 8]);
        // A prefix that is on the link and that addresses are made of.
        bytes.extend([3, 4, 64, 0xC0]);
        bytes.extend(seconds(self.valid).to_be_bytes());
        bytes.extend(seconds(self.valid).to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(self.prefix.octets());
        if let Some(names) = self.names {
            bytes.extend([25, 3, 0, 0]);
            bytes.extend(seconds(self.valid).to_be_bytes());
            bytes.extend(names.octets());
        }
        bytes
    }
}

/// It advertises as long as this is there.
#[derive(Debug)]
pub struct RouterServer {
    _workers: Workers,
}

impl RouterServer {
    /// Advertises at an interface of the calling thread's network.
    ///
    /// # Errors
    /// If there is no such interface.
    pub fn start(router: Router, interface: &str) -> anyhow::Result<Self> {
        let socket =
            socket(AddressFamily::INET6, SocketType::RAW, Some(ipproto::ICMPV6)).context("ICMPv6")?;
        let index = netdevice::name_to_index(&socket, interface)
            .with_context(|| format!("the interface {interface}"))?;
        sockopt::set_ipv6_multicast_hops(&socket, HOPS.into())?;
        sockopt::set_ipv6_unicast_hops(&socket, Some(HOPS))?;
        let socket = UdpSocket::from(socket);
        socket.set_nonblocking(true)?;
        let workers = Workers::new()?;
        workers.start(move |stop| {
            let message = router.advertisement();
            let all = SocketAddrV6::new(ALL_NODES, 0, 0, index);
            let mut buffer = [0; 2048];
            let mut due = Instant::now();
            loop {
                if due <= Instant::now() {
                    // Nobody may be plugged in yet.
                    let _ = socket.send_to(&message, all);
                    due = Instant::now() + router.interval;
                }
                if stop.wait(&[socket.as_fd()], Some(due.saturating_duration_since(Instant::now())))
                    == Woken::Over
                {
                    return;
                }
                while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                    if buffer[..length].first() == Some(&SOLICITATION) {
                        due = Instant::now();
                    }
                }
            }
        });
        Ok(Self { _workers: workers })
    }
}

#[cfg(test)]
mod tests {
    use smoltcp::wire::{Icmpv6Packet, NdiscPrefixInfoFlags, NdiscRepr};

    use super::*;

    #[test]
    fn what_is_said_is_what_others_read() {
        let bytes = Router::of_host().advertisement();
        assert_eq!(bytes.len(), 16 + 32 + 24);
        let packet = Icmpv6Packet::new_checked(&bytes[..]).expect("a message");
        let NdiscRepr::RouterAdvert { router_lifetime, prefix_info: Some(prefix), .. } =
            NdiscRepr::parse(&packet).expect("discovery")
        else {
            panic!("no advertisement with a prefix");
        };
        assert_eq!(router_lifetime.secs(), 1800);
        assert_eq!((prefix.prefix, prefix.prefix_len), (Router::of_host().prefix, 64));
        assert!(prefix.flags.contains(NdiscPrefixInfoFlags::ON_LINK | NdiscPrefixInfoFlags::ADDRCONF));
    }
}
