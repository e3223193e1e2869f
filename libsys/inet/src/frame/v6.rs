//! IPv6 and its chain of extension headers (RFC 8200), which is walked once, within bounds.

use smoltcp::wire::{IpAddress, IpProtocol, Ipv6Address};

use super::{Fragment, LINK_HEADER, Packet, Verified, transport};
use crate::{Bytes, Drop};

const HEADER: usize = 40;
/// Extension headers of a packet, and bytes of them all, that are walked through. Nobody sends more.
const HEADERS: usize = 8;
const CHAIN: usize = 512;
/// Options of one header that are looked at.
const OPTIONS: usize = 32;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// The packet behind a link header.
pub(super) fn parse<B: Bytes + ?Sized>(frame: &B, verified: Verified) -> Result<Packet, Drop> {
    let start = LINK_HEADER;
    let header: [u8; HEADER] = frame.take(start).ok_or(Drop::Short)?;
    if header[0] >> 4 != 6 {
        return Err(Drop::Header);
    }
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    // No jumbograms: a length of 0 is no payload.
    let payload = start + HEADER..start + HEADER + length;
    if payload.end > frame.length() {
        return Err(Drop::Short);
    }
    let address = |at: usize| {
        let octets: [u8; 16] = core::array::from_fn(|index| header[at + index]);
        Ipv6Address::from(octets)
    };
    let (source, destination) = (address(8), address(24));
    // A mapped address on the wire would pass for one of IPv4's further up.
    if source.is_multicast() || is_embedded(source) || is_embedded(destination) {
        return Err(Drop::Source);
    }
    if destination.is_unspecified() {
        return Err(Drop::NotOurs);
    }
    let mut packet = Packet {
        source: IpAddress::Ipv6(source),
        destination: IpAddress::Ipv6(destination),
        protocol: IpProtocol::from(header[6]),
        hop_limit: header[7],
        traffic_class: header[0] << 4 | header[1] >> 4,
        header: start..start + HEADER,
        payload,
        fragment: None,
        ports: None,
    };
    chain(frame, &mut packet)?;
    if packet.fragment.is_none() {
        transport::check(frame, &mut packet, verified.transport)?;
    }
    Ok(packet)
}

fn is_embedded(address: Ipv6Address) -> bool {
    address.to_ipv4_mapped().is_some()
}

/// Walks from the packet's payload, which is of its protocol, to the transport's header or to a fragment. An atomic fragment (RFC 6946) is none.
pub(super) fn chain<B: Bytes + ?Sized>(bytes: &B, packet: &mut Packet) -> Result<(), Drop> {
    let begin = packet.payload.start;
    for place in 0..=HEADERS {
        let kind = u8::from(packet.protocol);
        let may_be_here = kind != HOP_BY_HOP || (place == 0 && !packet.header.is_empty());
        if !matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION) {
            return Ok(());
        }
        if !may_be_here || place == HEADERS || packet.payload.start - begin > CHAIN {
            return Err(Drop::Chain);
        }
        let at = packet.payload.start;
        let head: [u8; 8] = bytes.take(at).filter(|_| packet.payload.len() >= 8).ok_or(Drop::Chain)?;
        let size = if kind == FRAGMENT { 8 } else { 8 + 8 * usize::from(head[1]) };
        if size > packet.payload.len() {
            return Err(Drop::Chain);
        }
        packet.protocol = IpProtocol::from(head[0]);
        packet.payload.start = at + size;
        match kind {
            FRAGMENT => {
                let fragment = fragment(head, packet.payload.len())?;
                let is_whole = fragment.offset == 0 && !fragment.more;
                if !is_whole {
                    packet.fragment = Some(fragment);
                    return Ok(());
                }
            }
            // Segments that are left would have to be forwarded (RFC 8200 4.4, 5095).
            ROUTING if head[3] != 0 => return Err(Drop::SourceRoute),
            ROUTING => {}
            _ => check_options(bytes, at + 2, at + size)?,
        }
    }
    Err(Drop::Chain)
}

fn fragment(head: [u8; 8], length: usize) -> Result<Fragment, Drop> {
    let word = u16::from_be_bytes([head[2], head[3]]);
    let (offset, more) = (word & !7, word & 1 != 0);
    if (length == 0 && (more || offset > 0)) || (more && !length.is_multiple_of(8)) {
        return Err(Drop::FragmentLength);
    }
    if usize::from(offset) + length > 0xffff {
        return Err(Drop::FragmentBeyond);
    }
    let identification = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
    Ok(Fragment { identification, offset, more })
}

/// Options say themselves what is to be done by who does not know them (RFC 8200 4.2): skip them, or drop the packet.
fn check_options<B: Bytes + ?Sized>(bytes: &B, mut at: usize, end: usize) -> Result<(), Drop> {
    for _ in 0..OPTIONS {
        if at >= end {
            return Ok(());
        }
        let [kind] = bytes.take(at).ok_or(Drop::Option)?;
        if kind == 0 {
            at += 1;
            continue;
        }
        let [length] = bytes.take(at + 1).filter(|_| at + 1 < end).ok_or(Drop::Option)?;
        at += 2 + usize::from(length);
        // Padding and the router alert are known.
        if at > end || (!matches!(kind, 1 | 5) && kind >> 6 != 0) {
            return Err(Drop::Option);
        }
    }
    Err(Drop::Option)
}
