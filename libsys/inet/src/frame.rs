//! What is in a frame: looked at once, copied first, and from then on values and ranges that everybody can trust.
//!
//! Whoever handles a packet later needs no length check of its own: the transport's header is there, its ports are known, and its sum was right.
//! A sum says nothing about what the memory holds later: that may change, and only garbles what is in it.

mod transport;
mod v4;
mod v6;

use core::ops::Range;

use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol};

pub use transport::pseudo_sum;

use crate::{Bytes, Drop};

/// Bytes of an Ethernet header. Tags are not taken.
pub const LINK_HEADER: usize = 14;

/// An interface of this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceId(pub u8);

/// What the card has looked at already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// IPv4's header.
    pub internet: bool,
    /// TCP and UDP.
    pub transport: bool,
}

/// A frame that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// Where.
    pub interface: InterfaceId,
    /// From which machine on the link.
    pub from: EthernetAddress,
    /// To which.
    pub to: EthernetAddress,
    /// What is in it.
    pub what: What,
}

/// What is in a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// ARP, from here on.
    Arp(Range<usize>),
    /// An internet packet of either version.
    Packet(Packet),
}

/// An internet packet, or what was put together out of fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// From.
    pub source: IpAddress,
    /// To.
    pub destination: IpAddress,
    /// What the payload is.
    pub protocol: IpProtocol,
    /// Hops that were left.
    pub hop_limit: u8,
    /// Type of service, or traffic class.
    pub traffic_class: u8,
    /// Where the internet header begins, to be quoted by errors. Of a reassembled packet: empty.
    pub header: Range<usize>,
    /// The transport's header and what follows, without padding.
    pub payload: Range<usize>,
    /// If this is only a piece of a packet.
    pub fragment: Option<Fragment>,
    /// Source's and destination's, of TCP and UDP that are whole.
    pub ports: Option<(u16, u16)>,
}

/// Where a fragment belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// Which packet's, of those between the two.
    pub identification: u32,
    /// Bytes from the beginning of what was cut.
    pub offset: u16,
    /// Whether others follow.
    pub more: bool,
}

impl Packet {
    /// Of a packet that is whole, what of its payload is behind a UDP header.
    #[must_use]
    pub fn datagram(&self) -> Range<usize> {
        (self.payload.start + 8).min(self.payload.end)..self.payload.end
    }
}

/// Looks at a frame.
///
/// # Errors
/// Why it is to be dropped.
pub fn parse<B: Bytes + ?Sized>(
    interface: InterfaceId,
    frame: &B,
    verified: Verified,
) -> Result<Ingress, Drop> {
    let header: [u8; LINK_HEADER] = frame.take(0).ok_or(Drop::Short)?;
    let address = |at: usize| EthernetAddress::from_bytes(&header[at..at + 6]);
    let (to, from) = (address(0), address(6));
    if !from.is_unicast() {
        return Err(Drop::LinkAddress);
    }
    let what = match u16::from_be_bytes([header[12], header[13]]) {
        0x0800 => What::Packet(v4::parse(frame, verified)?),
        0x0806 => What::Arp(LINK_HEADER..frame.length()),
        0x86dd => What::Packet(v6::parse(frame, verified)?),
        _ => return Err(Drop::Unknown),
    };
    Ok(Ingress { interface, from, to, what })
}

/// Looks at a packet that was put together, whose payload, `length` bytes from 0 on, is now `bytes`.
///
/// # Errors
/// Why it is to be dropped.
pub fn reassembled<B: Bytes + ?Sized>(first: &Packet, bytes: &B, length: usize) -> Result<Packet, Drop> {
    let mut packet = Packet { header: 0..0, payload: 0..length, fragment: None, ..first.clone() };
    if length > bytes.length() {
        return Err(Drop::Short);
    }
    if let IpAddress::Ipv6(_) = packet.source {
        v6::chain(bytes, &mut packet)?;
        if packet.fragment.is_some() {
            return Err(Drop::Chain);
        }
    }
    transport::check(bytes, &mut packet, false)?;
    Ok(packet)
}
