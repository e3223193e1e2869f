//! A lease as words, for a client that goes on where another one has ended.

use core::time::Duration;

use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, Ipv4Address, Ipv4Cidr};

use super::{Client, Granted, Lease, SERVERS, State};
use crate::Random;

/// Words of a lease that is kept.
pub const KEPT_WORDS: usize = 8;

/// A lease in use, with its card's address. All zeros: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept(pub [u64; KEPT_WORDS]);

const fn pair(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

fn time(nanoseconds: u64) -> Duration {
    Duration::from_nanos(nanoseconds)
}

impl Client {
    /// What somebody else has to know to go on with its lease.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let State::Bound(Granted { lease, renew, rebind }) = &self.state else { return Kept::default() };
        let link = self.link.0.into_iter().fold(0, |link, byte| link << 8 | u64::from(byte));
        let at = |all: &[Ipv4Address], number: usize| {
            all.get(number).copied().unwrap_or(Ipv4Address::UNSPECIFIED).to_bits()
        };
        let (routers, servers) = (&lease.routers, &lease.servers);
        let nanoseconds = |time: Duration| time.as_nanos() as u64;
        Kept([
            link | u64::from(lease.address.prefix_len()) << 48,
            pair(lease.address.address().to_bits(), lease.by.to_bits()),
            pair(at(routers, 0), at(routers, 1)),
            pair(at(routers, 2), at(servers, 0)),
            pair(at(servers, 1), at(servers, 2)),
            nanoseconds(lease.until),
            nanoseconds(*renew),
            nanoseconds(*rebind),
        ])
    }

    /// One that has the lease that was kept, if it was this card's and is not over; else one that begins.
    #[must_use]
    pub fn resumed(now: Duration, link: EthernetAddress, random: Random, kept: &Kept) -> Self {
        let mut client = Self::new(now, link, random);
        if let Some(granted) = granted(kept, link)
            && now < granted.lease.until
        {
            client.bind(granted);
        }
        client
    }
}

fn granted(Kept(words): &Kept, link: EthernetAddress) -> Option<Granted> {
    let [head, ends, routers, between, servers, until, renew, rebind] = *words;
    let own = link.0.into_iter().fold(0, |link, byte| link << 8 | u64::from(byte));
    let prefix = (head >> 48) as u8;
    let address = Ipv4Address::from_bits((ends >> 32) as u32);
    let is_somebodys = !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast();
    if head & ((1 << 48) - 1) != own || !(1..=32).contains(&prefix) || !is_somebodys {
        return None;
    }
    let all = |numbers: [u64; SERVERS]| -> ArrayVec<Ipv4Address, SERVERS> {
        let all = numbers.into_iter().map(|number| Ipv4Address::from_bits(number as u32));
        all.filter(|address| !address.is_unspecified()).collect()
    };
    let lease = Lease {
        address: Ipv4Cidr::new(address, prefix),
        routers: all([routers >> 32, routers, between >> 32]),
        servers: all([between, servers >> 32, servers]),
        by: Ipv4Address::from_bits(ends as u32),
        until: time(until),
    };
    Some(Granted { lease, renew: time(renew), rebind: time(rebind).min(time(until)) })
}
