//! Packets of thread 0's own: answers, questions, datagrams of DHCP and the resolver. Few and small, so they are made whole and copied.

use alloc::vec::Vec;
use core::time::Duration;

use smoltcp::wire::{EthernetAddress, IpAddress, IpProtocol};

use super::{Control, OWN, Output};
use crate::dns::Query;
use crate::egress::{HOPS, Header, headers};
use crate::fragments::cut;
use crate::icmp::Said;
use crate::interface::{group_link_address, is_link_local};
use crate::neighbours::{Resolution, Token};
use crate::udp::{self, Endpoint, SumBy};
use crate::{Bytes, Fragment, Hop, InterfaceId, Kind, LINK_HEADER};

/// A packet to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Where to.
    pub hop: Hop,
    /// From.
    pub source: IpAddress,
    /// To.
    pub destination: IpAddress,
    /// What it is.
    pub protocol: IpProtocol,
    /// Hops.
    pub hop_limit: u8,
    /// The transport's header and what follows.
    pub payload: Vec<u8>,
}

impl Control {
    /// Says what ICMP wants said, by the interface by which it came if that matters.
    pub(super) fn say(&mut self, now: Duration, by: InterfaceId, said: Said) {
        let by = is_link_local(said.destination).then_some(by);
        let Ok(hop) = self.tables.hop(said.destination, by) else { return };
        let protocol = said.protocol();
        let Said { source, destination, message: payload } = said;
        self.emit(now, Sending { hop, source, destination, protocol, hop_limit: HOPS, payload });
    }

    /// Asks a server.
    pub(super) fn send_query(&mut self, now: Duration, query: &Query) {
        // Who cannot be reached does not answer: the next one's turn comes in time.
        let Ok((hop, source)) = self.tables.route(query.server.address, None) else { return };
        self.send_datagram(now, hop, Endpoint::new(source, query.port), query.server, &query.message);
    }

    pub(super) fn send_datagram(
        &mut self,
        now: Duration,
        hop: Hop,
        from: Endpoint,
        to: Endpoint,
        message: &[u8],
    ) {
        let sum = message.sum(0..message.len());
        let mut payload = udp::header(from, to, message.len(), SumBy::Us(sum)).to_vec();
        payload.extend(message);
        let (source, destination, protocol) = (from.address, to.address, IpProtocol::Udp);
        self.emit(now, Sending { hop, source, destination, protocol, hop_limit: HOPS, payload });
    }

    /// Sends a packet, in pieces if it is too long: now, or as soon as its neighbour is found.
    pub fn send(&mut self, now: Duration, sending: Sending) {
        self.due.take();
        self.emit(now, sending);
        self.settle(now);
    }

    pub(super) fn emit(&mut self, now: Duration, sending: Sending) {
        let Some(interface) = self.tables.interface(sending.hop.interface) else { return };
        let (own, kind, mtu) = (interface.link_address(), interface.kind, usize::from(interface.mtu));
        let is_all = match sending.destination {
            IpAddress::Ipv4(address) => interface.is_broadcast(address),
            IpAddress::Ipv6(_) => false,
        };
        let everybody = if is_all { Some(EthernetAddress::BROADCAST) } else { None };
        let to = match kind {
            Kind::Loopback => Some(own),
            Kind::Ethernet(_) => everybody.or_else(|| group_link_address(sending.destination)),
        };
        let header = if matches!(sending.source, IpAddress::Ipv4(_)) { 20 } else { 40 };
        let pieces = if sending.payload.len() + header <= mtu {
            cut(sending.payload.len(), usize::MAX, header)
        } else {
            cut(sending.payload.len(), mtu, if header == 20 { 20 } else { 48 })
        };
        let identification = self.random.draw() as u32;
        for piece in pieces {
            let (offset, more) = (piece.range.start, piece.more);
            let is_piece = offset > 0 || more;
            let fragment = is_piece.then_some(Fragment { identification, offset: offset as u16, more });
            let header = Header {
                source: sending.source,
                destination: sending.destination,
                protocol: sending.protocol,
                hop_limit: sending.hop_limit,
                traffic_class: 0,
                fragment,
                length: piece.range.len(),
            };
            let mut frame = headers(own, to.unwrap_or_default(), &header).to_vec();
            frame.extend(&sending.payload[piece.range]);
            self.send_frame(now, sending.hop, to, frame);
        }
    }

    fn send_frame(&mut self, now: Duration, hop: Hop, to: Option<EthernetAddress>, mut frame: Vec<u8>) {
        if to.is_some() {
            self.output.push_back(Output::Frame(hop.interface, frame));
            return;
        }
        let token = self.next_token;
        match self.neighbours.resolve(now, hop, Token(token)) {
            Resolution::Known(link) => {
                address(&mut frame, link);
                self.output.push_back(Output::Frame(hop.interface, frame));
            }
            Resolution::Waits => {
                self.next_token = OWN | self.next_token.wrapping_add(1);
                self.waiting.insert(token, (hop, frame));
            }
        }
    }

    /// A neighbour was found, or not, for which a packet waits.
    pub(super) fn ready(&mut self, token: Token, found: Result<EthernetAddress, Hop>) {
        if token.0 & OWN == 0 {
            self.output.push_back(match found {
                Ok(link) => Output::Ready(token, link),
                Err(hop) => Output::Failed(token, hop),
            });
        } else if let Some((hop, mut frame)) = self.waiting.remove(&token.0)
            && let Ok(link) = found
        {
            address(&mut frame, link);
            self.output.push_back(Output::Frame(hop.interface, frame));
        }
    }
}

fn address(frame: &mut [u8], to: EthernetAddress) {
    if frame.len() >= LINK_HEADER {
        frame[..6].copy_from_slice(to.as_bytes());
    }
}
