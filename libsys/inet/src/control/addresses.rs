//! Addresses, routes and name servers that others give: DHCP's and the routers' wishes.

use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::wire::{IpAddress, IpCidr, Ipv4Address, Ipv4Cidr};

use super::{Control, EVERYBODY};
use crate::dhcp::{self, Lease};
use crate::udp::Endpoint;
use crate::{Assigned, Change, Hop, InterfaceId, Route, Standing, routers};

/// Of routes that DHCP gives.
const METRIC: u16 = 512;

impl Control {
    /// What DHCP and the routers want. Whether they wanted anything.
    pub(super) fn settle_addresses(&mut self, now: Duration) -> bool {
        let mut did = false;
        let ids: Vec<InterfaceId> = self.interfaces.keys().copied().collect();
        for id in ids {
            let Some(interface) = self.interfaces.get_mut(&id) else { continue };
            let dhcp: Vec<dhcp::Effect> =
                interface.dhcp.as_mut().map(|client| client.effects().collect()).unwrap_or_default();
            let mut routers = Vec::new();
            if let Some(of) = &mut interface.routers {
                routers.extend(core::iter::from_fn(|| of.effect()));
            }
            did |= !dhcp.is_empty() || !routers.is_empty();
            for effect in dhcp {
                self.of_dhcp(now, id, effect);
            }
            for effect in routers {
                self.of_router(now, id, effect);
            }
        }
        did
    }

    fn of_dhcp(&mut self, now: Duration, id: InterfaceId, effect: dhcp::Effect) {
        match effect {
            dhcp::Effect::Send { from, to, message } => {
                let address =
                    |address: Option<Ipv4Address>, else_: IpAddress| address.map_or(else_, IpAddress::Ipv4);
                let source = address(from, IpAddress::Ipv4(Ipv4Address::UNSPECIFIED));
                let destination = address(to, EVERYBODY);
                let hop = self.tables.hop(destination, Some(id)).unwrap_or(Hop::new(id, destination));
                let ends = (dhcp::CLIENT_PORT, dhcp::SERVER_PORT);
                let (from, to) = (Endpoint::new(source, ends.0), Endpoint::new(destination, ends.1));
                self.send_datagram(now, hop, from, to, &message);
            }
            dhcp::Effect::Check(address) => self.detection.begin(now, id, IpAddress::Ipv4(address)),
            dhcp::Effect::Bound(lease) => self.bound(now, id, &lease),
            dhcp::Effect::Over(address) => self.over(now, id, address),
        }
    }

    fn bound(&mut self, now: Duration, id: InterfaceId, lease: &Lease) {
        let own = Assigned { address: IpCidr::Ipv4(lease.address), standing: Standing::Preferred };
        let is_renewed = self.tables.is_own(own.address.address());
        let _ = self.change(Change::Address(id, own));
        for route in self.routes_of(id) {
            let is_kept = lease.routers.iter().any(|router| route.via == Some(IpAddress::Ipv4(*router)));
            if !is_kept {
                let _ = self.change(Change::RouteGone(route));
            }
        }
        for (place, router) in (0..).zip(&lease.routers) {
            let prefix = IpCidr::new(IpAddress::v4(0, 0, 0, 0), 0);
            let via = Some(IpAddress::Ipv4(*router));
            let _ = self.change(Change::Route(Route { prefix, via, interface: id, metric: METRIC + place }));
        }
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.servers = lease.servers.iter().map(|server| IpAddress::Ipv4(*server)).collect();
        }
        self.choose_servers(now);
        if !is_renewed {
            self.announce(now, id, own.address.address());
        }
    }

    /// Routes that DHCP has given.
    fn routes_of(&self, id: InterfaceId) -> Vec<Route> {
        let range = METRIC..METRIC + dhcp::SERVERS as u16;
        let is_it = |route: &&Route| route.interface == id && range.contains(&route.metric);
        self.tables.routes().iter().filter(is_it).copied().collect()
    }

    fn over(&mut self, now: Duration, id: InterfaceId, address: Ipv4Cidr) {
        self.detection.forget(id, IpAddress::Ipv4(address.address()));
        let _ = self.change(Change::AddressGone(id, IpAddress::Ipv4(address.address())));
        for route in self.routes_of(id) {
            let _ = self.change(Change::RouteGone(route));
        }
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.servers.clear();
        }
        self.choose_servers(now);
    }

    fn of_router(&mut self, now: Duration, id: InterfaceId, effect: routers::Effect) {
        match effect {
            routers::Effect::Solicit => self.solicit_routers(now, id),
            routers::Effect::Change(change) => {
                // Where no route or address has a place any more, this one is not used.
                let _ = self.change(change);
            }
            routers::Effect::Address(address) => {
                if self.tables.is_own(IpAddress::Ipv6(address.address())) {
                    return;
                }
                let _ = self.assign(now, id, IpCidr::Ipv6(address));
            }
            routers::Effect::Server(server, lasts) => {
                let Some(interface) = self.interfaces.get_mut(&id) else { return };
                let server = IpAddress::Ipv6(server);
                interface.servers_v6.retain(|(known, _)| *known != server);
                if !lasts.is_zero() && interface.servers_v6.len() < crate::dns::SERVERS {
                    interface.servers_v6.push((server, now + lasts));
                }
                self.choose_servers(now);
            }
        }
    }

    /// Asks from now on those that are known of, if there are any.
    pub(super) fn choose_servers(&mut self, now: Duration) {
        let mut servers = Vec::new();
        for interface in self.interfaces.values() {
            servers.extend(&interface.servers);
            servers.extend(
                interface.servers_v6.iter().filter(|(_, until)| *until > now).map(|(server, _)| server),
            );
        }
        if !servers.is_empty() {
            self.resolver.set_servers(servers);
        }
    }

    pub(super) fn expire_servers(&mut self, now: Duration) {
        let mut expired = false;
        for interface in self.interfaces.values_mut() {
            let before = interface.servers_v6.len();
            interface.servers_v6.retain(|(_, until)| *until > now);
            expired |= interface.servers_v6.len() < before;
        }
        if expired {
            self.choose_servers(now);
        }
    }
}
