//! What can be seen and changed of the network.

use alloc::vec::Vec;

use anax_inet::{Change, InterfaceId, Kind, Route, Standing, tables};
use anax_socket::{Address, AddressReport, Failure, InterfaceReport, LinkKind, NeighbourReport, RouteReport};
use smoltcp::wire::IpCidr;

use super::{Zero, ZeroHost};
use crate::convert::{address, inner};
use crate::session::Arena;
use crate::shard::Shard;

/// Reports that fit into one answer.
const INTERFACES: usize = 4;
const OTHERS: usize = 32;

fn net(network: Address, prefix: u8) -> Result<IpCidr, Failure> {
    let most = if network.version() == 4 { 32 } else { 128 };
    if prefix > most { Err(Failure::BadArgument) } else { Ok(IpCidr::new(inner(network), prefix)) }
}

impl<A: Arena> Zero<A> {
    pub(crate) fn interfaces(&self, first: u32) -> Vec<InterfaceReport> {
        let all = self.control.tables().interfaces().iter().skip(first as usize).take(INTERFACES);
        let report = |interface: &anax_inet::Interface| {
            let card = self.cards.iter().find(|card| card.interface == interface.id);
            let report = |own: &anax_inet::Assigned| AddressReport {
                address: address(own.address.address()),
                prefix: own.address.prefix_len(),
                is_tentative: own.standing == Standing::Tentative,
            };
            InterfaceReport {
                number: interface.id.0.into(),
                kind: match interface.kind {
                    Kind::Loopback => LinkKind::Loopback,
                    Kind::Ethernet(link) => LinkKind::Ethernet(link.0),
                },
                is_up: card.is_none_or(|card| card.is_up),
                mtu: interface.mtu,
                addresses: interface.addresses.iter().map(report).collect(),
            }
        };
        all.map(report).collect()
    }

    pub(crate) fn routes(&self, first: u32) -> Vec<RouteReport> {
        let report = |route: &Route| RouteReport {
            network: address(route.prefix.address()),
            prefix: route.prefix.prefix_len(),
            via: route.via.map(address),
            interface: route.interface.0.into(),
        };
        self.control.tables().routes().iter().skip(first as usize).take(OTHERS).map(report).collect()
    }

    pub(crate) fn neighbours(&self, first: u32) -> Vec<NeighbourReport> {
        let report = |change| match change {
            Change::Neighbour(interface, own, known) => Some(NeighbourReport {
                interface: interface.0.into(),
                address: address(own),
                link: known.link.0,
                is_stale: known.is_stale,
            }),
            _ => None,
        };
        let all = self.control.tables().changes();
        all.into_iter().filter_map(report).skip(first as usize).take(OTHERS).collect()
    }

    pub(crate) fn assign<H: ZeroHost<Arena = A>>(
        &mut self,
        interface: u32,
        own: Address,
        prefix: u8,
        is_there: bool,
        shard: &mut Shard<H>,
    ) -> Result<(), Failure> {
        let cidr = net(own, prefix)?;
        let id = u8::try_from(interface).map(InterfaceId).map_err(|_| Failure::BadArgument)?;
        self.control.tables().interface(id).ok_or(Failure::BadArgument)?;
        let done = if is_there {
            self.control.assign(self.now, id, cidr)
        } else {
            self.control.change(Change::AddressGone(id, cidr.address()))
        };
        self.output(shard);
        done.map_err(|_| Failure::Full)
    }

    pub(crate) fn route<H: ZeroHost<Arena = A>>(
        &mut self,
        network: Address,
        prefix: u8,
        via: Address,
        is_there: bool,
        shard: &mut Shard<H>,
    ) -> Result<(), Failure> {
        let prefix = tables::net(net(network, prefix)?);
        let via = inner(via);
        let interface = self.control.tables().hop(via, None).map_err(|_| Failure::NoRoute)?.interface;
        let route = Route { prefix, via: Some(via), interface, metric: 0 };
        let change = if is_there { Change::Route(route) } else { Change::RouteGone(route) };
        let done = self.control.change(change);
        self.output(shard);
        done.map_err(|_| Failure::Full)
    }

    /// What was counted, by name.
    pub fn named_counters(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.drops.named().chain(self.control.counters().named())
    }
}
