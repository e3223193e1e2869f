//! Frames to be sent: headers, whose sums the card or this computes, and where the payload belongs.

use anax_frames::{Internet, Lengths, Offers, Offload, Segmentation, Transport};
use anax_inet::egress::{Header, headers};
use anax_inet::frame::pseudo_sum;
use anax_inet::{Bytes, LINK_HEADER, Sum};
use anax_ring::SharedBytes;
use anax_tcp::Outgoing;
use arrayvec::ArrayVec;
use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol};

use crate::frame::Pool;

/// Bytes of all headers at most: the link's, IPv6's and TCP's with options.
pub const MOST: usize = LINK_HEADER + 40 + 60;

/// All headers of a frame.
pub type Head = ArrayVec<u8, MOST>;

/// Where TCP's and UDP's checksums are in their headers.
const TCP_SUM: usize = 16;

/// The headers of a segment, and what the card is to do: its checksum field holds the pseudo-header's sum if the card does it, and else 0.
#[must_use]
pub fn segment(
    segment: &Outgoing,
    (from, to): (EthernetAddress, EthernetAddress),
    hop_limit: u8,
    offers: &Offers,
) -> (Head, Option<Offload>) {
    let mut tcp = [0; 60];
    let used = segment.write(&mut tcp);
    let payload = segment.length() as usize;
    let (source, destination) = (segment.tuple.local.address, segment.tuple.remote.address);
    let (internet, cut) = match source {
        IpAddress::Ipv4(_) => (Internet::V4, offers.cut_v4),
        IpAddress::Ipv6(_) => (Internet::V6, offers.cut_v6),
    };
    let is_cut = payload > usize::from(segment.mss);
    let length = if is_cut && cut == Some(Lengths::Zero) { None } else { Some(used + payload) };
    let header = Header {
        source,
        destination,
        protocol: IpProtocol::Tcp,
        hop_limit,
        traffic_class: 0,
        fragment: None,
        length: length.unwrap_or(0),
    };
    let mut head = Head::new();
    // All of it fits by the size of `Head`.
    let _ = head.try_extend_from_slice(&headers(from, to, &header));
    let at = head.len();
    let _ = head.try_extend_from_slice(&tcp[..used]);
    if length.is_none() && internet == Internet::V4 {
        // The card fills in lengths and IPv4's sum.
        head[LINK_HEADER + 2..LINK_HEADER + 4].fill(0);
        head[LINK_HEADER + 10..LINK_HEADER + 12].fill(0);
    }
    if !offers.checksum && !is_cut {
        return (head, None);
    }
    let pseudo = pseudo_sum(source, destination, IpProtocol::Tcp, length.unwrap_or(0));
    head[at + TCP_SUM..at + TCP_SUM + 2].copy_from_slice(&pseudo.to_be_bytes());
    let segmentation = is_cut.then(|| Segmentation { header: head.len() as u8, mss: segment.mss });
    let offload = Offload {
        internet,
        internet_at: LINK_HEADER as u8,
        transport: Transport::Tcp,
        transport_at: at as u8,
        segmentation,
    };
    (head, Some(offload))
}

/// Fills in a segment's checksum where no card does: `bytes` is the whole frame, its headers `head` bytes long.
pub fn sum_segment(bytes: SharedBytes<'_>, segment: &Outgoing, head: &Head) {
    let at = if matches!(segment.tuple.local.address, IpAddress::Ipv4(_)) { 20 } else { 40 } + LINK_HEADER;
    let (source, destination) = (segment.tuple.local.address, segment.tuple.remote.address);
    let mut sum = Sum::default();
    sum.add(&head[at..]);
    sum.word(Pool(bytes).sum(head.len()..bytes.len()));
    sum.word(pseudo_sum(source, destination, IpProtocol::Tcp, bytes.len() - at));
    // Within the frame.
    let _ = bytes.copy_in(at + TCP_SUM, &(!sum.folded()).to_be_bytes());
}
