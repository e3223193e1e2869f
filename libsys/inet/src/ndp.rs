//! Neighbour discovery's messages (RFC 4861), checked as it wants them checked, and how ours are said. Redirects are not followed: anybody on a link can make them.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use arrayvec::ArrayVec;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, Icmpv6Message, Icmpv6Packet, Icmpv6Repr, IpAddress, Ipv6Address, NdiscNeighborFlags,
    NdiscOption, NdiscOptionRepr, NdiscPrefixInfoFlags, NdiscPrefixInformation, NdiscRepr,
    RawHardwareAddress,
};

use crate::{Bytes, Drop, Packet};

/// Prefixes of one advertisement that are looked at.
pub const PREFIXES: usize = 8;
/// Name servers of one advertisement that are looked at (RFC 8106).
pub const SERVERS: usize = 3;
/// Bytes of the longest message that is looked at.
const MOST: usize = 1500;
const RECURSIVE_SERVERS: u8 = 25;

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ndp {
    /// Somebody looks for routers.
    RouterSolicit(Option<EthernetAddress>),
    /// A router is there.
    RouterAdvert(Box<Advert>),
    /// Somebody looks for the target, and says where it is itself unless it has no address yet.
    Solicit(Ipv6Address, Option<EthernetAddress>),
    /// The target is there.
    Advert {
        /// Whose address it is.
        target: Ipv6Address,
        /// Where it is on the link.
        link: Option<EthernetAddress>,
        /// Whether it was asked.
        is_answer: bool,
        /// Whether that is to replace what was known.
        replaces: bool,
    },
    /// A better way, which is not believed.
    Redirect,
}

/// What a router says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advert {
    /// Where it is on the link.
    pub link: Option<EthernetAddress>,
    /// For how long packets may be sent by it; zero if not at all.
    pub lifetime: Duration,
    /// Bytes of the link's longest packet.
    pub mtu: Option<u32>,
    /// Prefixes.
    pub prefixes: ArrayVec<Prefix, PREFIXES>,
    /// Name servers, and for how long.
    pub servers: ArrayVec<(Ipv6Address, Duration), SERVERS>,
}

/// A prefix that a router tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// Its bits.
    pub bits: Ipv6Address,
    /// How many.
    pub length: u8,
    /// Whether what has it is on this link.
    pub is_on_link: bool,
    /// Whether everybody makes an address with it.
    pub is_for_all: bool,
    /// For how long it can be used.
    pub valid: Duration,
    /// And for how long for what is new.
    pub preferred: Duration,
}

impl Ndp {
    /// Whether an ICMPv6 message of that type is one of these.
    #[must_use]
    pub const fn is_one(kind: u8) -> bool {
        matches!(kind, 133..=137)
    }

    /// Looks at a message.
    ///
    /// # Errors
    /// It is to be dropped in silence (RFC 4861, 6.1 and 7.1).
    pub fn parse<B: Bytes + ?Sized>(packet: &Packet, bytes: &B) -> Result<Self, Drop> {
        let (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)) = (packet.source, packet.destination)
        else {
            return Err(Drop::Discovery);
        };
        let length = packet.payload.len();
        // Nobody behind a router can reach 255.
        let is_near = packet.hop_limit == 255 || cfg!(bite = "inet-discovery-from-afar");
        if !is_near || !(8..=MOST).contains(&length) {
            return Err(Drop::Discovery);
        }
        let mut message = alloc::vec![0; length];
        bytes.copy(packet.payload.start, &mut message);
        let icmp = Icmpv6Packet::new_checked(&message[..]).map_err(|_| Drop::Discovery)?;
        if icmp.msg_code() != 0 {
            return Err(Drop::Discovery);
        }
        let options = |from: usize| Options::parse(message.get(from..).unwrap_or_default());
        let (kind, is_unspecified) = (icmp.msg_type(), source.is_unspecified());
        let target = || {
            let target = icmp.target_addr();
            if length < 24 || target.is_multicast() { Err(Drop::Discovery) } else { Ok(target) }
        };
        let parsed = match kind {
            Icmpv6Message::RouterSolicit => {
                let link = options(8)?.source;
                if is_unspecified && link.is_some() {
                    return Err(Drop::Discovery);
                }
                Self::RouterSolicit(link)
            }
            Icmpv6Message::RouterAdvert => {
                if !source.is_unicast_link_local() || length < 16 {
                    return Err(Drop::Discovery);
                }
                let Options { source: link, mtu, prefixes, servers, .. } = options(16)?;
                let lifetime = Duration::from_secs(icmp.router_lifetime().secs());
                Self::RouterAdvert(Box::new(Advert { link, lifetime, mtu, prefixes, servers }))
            }
            Icmpv6Message::NeighborSolicit => {
                let (target, link) = (target()?, options(24)?.source);
                let is_for_group = destination == crate::interface::solicited_node(target);
                if is_unspecified && (!is_for_group || link.is_some()) {
                    return Err(Drop::Discovery);
                }
                Self::Solicit(target, link)
            }
            Icmpv6Message::NeighborAdvert => {
                let (target, link, flags) = (target()?, options(24)?.target, icmp.neighbor_flags());
                let is_answer = flags.contains(NdiscNeighborFlags::SOLICITED);
                if destination.is_multicast() && is_answer {
                    return Err(Drop::Discovery);
                }
                let replaces = flags.contains(NdiscNeighborFlags::OVERRIDE);
                Self::Advert { target, link, is_answer, replaces }
            }
            Icmpv6Message::Redirect => Self::Redirect,
            _ => return Err(Drop::Discovery),
        };
        Ok(parsed)
    }
}

#[derive(Default)]
struct Options {
    source: Option<EthernetAddress>,
    target: Option<EthernetAddress>,
    mtu: Option<u32>,
    prefixes: ArrayVec<Prefix, PREFIXES>,
    servers: ArrayVec<(Ipv6Address, Duration), SERVERS>,
}

impl Options {
    /// All of them. One that is unknown is skipped, one without a length makes the whole message none.
    fn parse(mut bytes: &[u8]) -> Result<Self, Drop> {
        let mut options = Self::default();
        while !bytes.is_empty() {
            let units = usize::from(*bytes.get(1).ok_or(Drop::Discovery)?);
            let option = bytes.get(..units * 8).filter(|_| units > 0).ok_or(Drop::Discovery)?;
            bytes = &bytes[units * 8..];
            if option[0] == RECURSIVE_SERVERS {
                options.add_servers(option);
                continue;
            }
            let Ok(checked) = NdiscOption::new_checked(option) else { return Err(Drop::Discovery) };
            if !matches!(option[0], 1 | 2 | 3 | 5) {
                continue;
            }
            match NdiscOptionRepr::parse(&checked).map_err(|_| Drop::Discovery)? {
                NdiscOptionRepr::SourceLinkLayerAddr(address) => options.source = link(address)?,
                NdiscOptionRepr::TargetLinkLayerAddr(address) => options.target = link(address)?,
                NdiscOptionRepr::Mtu(mtu) => options.mtu = Some(mtu),
                NdiscOptionRepr::PrefixInformation(prefix) => {
                    let _ = options.prefixes.try_push(Prefix::from(prefix));
                }
                _ => {}
            }
        }
        Ok(options)
    }

    fn add_servers(&mut self, option: &[u8]) {
        let [_, _, _, _, a, b, c, d, addresses @ ..] = option else { return };
        let lifetime = Duration::from_secs(u32::from_be_bytes([*a, *b, *c, *d]).into());
        for address in addresses.chunks_exact(16) {
            let octets: [u8; 16] = core::array::from_fn(|index| address[index]);
            let _ = self.servers.try_push((octets.into(), lifetime));
        }
    }
}

impl From<NdiscPrefixInformation> for Prefix {
    fn from(said: NdiscPrefixInformation) -> Self {
        Self {
            bits: said.prefix,
            length: said.prefix_len,
            is_on_link: said.flags.contains(NdiscPrefixInfoFlags::ON_LINK),
            is_for_all: said.flags.contains(NdiscPrefixInfoFlags::ADDRCONF),
            valid: Duration::from_secs(said.valid_lifetime.secs()),
            preferred: Duration::from_secs(said.preferred_lifetime.secs()),
        }
    }
}

fn link(address: RawHardwareAddress) -> Result<Option<EthernetAddress>, Drop> {
    let octets: [u8; 6] =
        address.as_bytes().get(..6).and_then(|six| six.try_into().ok()).ok_or(Drop::Discovery)?;
    let address = EthernetAddress(octets);
    if address.is_unicast() { Ok(Some(address)) } else { Err(Drop::Discovery) }
}

/// Asks for the target: with where we are, unless from no address.
#[must_use]
pub fn solicit(
    link: EthernetAddress,
    source: Ipv6Address,
    destination: Ipv6Address,
    target: Ipv6Address,
) -> Vec<u8> {
    let lladdr = (!source.is_unspecified()).then(|| link.into());
    message(source, destination, NdiscRepr::NeighborSolicit { target_addr: target, lladdr })
}

/// Says where the target, which is ours, is.
#[must_use]
pub fn advert(
    link: EthernetAddress,
    source: Ipv6Address,
    destination: Ipv6Address,
    target: Ipv6Address,
) -> Vec<u8> {
    let mut flags = NdiscNeighborFlags::OVERRIDE;
    flags.set(NdiscNeighborFlags::SOLICITED, !destination.is_multicast());
    let repr = NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr: Some(link.into()) };
    message(source, destination, repr)
}

/// Asks for routers.
#[must_use]
pub fn solicit_routers(link: EthernetAddress, source: Ipv6Address, destination: Ipv6Address) -> Vec<u8> {
    let lladdr = (!source.is_unspecified()).then(|| link.into());
    message(source, destination, NdiscRepr::RouterSolicit { lladdr })
}

fn message(source: Ipv6Address, destination: Ipv6Address, repr: NdiscRepr<'_>) -> Vec<u8> {
    let repr = Icmpv6Repr::Ndisc(repr);
    let mut bytes = alloc::vec![0; repr.buffer_len()];
    let mut packet = Icmpv6Packet::new_unchecked(&mut bytes[..]);
    repr.emit(&source, &destination, &mut packet, &ChecksumCapabilities::default());
    bytes
}
