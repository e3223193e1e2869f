//! The transport's header, as far as everybody needs it: lengths, ports, sums.

use smoltcp::wire::{IpAddress, IpProtocol};

use super::Packet;
use crate::bytes::Sum;
use crate::{Bytes, Drop};

/// The sum over the pseudo-header, not complemented: what a card wants that inserts the rest (RFC 9293 3.1, 768, 8200 8.1).
#[must_use]
pub fn pseudo_sum(source: IpAddress, destination: IpAddress, protocol: IpProtocol, length: usize) -> u16 {
    let mut sum = Sum::default();
    for address in [source, destination] {
        match address {
            IpAddress::Ipv4(address) => sum.add(&address.octets()),
            IpAddress::Ipv6(address) => sum.add(&address.octets()),
        }
    }
    sum.word(u8::from(protocol).into());
    sum.word((length >> 16) as u16);
    sum.word(length as u16);
    sum.folded()
}

/// Checks what the transport's header says of itself, and its sum unless the card has: trims the payload to it and takes the ports.
pub(super) fn check<B: Bytes + ?Sized>(
    bytes: &B,
    packet: &mut Packet,
    is_verified: bool,
) -> Result<(), Drop> {
    let (start, length) = (packet.payload.start, packet.payload.len());
    match packet.protocol {
        IpProtocol::Udp => {
            let header: [u8; 8] = bytes.take(start).filter(|_| length >= 8).ok_or(Drop::Udp)?;
            let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
            let said = usize::from(word(4));
            if said < 8 || said > length {
                return Err(Drop::Udp);
            }
            packet.payload.end = start + said;
            packet.ports = Some((word(0), word(2)));
            match (word(6), packet.source) {
                (0, IpAddress::Ipv4(_)) => Ok(()),
                (0, IpAddress::Ipv6(_)) => Err(Drop::TransportSum),
                _ => sum(bytes, packet, is_verified),
            }
        }
        IpProtocol::Tcp => {
            let header: [u8; 20] = bytes.take(start).filter(|_| length >= 20).ok_or(Drop::Tcp)?;
            let said = usize::from(header[12] >> 4) * 4;
            if said < 20 || said > length {
                return Err(Drop::Tcp);
            }
            let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
            packet.ports = Some((word(0), word(2)));
            sum(bytes, packet, is_verified)
        }
        IpProtocol::Icmp if matches!(packet.source, IpAddress::Ipv4(_)) => {
            let is_right = length >= 8 && bytes.sum(packet.payload.clone()) == 0xffff;
            if is_right { Ok(()) } else { Err(if length < 8 { Drop::Icmp } else { Drop::TransportSum }) }
        }
        IpProtocol::Icmpv6 if matches!(packet.source, IpAddress::Ipv6(_)) => {
            // Cards do not look at this one.
            if length < 8 { Err(Drop::Icmp) } else { sum(bytes, packet, false) }
        }
        _ => Ok(()),
    }
}

fn sum<B: Bytes + ?Sized>(bytes: &B, packet: &Packet, is_verified: bool) -> Result<(), Drop> {
    if is_verified || cfg!(bite = "inet-sum-unchecked") {
        return Ok(());
    }
    let mut sum = Sum::default();
    sum.word(pseudo_sum(packet.source, packet.destination, packet.protocol, packet.payload.len()));
    sum.word(bytes.sum(packet.payload.clone()));
    if sum.folded() == 0xffff { Ok(()) } else { Err(Drop::TransportSum) }
}
