//! Headers of what is sent: the link's and the internet's, into a few bytes that the caller puts before the payload.

use arrayvec::ArrayVec;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpAddress, IpProtocol, Ipv4Packet, Ipv6FragmentHeader,
    Ipv6Packet,
};

use crate::{Fragment, LINK_HEADER};

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
    let mut bytes: Headers = [0; HEADERS].into();
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    frame.set_src_addr(from);
    frame.set_dst_addr(to);
    let (protocol, used) = match (header.source, header.destination) {
        (IpAddress::Ipv4(source), IpAddress::Ipv4(destination)) => {
            let mut packet = Ipv4Packet::new_unchecked(&mut frame.payload_mut()[..20]);
            packet.set_version(4);
            packet.set_header_len(20);
            packet.set_dscp(header.traffic_class >> 2);
            packet.set_ecn(header.traffic_class & 3);
            packet.set_total_len((20 + header.length).min(0xffff) as u16);
            packet.clear_flags();
            packet.set_dont_frag(header.fragment.is_none());
            if let Some(fragment) = header.fragment {
                packet.set_ident(fragment.identification as u16);
                packet.set_more_frags(fragment.more);
                packet.set_frag_offset(fragment.offset);
            }
            packet.set_hop_limit(header.hop_limit);
            packet.set_next_header(header.protocol);
            packet.set_src_addr(source);
            packet.set_dst_addr(destination);
            packet.fill_checksum();
            (EthernetProtocol::Ipv4, 20)
        }
        (IpAddress::Ipv6(source), IpAddress::Ipv6(destination)) => {
            let extra = if header.fragment.is_some() { 8 } else { 0 };
            let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
            packet.set_version(6);
            packet.set_traffic_class(header.traffic_class);
            packet.set_flow_label(0);
            packet.set_payload_len((extra + header.length).min(0xffff) as u16);
            packet.set_next_header(if extra == 0 { header.protocol } else { IpProtocol::Ipv6Frag });
            packet.set_hop_limit(header.hop_limit);
            packet.set_src_addr(source);
            packet.set_dst_addr(destination);
            (EthernetProtocol::Ipv6, 40 + extra)
        }
        _ => return Headers::new(),
    };
    frame.set_ethertype(protocol);
    if let (IpAddress::Ipv6(_), Some(fragment)) = (header.source, header.fragment) {
        let at = LINK_HEADER + 40;
        bytes[at] = header.protocol.into();
        let mut extension = Ipv6FragmentHeader::new_unchecked(&mut bytes[at + 2..at + 8]);
        extension.clear_reserved();
        extension.set_frag_offset(fragment.offset / 8);
        extension.set_more_frags(fragment.more);
        extension.set_ident(fragment.identification);
    }
    bytes.truncate(LINK_HEADER + used);
    bytes
}
