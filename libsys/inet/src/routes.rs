//! Routes that somebody has set, and which of our addresses a packet comes from.

use arrayvec::ArrayVec;
use smoltcp::wire::{IpAddress, IpCidr};

use crate::InterfaceId;
use crate::interface::{Assigned, Interface, Standing, is_link_local, is_loopback};
use crate::tables::{Full, net};

/// Routes of a host.
pub const ROUTES: usize = 64;

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// To where.
    pub prefix: IpCidr,
    /// By whom; nobody, if it is on the link.
    pub via: Option<IpAddress>,
    /// On which interface.
    pub interface: InterfaceId,
    /// The smaller is preferred among those as long.
    pub metric: u16,
}

/// All routes, the one to be preferred first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routes(ArrayVec<Route, ROUTES>);

impl Routes {
    pub(crate) fn all(&self) -> &[Route] {
        &self.0
    }

    /// Adds one, in place of one that differs in its metric alone.
    pub(crate) fn add(&mut self, route: Route) -> Result<(), Full> {
        let route = Route { prefix: net(route.prefix), ..route };
        if self.0.is_full() && !self.0.iter().any(|other| is_same(other, &route)) {
            return Err(Full);
        }
        self.remove(&route);
        let key = |route: &Route| (core::cmp::Reverse(route.prefix.prefix_len()), route.metric);
        let at = self.0.partition_point(|other| key(other) <= key(&route));
        self.0.insert(at, route);
        Ok(())
    }

    pub(crate) fn remove(&mut self, route: &Route) {
        let route = Route { prefix: net(route.prefix), ..*route };
        self.0.retain(|other| !is_same(other, &route));
    }

    pub(crate) fn forget(&mut self, interface: InterfaceId) {
        self.0.retain(|route| route.interface != interface);
    }

    /// The longest prefix with the smallest metric.
    pub(crate) fn best(&self, destination: IpAddress, by: Option<InterfaceId>) -> Option<&Route> {
        let fits = |route: &&Route| {
            route.prefix.contains_addr(&destination) && by.is_none_or(|by| by == route.interface)
        };
        self.0.iter().find(fits)
    }
}

fn is_same(one: &Route, other: &Route) -> bool {
    (one.prefix, one.via, one.interface) == (other.prefix, other.via, other.interface)
}

/// The address to send from: the destination itself if it is ours; else the one of a sufficient scope, not deprecated, of the interface that is used, with
/// most in common, in that order.
pub(crate) fn source(
    interfaces: &[Interface],
    outgoing: InterfaceId,
    destination: IpAddress,
) -> Option<IpAddress> {
    if is_loopback(destination) {
        return Some(destination);
    }
    let own = interfaces
        .iter()
        .flat_map(|interface| interface.addresses.iter().map(move |own| (interface.id, own)));
    let is_candidate = |(id, own): &(InterfaceId, &Assigned)| {
        let address = own.address.address();
        let is_elsewhere = *id != outgoing && (is_link_local(address) || is_loopback(address));
        address.version() == destination.version()
            && own.standing != Standing::Tentative
            && !is_elsewhere
            && (!is_loopback(address) || destination == address)
    };
    let preference = |(id, own): &(InterfaceId, &Assigned)| {
        let address = own.address.address();
        let (mine, theirs) = (scope(address), scope(destination));
        // Too small a scope is worse than too large a one; among those that suffice the smallest.
        let scopes = if mine >= theirs { (1, 16 - mine) } else { (0, mine) };
        let is_preferred = own.standing == Standing::Preferred;
        (address == destination, scopes, is_preferred, *id == outgoing, common(address, destination))
    };
    // `max_by_key` takes the last of equals; the first one set shall be it.
    let mut best: Option<(_, IpAddress)> = None;
    for candidate in own.filter(is_candidate) {
        let preference = preference(&candidate);
        if best.as_ref().is_none_or(|(so_far, _)| preference > *so_far) {
            best = Some((preference, candidate.1.address.address()));
        }
    }
    best.map(|(_, address)| address)
}

/// How far an address means something (RFC 6724, 3.1), as multicast says it.
fn scope(address: IpAddress) -> u8 {
    match address {
        IpAddress::Ipv6(address) if address.is_multicast() => address.octets()[1] & 15,
        IpAddress::Ipv4(address) if address.octets()[..3] == [224, 0, 0] => 2,
        _ if is_link_local(address) || is_loopback(address) => 2,
        _ => 14,
    }
}

/// Bits that two addresses have in common from the beginning, at most a link's prefix of them.
fn common(one: IpAddress, other: IpAddress) -> u32 {
    match (one, other) {
        (IpAddress::Ipv4(one), IpAddress::Ipv4(other)) => (u32::from(one) ^ u32::from(other)).leading_zeros(),
        (IpAddress::Ipv6(one), IpAddress::Ipv6(other)) => {
            (u128::from(one) ^ u128::from(other)).leading_zeros().min(64)
        }
        _ => 0,
    }
}
