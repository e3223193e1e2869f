//! Headers of what is sent: the link's and the internet's, into a few bytes that the caller puts before the payload.

use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol, Ipv4Address, Ipv6Address};

use crate::{Fragment, LINK_HEADER, Sum};

/// Bytes of the longest headers: the link's, IPv6's and a fragment's.
pub const HEADERS: usize = LINK_HEADER + 40 + 8;
/// Hops of what is not said to be for the link alone.
pub const HOPS: u8 = 64;

/// What stands in the headers of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// From.
    pub source: IpAddress,
    /// To: of the same version.
    pub destination: IpAddress,
    /// What the payload is.
    pub protocol: IpProtocol,
    /// Hops.
    pub hop_limit: u8,
    /// Type of service, or traffic class.
    pub traffic_class: u8,
    /// If this is a piece of a packet. Others may not be cut on their way.
    pub fragment: Option<Fragment>,
    /// Bytes behind the headers.
    pub length: usize,
}

/// Headers as bytes.
pub type Headers = ArrayVec<u8, HEADERS>;

/// The headers. `length` has to fit a packet; an address of the other version is none.
#[must_use]
pub fn headers(from: EthernetAddress, to: EthernetAddress, header: &Header) -> Headers {
    let mut bytes = [0; HEADERS];
    bytes[..6].copy_from_slice(&to.0);
    bytes[6..12].copy_from_slice(&from.0);
    let internet = &mut bytes[LINK_HEADER..];
    let (kind, used) = match (header.source, header.destination) {
        (IpAddress::Ipv4(source), IpAddress::Ipv4(destination)) => {
            internet[..20].copy_from_slice(&v4(source, destination, header));
            ([8, 0], 20)
        }
        (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)) => {
            internet[..40].copy_from_slice(&v6(source, destination, header));
            if let Some(fragment) = header.fragment {
                let [p, q] = (fragment.offset & !7 | u16::from(fragment.more)).to_be_bytes();
                let [i, j, k, l] = fragment.identification.to_be_bytes();
                internet[40..].copy_from_slice(&[header.protocol.into(), 0, p, q, i, j, k, l]);
            }
            ([0x86, 0xdd], if header.fragment.is_some() { 48 } else { 40 })
        }
        _ => return Headers::new(),
    };
    bytes[12..LINK_HEADER].copy_from_slice(&kind);
    let mut bytes = Headers::from(bytes);
    bytes.truncate(LINK_HEADER + used);
    bytes
}

/// IPv4's header (RFC 791, 3.1), without options.
fn v4(source: Ipv4Address, destination: Ipv4Address, header: &Header) -> [u8; 20] {
    let [l0, l1] = ((20 + header.length).min(0xffff) as u16).to_be_bytes();
    let ([i0, i1], [f0, f1]) = match header.fragment {
        // It may not be cut.
        None => ([0, 0], [0x40, 0]),
        Some(fragment) => {
            let field = u16::from(fragment.more) << 13 | fragment.offset >> 3;
            ((fragment.identification as u16).to_be_bytes(), field.to_be_bytes())
        }
    };
    let ([a, b, c, d], [e, f, g, h]) = (source.octets(), destination.octets());
    let (hops, kind) = (header.hop_limit, header.protocol.into());
    let class = header.traffic_class;
    let mut bytes = [0x45, class, l0, l1, i0, i1, f0, f1, hops, kind, 0, 0, a, b, c, d, e, f, g, h];
    let mut sum = Sum::default();
    sum.add(&bytes);
    [bytes[10], bytes[11]] = (!sum.folded()).to_be_bytes();
    bytes
}

/// IPv6's (RFC 8200, 3), before a fragment's or the payload.
fn v6(source: Ipv6Address, destination: Ipv6Address, header: &Header) -> [u8; 40] {
    let (extra, next) = match header.fragment {
        None => (0, header.protocol),
        Some(_) => (8, IpProtocol::Ipv6Frag),
    };
    let mut bytes = [0; 40];
    let length = ((extra + header.length).min(0xffff) as u16).to_be_bytes();
    let class = header.traffic_class;
    let first = [0x60 | class >> 4, class << 4, 0, 0, length[0], length[1], next.into(), header.hop_limit];
    bytes[..8].copy_from_slice(&first);
    bytes[8..24].copy_from_slice(&source.octets());
    bytes[24..].copy_from_slice(&destination.octets());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use smoltcp::wire::{EthernetFrame, EthernetProtocol, Ipv4Packet, Ipv6FragmentHeader, Ipv6Packet};

    use super::*;

    fn fragment() -> impl Strategy<Value = Option<Fragment>> {
        let piece = (any::<u32>(), 0u16..8191, any::<bool>());
        proptest::option::of(piece.prop_map(|(identification, eighth, more)| Fragment {
            identification,
            offset: 8 * eighth,
            more,
        }))
    }

    proptest! {
        /// As somebody else reads them.
        #[test]
        fn what_is_written_is_what_was_meant(
            ends in any::<(u128, u128)>(), links in any::<([u8; 6], [u8; 6])>(), is_v6 in any::<bool>(),
            bytes in any::<(u8, u8, u8)>(), fragment in fragment(), length in 0usize..65_000,
        ) {
            let address = |bits: u128| match is_v6 {
                true => IpAddress::Ipv6(bits.into()),
                false => IpAddress::Ipv4((bits as u32).into()),
            };
            let (source, destination) = (address(ends.0), address(ends.1));
            let (protocol, hop_limit, traffic_class) = (IpProtocol::from(bytes.0), bytes.1, bytes.2);
            let header = Header { source, destination, protocol, hop_limit, traffic_class, fragment, length };
            let written = headers(EthernetAddress(links.0), EthernetAddress(links.1), &header);
            let frame = EthernetFrame::new_unchecked(&written[..]);
            prop_assert_eq!((frame.src_addr().0, frame.dst_addr().0), links);
            if is_v6 {
                prop_assert_eq!(frame.ethertype(), EthernetProtocol::Ipv6);
                let packet = Ipv6Packet::new_unchecked(frame.payload());
                let ends = (packet.src_addr().into(), packet.dst_addr().into());
                prop_assert_eq!((ends, packet.version()), ((source, destination), 6));
                prop_assert_eq!((packet.hop_limit(), packet.traffic_class()), (hop_limit, traffic_class));
                prop_assert_eq!(packet.flow_label(), 0);
                let more = &written[LINK_HEADER + 40..];
                prop_assert_eq!(usize::from(packet.payload_len()), length + more.len());
                if let Some(fragment) = fragment {
                    prop_assert_eq!((packet.next_header(), more[0]), (IpProtocol::Ipv6Frag, bytes.0));
                    let piece = Ipv6FragmentHeader::new_unchecked(&more[2..]);
                    prop_assert_eq!((piece.frag_offset() * 8, piece.more_frags()), (fragment.offset, fragment.more));
                    prop_assert_eq!(piece.ident(), fragment.identification);
                } else {
                    prop_assert_eq!((packet.next_header(), more.len()), (protocol, 0));
                }
            } else {
                prop_assert_eq!(frame.ethertype(), EthernetProtocol::Ipv4);
                let packet = Ipv4Packet::new_unchecked(frame.payload());
                let ends = (packet.src_addr().into(), packet.dst_addr().into());
                prop_assert_eq!((ends, packet.version()), ((source, destination), 4));
                prop_assert_eq!((packet.header_len(), written.len()), (20, LINK_HEADER + 20));
                prop_assert_eq!(usize::from(packet.total_len()), 20 + length);
                prop_assert_eq!((packet.hop_limit(), packet.next_header()), (hop_limit, protocol));
                prop_assert_eq!(packet.dscp() << 2 | packet.ecn(), traffic_class);
                prop_assert!(packet.verify_checksum());
                prop_assert_eq!(packet.dont_frag(), fragment.is_none());
                let fragment = fragment.unwrap_or(Fragment { identification: 0, offset: 0, more: false });
                prop_assert_eq!((packet.frag_offset(), packet.more_frags()), (fragment.offset, fragment.more));
                prop_assert_eq!(packet.ident(), fragment.identification as u16);
            }
        }
    }
}
