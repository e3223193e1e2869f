//! What routers of IPv6 say becomes routes and addresses (RFC 4861 6.3, RFC 4862 5.5), until the time that they said is up.
//!
//! Addresses are made of the card's (RFC 4291, appendix A): a host that boots from an image has no secret that lasts, which others (RFC 7217) would need.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv6Address, Ipv6Cidr};

use crate::ndp::{Advert, Prefix};
use crate::{Assigned, Change, InterfaceId, Route, Standing};

/// Routers of an interface.
pub const ROUTERS: usize = 4;
/// Prefixes of an interface.
pub const PREFIXES: usize = 8;

/// What is heard of a prefix without anybody to vouch for it cuts its time down to this, not below (RFC 4862, 5.5.3 e).
const TWO_HOURS: Duration = Duration::from_secs(7200);
const SOLICIT_TIMES: u8 = 3;
const SOLICIT_EVERY: Duration = Duration::from_secs(4);
const METRIC: u16 = 1024;

/// What the caller has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask for routers.
    Solicit,
    /// A route, or an address's standing or end.
    Change(Change),
    /// An address to be used as soon as it is known that nobody else has it.
    Address(Ipv6Cidr),
    /// A name server, for so long; zero if it is one no more.
    Server(Ipv6Address, Duration),
}

#[derive(Debug)]
struct Made {
    prefix: Ipv6Cidr,
    address: Ipv6Cidr,
    valid: Duration,
    preferred: Duration,
    is_deprecated: bool,
    /// Somebody else has it.
    is_refused: bool,
}

/// The routers of one interface; thread 0's.
#[derive(Debug)]
pub struct Routers {
    interface: InterfaceId,
    link: EthernetAddress,
    routers: Vec<(Ipv6Address, Duration)>,
    /// Prefixes that are on the link, without the addresses made of them.
    near: Vec<(Ipv6Cidr, Duration)>,
    made: Vec<Made>,
    solicit: Option<(u8, Duration)>,
    effects: VecDeque<Effect>,
}

/// The lower half of a card's addresses.
#[must_use]
pub fn interface_identifier(link: EthernetAddress) -> u64 {
    let [a, b, c, d, e, f] = link.0;
    u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// A card's address that means something on its link.
#[must_use]
pub fn link_local(link: EthernetAddress) -> Ipv6Cidr {
    let address = 0xfe80 << 112 | u128::from(interface_identifier(link));
    Ipv6Cidr::new(address.into(), 64)
}

impl Routers {
    /// Begins: routers are asked for from `now` on.
    #[must_use]
    pub fn new(now: Duration, interface: InterfaceId, link: EthernetAddress) -> Self {
        let (routers, near, made) = Default::default();
        let effects = VecDeque::new();
        Self { interface, link, routers, near, made, solicit: Some((SOLICIT_TIMES, now)), effects }
    }

    /// What is to be done, the oldest first.
    pub fn effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let routers = self.routers.iter().map(|(_, until)| *until);
        let near = self.near.iter().map(|(_, until)| *until);
        let made = self.made.iter().map(|made| if made.is_deprecated { made.valid } else { made.preferred });
        routers.chain(near).chain(made).chain(self.solicit.map(|(_, due)| due)).min()
    }

    /// Asks for routers from `now` on, as at first.
    pub fn ask_again(&mut self, now: Duration) {
        self.solicit = Some((SOLICIT_TIMES, now));
    }

    /// Somebody else has an address that was made here: it is not made again.
    pub fn taken(&mut self, address: IpAddress) {
        for made in self.made.iter_mut().filter(|made| IpAddress::Ipv6(made.address.address()) == address) {
            (made.is_deprecated, made.is_refused) = (true, true);
        }
    }

    /// A router has spoken.
    pub fn heard(&mut self, now: Duration, from: Ipv6Address, advert: &Advert) {
        self.solicit = None;
        self.router(now, from, advert.lifetime);
        for prefix in &advert.prefixes {
            let is_sense = prefix.length <= 128
                && prefix.preferred <= prefix.valid
                && !prefix.bits.is_unicast_link_local()
                && !prefix.bits.is_multicast();
            if is_sense {
                self.prefix(now, prefix);
            }
        }
        let servers = advert.servers.iter().map(|(server, lasts)| Effect::Server(*server, *lasts));
        self.effects.extend(servers);
    }

    fn router(&mut self, now: Duration, from: Ipv6Address, lifetime: Duration) {
        let known = self.routers.iter().position(|(router, _)| *router == from);
        let route = self.route(Ipv6Cidr::new(Ipv6Address::UNSPECIFIED, 0), Some(from));
        match known {
            Some(index) if lifetime.is_zero() => {
                self.routers.remove(index);
                self.effects.push_back(Effect::Change(Change::RouteGone(route)));
            }
            Some(index) => self.routers[index].1 = now + lifetime,
            None if !lifetime.is_zero() && self.routers.len() < ROUTERS => {
                self.routers.push((from, now + lifetime));
                self.effects.push_back(Effect::Change(Change::Route(route)));
            }
            None => {}
        }
    }

    fn route(&self, prefix: Ipv6Cidr, via: Option<Ipv6Address>) -> Route {
        let via = via.map(IpAddress::Ipv6);
        Route { prefix: IpCidr::Ipv6(prefix), via, interface: self.interface, metric: METRIC }
    }

    fn prefix(&mut self, now: Duration, said: &Prefix) {
        let prefix = Ipv6Cidr::new(said.bits, said.length);
        let IpCidr::Ipv6(prefix) = crate::tables::net(IpCidr::Ipv6(prefix)) else { return };
        if said.is_on_link {
            self.on_link(now, prefix, said.valid);
        }
        if !said.is_for_all || said.length != 64 {
            return;
        }
        if let Some(made) = self.made.iter_mut().find(|made| made.prefix == prefix) {
            let left = made.valid.saturating_sub(now);
            if said.valid > TWO_HOURS || said.valid > left {
                made.valid = now + said.valid;
            } else if left > TWO_HOURS {
                made.valid = now + TWO_HOURS;
            }
            made.preferred = (now + said.preferred).min(made.valid);
            if made.is_deprecated && !made.is_refused && made.preferred > now {
                made.is_deprecated = false;
                let own = Assigned { address: IpCidr::Ipv6(made.address), standing: Standing::Preferred };
                self.effects.push_back(Effect::Change(Change::Address(self.interface, own)));
            }
        } else if !said.preferred.is_zero() && self.made.len() < PREFIXES {
            let bits = u128::from(prefix.address()) | u128::from(interface_identifier(self.link));
            // Whether it is on the link another option says: the address alone does not.
            let address = Ipv6Cidr::new(bits.into(), 128);
            let (valid, preferred) = (now + said.valid, now + said.preferred);
            self.made.push(Made {
                prefix,
                address,
                valid,
                preferred,
                is_deprecated: false,
                is_refused: false,
            });
            self.effects.push_back(Effect::Address(address));
        }
    }

    fn on_link(&mut self, now: Duration, prefix: Ipv6Cidr, valid: Duration) {
        let known = self.near.iter().position(|(near, _)| *near == prefix);
        let route = self.route(prefix, None);
        match known {
            Some(index) if valid.is_zero() => {
                self.near.remove(index);
                self.effects.push_back(Effect::Change(Change::RouteGone(route)));
            }
            Some(index) => self.near[index].1 = now + valid,
            None if !valid.is_zero() && self.near.len() < PREFIXES => {
                self.near.push((prefix, now + valid));
                self.effects.push_back(Effect::Change(Change::Route(route)));
            }
            None => {}
        }
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        if let Some((left, due)) = self.solicit
            && due <= now
        {
            self.effects.push_back(Effect::Solicit);
            self.solicit = (left > 1).then(|| (left - 1, now + SOLICIT_EVERY));
        }
        while let Some(index) = self.routers.iter().position(|(_, until)| *until <= now) {
            let (router, _) = self.routers.remove(index);
            let route = self.route(Ipv6Cidr::new(Ipv6Address::UNSPECIFIED, 0), Some(router));
            self.effects.push_back(Effect::Change(Change::RouteGone(route)));
        }
        while let Some(index) = self.near.iter().position(|(_, until)| *until <= now) {
            let (prefix, _) = self.near.remove(index);
            let route = self.route(prefix, None);
            self.effects.push_back(Effect::Change(Change::RouteGone(route)));
        }
        while let Some(index) = self.made.iter().position(|made| made.valid <= now) {
            let address = IpAddress::Ipv6(self.made.remove(index).address.address());
            self.effects.push_back(Effect::Change(Change::AddressGone(self.interface, address)));
        }
        for made in self.made.iter_mut().filter(|made| !made.is_deprecated && made.preferred <= now) {
            made.is_deprecated = true;
            let own = Assigned { address: IpCidr::Ipv6(made.address), standing: Standing::Deprecated };
            self.effects.push_back(Effect::Change(Change::Address(self.interface, own)));
        }
    }
}
