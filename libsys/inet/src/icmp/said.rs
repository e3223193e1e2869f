//! What this host says.

use alloc::vec::Vec;

use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol};

use super::{Problem, is_error, is_somebodys};
use crate::bytes::Sum;
use crate::frame::pseudo_sum;
use crate::{Bytes, Cast, Packet};

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// From.
    pub source: IpAddress,
    /// To.
    pub destination: IpAddress,
    /// The message, with its sum.
    pub message: Vec<u8>,
}

impl Said {
    /// A message of the version of the addresses, whose sum is inserted.
    #[must_use]
    pub(crate) fn new(source: IpAddress, destination: IpAddress, mut message: Vec<u8>) -> Self {
        if let Some(field) = message.get_mut(2..4) {
            field.fill(0);
        }
        let mut sum = Sum::default();
        if let IpAddress::Ipv6(_) = source {
            sum.word(pseudo_sum(source, destination, IpProtocol::Icmpv6, message.len()));
        }
        sum.add(&message);
        if let Some(field) = message.get_mut(2..4) {
            field.copy_from_slice(&(!sum.folded()).to_be_bytes());
        }
        Self { source, destination, message }
    }

    /// Its protocol.
    #[must_use]
    pub const fn protocol(&self) -> IpProtocol {
        match self.source {
            IpAddress::Ipv4(_) => IpProtocol::Icmp,
            IpAddress::Ipv6(_) => IpProtocol::Icmpv6,
        }
    }
}

/// An echo for somebody.
#[must_use]
pub fn echo_request(source: IpAddress, destination: IpAddress, echo: super::Echo, data: &[u8]) -> Said {
    let kind = if matches!(source, IpAddress::Ipv6(_)) { 128 } else { 8 };
    let mut message = alloc::vec![kind, 0, 0, 0];
    message.extend(echo.identifier.to_be_bytes());
    message.extend(echo.sequence.to_be_bytes());
    message.extend(data);
    Said::new(source, destination, message)
}

/// The error about a packet that came in, from the address `own`; nothing where none is allowed: about another error, to or from a group or everybody, about a
/// fragment that is not the first, and about what is not quoted in memory any more (RFC 1122 3.2.2, RFC 4443 2.4 e). How often, is the caller's [limit](crate::Limit).
#[must_use]
pub fn error<B: Bytes + ?Sized>(
    problem: Problem,
    own: IpAddress,
    packet: &Packet,
    (bytes, to, cast): (&B, EthernetAddress, Cast),
) -> Option<Said> {
    let is_v6 = matches!(packet.source, IpAddress::Ipv6(_));
    // Only the length and header of a packet to a group may be spoken of in IPv6; a host says neither.
    let is_for_one = cast == Cast::Unicast && !to.is_multicast() && is_somebodys(packet.source);
    let is_first = packet.fragment.is_none_or(|fragment| fragment.offset == 0);
    let is_control = matches!(packet.protocol, IpProtocol::Icmp | IpProtocol::Icmpv6);
    let [kind] = bytes.take(packet.payload.start).unwrap_or([0]);
    let is_about_error = is_control && is_error(packet.protocol, kind);
    if !is_for_one || !is_first || is_about_error || packet.header.is_empty() || !is_somebodys(own) {
        return None;
    }
    let (kind, code, rest) = match (is_v6, problem) {
        (false, Problem::Network) => (3, 0, 0),
        (false, Problem::Host) => (3, 1, 0),
        (false, Problem::Protocol) => (3, 2, 0),
        (false, Problem::Port) => (3, 3, 0),
        (false, Problem::TooBig(mtu)) => (3, 4, mtu & 0xffff),
        (false, Problem::Prohibited) => (3, 13, 0),
        (false, Problem::Hops) => (11, 0, 0),
        (false, Problem::Reassembly) => (11, 1, 0),
        (false, Problem::Header) => (12, 0, 0),
        (true, Problem::Network) => (1, 0, 0),
        (true, Problem::Host) => (1, 3, 0),
        (true, Problem::Port) => (1, 4, 0),
        (true, Problem::TooBig(mtu)) => (2, 0, mtu),
        (true, Problem::Prohibited) => (1, 1, 0),
        (true, Problem::Hops) => (3, 0, 0),
        (true, Problem::Reassembly) => (3, 1, 0),
        // Where the protocol stands is known only without extension headers: the quote has them in any case.
        (true, Problem::Protocol) => (4, 1, 6),
        (true, Problem::Header) => (4, 0, 0),
    };
    // As much as fits the least packet that everybody takes.
    let most = if is_v6 { 1280 - 40 - 8 } else { 576 - 20 - 8 };
    let (start, end) = (packet.header.start, packet.payload.end.min(bytes.length()));
    let mut message = alloc::vec![0; 8 + most.min(end.saturating_sub(start))];
    message[0] = kind;
    message[1] = code;
    message[4..8].copy_from_slice(&u32::to_be_bytes(rest));
    bytes.copy(start, &mut message[8..]);
    Some(Said::new(own, packet.source, message))
}
