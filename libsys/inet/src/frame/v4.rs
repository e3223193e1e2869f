//! IPv4 (RFC 791, 1122).

use arrayvec::ArrayVec;
use smoltcp::wire::{IpAddress, IpProtocol, Ipv4Address};

use super::{Fragment, LINK_HEADER, Packet, Verified, transport};
use crate::{Bytes, Drop, Sum};

const MIN_HEADER: usize = 20;
const MAX_OPTIONS: usize = 40;
/// Bytes of the longest packet.
const MOST: usize = 0xffff;

/// The packet behind a link header.
pub(super) fn parse<B: Bytes + ?Sized>(frame: &B, verified: Verified) -> Result<Packet, Drop> {
    let start = LINK_HEADER;
    let header: [u8; MIN_HEADER] = frame.take(start).ok_or(Drop::Short)?;
    let word = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let size = usize::from(header[0] & 15) * 4;
    let total = usize::from(word(2));
    if header[0] >> 4 != 4 || size < MIN_HEADER || total < size {
        return Err(Drop::Header);
    }
    if start + total > frame.length() {
        return Err(Drop::Short);
    }
    let mut options = ArrayVec::<u8, MAX_OPTIONS>::new();
    if size > MIN_HEADER {
        options = [0; MAX_OPTIONS].into();
        options.truncate(size - MIN_HEADER);
        frame.copy(start + MIN_HEADER, &mut options);
    }
    if !verified.internet {
        let mut sum = Sum::default();
        sum.add(&header);
        sum.add(&options);
        if sum.folded() != 0xffff {
            return Err(Drop::HeaderSum);
        }
    }
    check_options(&options)?;
    let address = |at: usize| Ipv4Address::new(header[at], header[at + 1], header[at + 2], header[at + 3]);
    let (source, destination) = (address(12), address(16));
    if !may_send(source) || destination.is_unspecified() {
        return Err(Drop::Source);
    }
    let (offset, more) = (usize::from(word(6) & 0x1fff) * 8, word(6) & 0x2000 != 0);
    let fragment = if offset > 0 || more {
        let length = total - size;
        if length == 0 || (more && !length.is_multiple_of(8)) {
            return Err(Drop::FragmentLength);
        }
        if offset + length > MOST - size {
            return Err(Drop::FragmentBeyond);
        }
        Some(Fragment { identification: word(4).into(), offset: offset as u16, more })
    } else {
        None
    };
    let mut packet = Packet {
        source: IpAddress::Ipv4(source),
        destination: IpAddress::Ipv4(destination),
        protocol: IpProtocol::from(header[9]),
        hop_limit: header[8],
        traffic_class: header[1],
        header: start..start + size,
        payload: start + size..start + total,
        fragment,
        ports: None,
    };
    if packet.fragment.is_none() {
        transport::check(frame, &mut packet, verified.transport)?;
    }
    Ok(packet)
}

/// Whether that can be whom a packet comes from (RFC 1122 3.2.1.3). Nobody here has to answer somebody without an address.
const fn may_send(source: Ipv4Address) -> bool {
    let first = source.octets()[0];
    // 127 is looked at where the interface is known.
    first != 0 && first < 224
}

/// Walks through options. Nobody may choose the way of our answers.
fn check_options(mut options: &[u8]) -> Result<(), Drop> {
    while let [kind, rest @ ..] = options {
        options = match *kind {
            0 => return Ok(()),
            1 => rest,
            131 | 137 => return Err(Drop::SourceRoute),
            _ => {
                let length = usize::from(*rest.first().ok_or(Drop::Option)?);
                options.get(length..).filter(|_| length >= 2).ok_or(Drop::Option)?
            }
        };
    }
    Ok(())
}
