//! What every protocol thread has to know and only one decides: interfaces, addresses, routes, and where neighbours are.
//!
//! Thread 0 owns them. Each thread has a replica, which it reads without asking anybody; the owner applies a [`Change`] to its own and sends the same value to the
//! others, which apply it in the same order. A change says what is, not what is to be done with what was: applied twice it does the same once.

use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use arrayvec::ArrayVec;
use hashbrown::HashMap;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv6Address};

use crate::interface::{Assigned, Cast, Interface, Kind, is_loopback};
use crate::random::Keyed;
use crate::routes::{Route, Routes};
use crate::{Drop, InterfaceId, Packet, Standing};

/// Interfaces of a host.
pub const INTERFACES: usize = 16;
/// Neighbours that a replica knows: as many as the owner does.
pub const NEIGHBOURS: usize = crate::neighbours::NEIGHBOURS;

/// A change that the owner has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// An interface that is there now, without addresses, or has another size.
    Interface(InterfaceId, Kind, u16),
    /// One that is gone, with all that depends on it.
    InterfaceGone(InterfaceId),
    /// An address that an interface has, with that standing.
    Address(InterfaceId, Assigned),
    /// One that it has no more.
    AddressGone(InterfaceId, IpAddress),
    /// A group that it hears.
    Joined(InterfaceId, IpAddress),
    /// One that it does not hear any more.
    Left(InterfaceId, IpAddress),
    /// A route.
    Route(Route),
    /// A route that is no more. Its metric does not matter.
    RouteGone(Route),
    /// Where a neighbour is.
    Neighbour(InterfaceId, IpAddress, Known),
    /// One of whom nothing is known any more.
    NeighbourGone(InterfaceId, IpAddress),
}

/// What is known of a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its address on the link.
    pub link: EthernetAddress,
    /// Whether whoever sends to it has to tell the owner, which then asks whether it is still there.
    pub is_stale: bool,
}

/// A table that has no place for another one. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// By which interface.
    pub interface: InterfaceId,
    /// To whom there: the destination or a router.
    pub next: IpAddress,
}

/// In whole words, of which keyed hashes take one at a time: this is done for every packet.
impl Hash for Hop {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let interface = u64::from(self.interface.0);
        match self.next {
            IpAddress::Ipv4(next) => state.write_u64(interface << 32 | u64::from(next.to_bits())),
            IpAddress::Ipv6(next) => {
                let bits = next.to_bits();
                state.write_u64((bits >> 64) as u64);
                state.write_u64(bits as u64);
                state.write_u64(interface);
            }
        }
    }
}

/// Why a packet cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// There is no way to the destination.
    Destination,
    /// There is, but no address to send from.
    Source,
}

/// One thread's replica.
#[derive(Clone, Debug)]
pub struct Tables {
    interfaces: ArrayVec<Interface, INTERFACES>,
    routes: Routes,
    neighbours: HashMap<Hop, Known, Keyed>,
    /// The interfaces' addresses that are used: what each packet's are compared with.
    own_v4: Vec<Ipv4Address>,
    own_v6: Vec<Ipv6Address>,
}

impl Tables {
    /// Empty ones; the key is for the hash table.
    #[must_use]
    pub fn new(key: Keyed) -> Self {
        let neighbours = HashMap::with_hasher(key);
        let (own_v4, own_v6) = Default::default();
        Self { interfaces: ArrayVec::new(), routes: Routes::default(), neighbours, own_v4, own_v6 }
    }

    /// All interfaces.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.interfaces
    }

    /// The static routes.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        self.routes.all()
    }

    /// One interface.
    #[must_use]
    pub fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.iter().find(|interface| interface.id == id)
    }

    /// Where a neighbour is, as far as is known.
    #[must_use]
    pub fn neighbour(&self, hop: Hop) -> Option<Known> {
        self.neighbours.get(&hop).copied()
    }

    /// Applies a change. One about an interface that is not there does nothing.
    ///
    /// # Errors
    /// There is no place.
    pub fn apply(&mut self, change: Change) -> Result<(), Full> {
        match change {
            Change::Interface(id, kind, mtu) => {
                if let Some(known) = self.interfaces.iter_mut().find(|interface| interface.id == id) {
                    (known.kind, known.mtu) = (kind, mtu);
                    return Ok(());
                }
                let (addresses, groups) = Default::default();
                let new = Interface { id, kind, mtu, addresses, groups };
                return self.interfaces.try_push(new).map_err(|_| Full);
            }
            Change::InterfaceGone(id) => {
                self.interfaces.retain(|interface| interface.id != id);
                self.routes.forget(id);
                self.neighbours.retain(|hop, _| hop.interface != id);
                self.note_own();
            }
            Change::Route(route) => return self.routes.add(route),
            Change::RouteGone(route) => self.routes.remove(&route),
            Change::Neighbour(id, address, known) => {
                let key = Hop { interface: id, next: address };
                if self.neighbours.len() == NEIGHBOURS && !self.neighbours.contains_key(&key) {
                    return Err(Full);
                }
                self.neighbours.insert(key, known);
            }
            Change::NeighbourGone(id, address) => {
                self.neighbours.remove(&Hop { interface: id, next: address });
            }
            Change::Address(id, ..)
            | Change::AddressGone(id, _)
            | Change::Joined(id, _)
            | Change::Left(id, _) => {
                if let Some(interface) = self.interfaces.iter_mut().find(|interface| interface.id == id) {
                    of_interface(interface, change)?;
                    self.note_own();
                }
            }
        }
        Ok(())
    }

    /// Notes anew which addresses are used.
    fn note_own(&mut self) {
        self.own_v4.clear();
        self.own_v6.clear();
        let all = self.interfaces.iter().flat_map(|interface| &interface.addresses);
        for own in all.filter(|own| own.standing != Standing::Tentative) {
            match own.address.address() {
                IpAddress::Ipv4(address) => self.own_v4.push(address),
                IpAddress::Ipv6(address) => self.own_v6.push(address),
            }
        }
    }

    /// All of it as changes, for a replica that begins.
    pub fn changes(&self) -> Vec<Change> {
        let of = |interface: &Interface| {
            let id = interface.id;
            let mut changes = alloc::vec![Change::Interface(id, interface.kind, interface.mtu)];
            changes.extend(interface.addresses.iter().map(|own| Change::Address(id, *own)));
            changes.extend(interface.groups.iter().map(|group| Change::Joined(id, *group)));
            changes
        };
        let interfaces = self.interfaces.iter().flat_map(of);
        let routes = self.routes.all().iter().map(|route| Change::Route(*route));
        let neighbour = |(hop, known): (&Hop, &Known)| Change::Neighbour(hop.interface, hop.next, *known);
        interfaces.chain(routes).chain(self.neighbours.iter().map(neighbour)).collect()
    }

    /// Whether a packet that came in is for this host, and as what.
    ///
    /// # Errors
    /// Why it is to be dropped.
    pub fn admit(&self, interface: InterfaceId, to: EthernetAddress, packet: &Packet) -> Result<Cast, Drop> {
        let interface = self.interface(interface).ok_or(Drop::NotOurs)?;
        let is_inside = interface.kind == Kind::Loopback;
        if !is_inside && (is_loopback(packet.source) || is_loopback(packet.destination)) {
            return Err(Drop::Source);
        }
        // Nobody on a link is this host, but for what it says to itself.
        let is_own = !is_inside && self.is_own(packet.source);
        if is_own && !cfg!(bite = "inet-land-admitted") {
            return Err(Drop::Spoofed);
        }
        if let IpAddress::Ipv4(source) = packet.source
            && interface.is_broadcast(source)
        {
            return Err(Drop::Source);
        }
        let cast = match interface.cast(packet.destination) {
            Some(cast) => cast,
            // An address of another interface is this host's, too, unless it means something on its own link alone.
            None if self.is_own(packet.destination)
                && !crate::interface::is_link_local(packet.destination) =>
            {
                Cast::Unicast
            }
            None => return Err(Drop::NotOurs),
        };
        interface.check_link(to, cast)?;
        Ok(cast)
    }

    /// Whether this host has that address, and uses it.
    #[must_use]
    pub fn is_own(&self, address: IpAddress) -> bool {
        match address {
            IpAddress::Ipv4(address) => self.own_v4.contains(&address),
            IpAddress::Ipv6(address) => self.own_v6.contains(&address),
        }
    }

    /// The way to a destination, by the interface `by` if that is given, as it has to be for groups and for what means something on one link alone.
    ///
    /// # Errors
    /// There is none.
    pub fn hop(&self, destination: IpAddress, by: Option<InterfaceId>) -> Result<Hop, NoRoute> {
        if is_loopback(destination) || self.is_own(destination) {
            let inside = self.interfaces.iter().find(|interface| interface.kind == Kind::Loopback);
            let interface = inside.ok_or(NoRoute::Destination)?.id;
            return Ok(Hop { interface, next: destination });
        }
        if destination.is_unspecified() {
            return Err(NoRoute::Destination);
        }
        let is_candidate = |interface: &&Interface| by.is_none_or(|by| by == interface.id);
        let mut candidates = self.interfaces.iter().filter(is_candidate);
        let is_all = match destination {
            IpAddress::Ipv4(address) => candidates.clone().any(|interface| interface.is_broadcast(address)),
            IpAddress::Ipv6(_) => false,
        };
        if destination.is_multicast() || is_all || crate::interface::is_link_local(destination) {
            let first = candidates.find(|interface| interface.kind != Kind::Loopback);
            let interface = first.ok_or(NoRoute::Destination)?.id;
            return Ok(Hop { interface, next: destination });
        }
        // A link is a route to what is on it.
        let near = candidates.flat_map(|interface| {
            let own = interface.addresses.iter().filter(|own| own.address.contains_addr(&destination));
            own.map(|own| (own.address.prefix_len(), interface.id))
        });
        let near = near.max_by_key(|(length, _)| *length);
        let far = self.routes.best(destination, by);
        match (near, far) {
            (Some((length, interface)), far)
                if far.is_none_or(|route| route.prefix.prefix_len() <= length) =>
            {
                Ok(Hop { interface, next: destination })
            }
            (_, Some(route)) => {
                Ok(Hop { interface: route.interface, next: route.via.unwrap_or(destination) })
            }
            (_, None) => Err(NoRoute::Destination),
        }
    }

    /// The way, and the address to send from (RFC 6724, 5: rules 1, 2, 3, 5 and 8; the host has no home and no labels).
    ///
    /// # Errors
    /// What there is not.
    pub fn route(
        &self,
        destination: IpAddress,
        by: Option<InterfaceId>,
    ) -> Result<(Hop, IpAddress), NoRoute> {
        let hop = self.hop(destination, by)?;
        let source = crate::routes::source(&self.interfaces, hop.interface, destination);
        Ok((hop, source.ok_or(NoRoute::Source)?))
    }
}

fn of_interface(interface: &mut Interface, change: Change) -> Result<(), Full> {
    match change {
        Change::Address(_, new) => {
            let is_same = |own: &&mut Assigned| own.address.address() == new.address.address();
            if let Some(own) = interface.addresses.iter_mut().find(is_same) {
                *own = new;
                return Ok(());
            }
            return interface.addresses.try_push(new).map_err(|_| Full);
        }
        Change::AddressGone(_, address) => {
            interface.addresses.retain(|own: &mut Assigned| own.address.address() != address);
        }
        Change::Joined(_, group) if !interface.groups.contains(&group) => {
            return interface.groups.try_push(group).map_err(|_| Full);
        }
        Change::Left(_, group) => interface.groups.retain(|own| *own != group),
        _ => {}
    }
    Ok(())
}

/// The net of an address.
#[must_use]
pub fn net(address: IpCidr) -> IpCidr {
    match address {
        IpCidr::Ipv4(address) => IpCidr::Ipv4(address.network()),
        IpCidr::Ipv6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(address.prefix_len())).unwrap_or(0);
            let network = (u128::from(address.address()) & mask).into();
            IpCidr::Ipv6(smoltcp::wire::Ipv6Cidr::new(network, address.prefix_len()))
        }
    }
}
