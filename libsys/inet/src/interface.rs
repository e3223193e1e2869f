//! The interfaces of this host: their addresses, the groups they are in, and what is for them.

use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv6Address};

use crate::{Drop, InterfaceId};

/// Addresses of one interface.
pub const ADDRESSES: usize = 16;
/// Groups that one interface is in, beside those that it always is.
pub const GROUPS: usize = 32;

/// What an interface is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A card.
    Ethernet(EthernetAddress),
    /// This host itself.
    Loopback,
}

/// How far an address can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Perhaps somebody else has it: nothing is sent from it, and only what finds that out is received (RFC 4862, 5227).
    Tentative,
    /// For everything.
    Preferred,
    /// For what has begun with it.
    Deprecated,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assigned {
    /// It, and how much of it is the link's.
    pub address: IpCidr,
    /// How far it can be used.
    pub standing: Standing,
}

/// An interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Its number.
    pub id: InterfaceId,
    /// What it is.
    pub kind: Kind,
    /// Bytes of the longest internet packet.
    pub mtu: u16,
    /// Its addresses.
    pub addresses: ArrayVec<Assigned, ADDRESSES>,
    /// Groups that somebody has joined.
    pub groups: ArrayVec<IpAddress, GROUPS>,
}

/// Whom a packet is for, among those here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cast {
    /// An address of this host.
    Unicast,
    /// All on a link.
    Broadcast,
    /// A group.
    Multicast,
}

impl Interface {
    /// Its address on the link; zeroes if it has none.
    #[must_use]
    pub const fn link_address(&self) -> EthernetAddress {
        match self.kind {
            Kind::Ethernet(address) => address,
            Kind::Loopback => EthernetAddress([0; 6]),
        }
    }

    /// Whether it has that address, tentative or not.
    #[must_use]
    pub fn has(&self, address: IpAddress) -> Option<Standing> {
        self.addresses.iter().find(|own| own.address.address() == address).map(|own| own.standing)
    }

    /// Whether a packet to that address is for this interface.
    #[must_use]
    pub fn cast(&self, destination: IpAddress) -> Option<Cast> {
        if let Some(standing) = self.has(destination) {
            return (standing != Standing::Tentative).then_some(Cast::Unicast);
        }
        match destination {
            IpAddress::Ipv4(address) if self.is_broadcast(address) => Some(Cast::Broadcast),
            _ if destination.is_multicast() => self.is_member(destination).then_some(Cast::Multicast),
            _ => (self.kind == Kind::Loopback && is_loopback(destination)).then_some(Cast::Unicast),
        }
    }

    /// Whether that means all on this link: everybody, or a net of this interface's with nothing but ones.
    #[must_use]
    pub fn is_broadcast(&self, address: Ipv4Address) -> bool {
        let of_net = |own: &Assigned| match own.address {
            IpCidr::Ipv4(own) => own.broadcast() == Some(address),
            IpCidr::Ipv6(_) => false,
        };
        address.is_broadcast() || self.addresses.iter().any(of_net)
    }

    /// Whether it hears that group: all nodes, the solicited-node groups of its addresses, and what was joined.
    #[must_use]
    pub fn is_member(&self, group: IpAddress) -> bool {
        let is_always = match group {
            IpAddress::Ipv4(group) => group == Ipv4Address::new(224, 0, 0, 1),
            IpAddress::Ipv6(group) => {
                let solicited = |own: &Assigned| match own.address {
                    IpCidr::Ipv6(own) => solicited_node(own.address()) == group,
                    IpCidr::Ipv4(_) => false,
                };
                group == Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
                    || group == Ipv6Address::new(0xff01, 0, 0, 0, 0, 0, 0, 1)
                    || self.addresses.iter().any(solicited)
            }
        };
        is_always || self.groups.contains(&group)
    }

    /// Whether a frame to that machine on the link is for this interface, when what is in it is for `cast`. Only what is for all may come to all (RFC 1122 3.3.6).
    ///
    /// # Errors
    /// Why it is to be dropped.
    pub fn check_link(&self, to: EthernetAddress, cast: Cast) -> Result<(), Drop> {
        let is_right = match self.kind {
            Kind::Loopback => true,
            Kind::Ethernet(own) if to == own => true,
            Kind::Ethernet(_) => to.is_multicast() && cast != Cast::Unicast,
        };
        if is_right { Ok(()) } else { Err(Drop::LinkAddress) }
    }
}

/// The group that whoever looks for that address asks (RFC 4291 2.7.1).
#[must_use]
pub fn solicited_node(address: Ipv6Address) -> Ipv6Address {
    let [.., a, b, c] = address.octets();
    Ipv6Address::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), u16::from_be_bytes([b, c]))
}

/// Where on the link a group, or everybody, is spoken to (RFC 1112 6.4, 2464 7); nothing for one machine's address.
#[must_use]
pub fn group_link_address(destination: IpAddress) -> Option<EthernetAddress> {
    match destination {
        IpAddress::Ipv4(address) if address.is_broadcast() => Some(EthernetAddress::BROADCAST),
        IpAddress::Ipv4(address) if address.is_multicast() => {
            let [_, a, b, c] = address.octets();
            Some(EthernetAddress([1, 0, 0x5e, a & 0x7f, b, c]))
        }
        IpAddress::Ipv6(address) if address.is_multicast() => {
            let [.., a, b, c, d] = address.octets();
            Some(EthernetAddress([0x33, 0x33, a, b, c, d]))
        }
        _ => None,
    }
}

/// Whether that never leaves this host.
#[must_use]
pub fn is_loopback(address: IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_loopback(),
        IpAddress::Ipv6(address) => address.is_loopback(),
    }
}

/// Whether that means something on one link only.
#[must_use]
pub fn is_link_local(address: IpAddress) -> bool {
    match address {
        IpAddress::Ipv4(address) => address.is_link_local(),
        IpAddress::Ipv6(address) => address.is_unicast_link_local(),
    }
}
