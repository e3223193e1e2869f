//! Packets that have come in, to whom they belong.

use alloc::boxed::Box;

use anax_inet::icmp::About;
use anax_inet::udp::Endpoint as End;
use anax_inet::{Bytes as _, What};
use anax_tcp::{Endpoint, Place, Segment, Taken, Tuple};
use smoltcp::wire::{IpAddress, IpProtocol};

use super::{Host, Shard, Wire};
use crate::dispatch::{thread_of, tuple};
use crate::frame::Frame;
use crate::item::{Arrived, Item};

/// Bytes of the longest TCP header.
const MOST_HEADER: usize = 60;

impl<H: Host> Shard<H> {
    /// A packet that was admitted. What is not this thread's is handed on; what nobody here takes comes back, for thread 0.
    pub fn packet(&mut self, arrived: Box<Arrived>, wire: &mut impl Wire) -> Option<Item<H::Arena>> {
        let What::Packet(packet) = &arrived.ingress.what else { return Some(Item::Unclaimed(arrived)) };
        let owner = thread_of(packet, self.port.threads());
        if owner != self.port.own() && cfg!(not(bite = "net-nobody-forwards")) {
            self.port.send(owner, Item::Packet(arrived));
            return None;
        }
        self.counters.packets_in += 1;
        match (packet.protocol, packet.ports) {
            (IpProtocol::Tcp, Some(_)) => {
                if let Some(other) = self.segment(&arrived) {
                    self.port.send(other, Item::Packet(arrived));
                    return None;
                }
            }
            (IpProtocol::Udp, Some(ports)) => {
                if !self.datagram(&arrived, tuple(packet, ports)) {
                    return Some(Item::Unclaimed(arrived));
                }
            }
            _ => return Some(Item::Unclaimed(arrived)),
        }
        self.done(*arrived, wire);
        None
    }

    /// A frame's buffers are free again.
    pub fn done(&mut self, arrived: Arrived, wire: &mut impl Wire) {
        let (interface, is_zero) = (arrived.ingress.interface, self.port.own() == 0);
        arrived.frame.buffers(|buffer| {
            if is_zero {
                wire.free(interface, buffer);
            } else {
                self.port.send(0, Item::Free(interface, buffer));
            }
        });
    }

    /// A segment; the thread to which it belongs if that is another.
    fn segment(&mut self, arrived: &Arrived) -> Option<u32> {
        let What::Packet(packet) = &arrived.ingress.what else { return None };
        let mut header = [0; MOST_HEADER];
        let length = packet.payload.len();
        let header = &mut header[..length.min(MOST_HEADER)];
        arrived.frame.copy(packet.payload.start, header);
        let Ok(mut segment) = Segment::parse(packet.destination, packet.source, header) else { return None };
        segment.length = (length as u32).saturating_sub(segment.payload);
        if let Taken::NotMine(owner) = self.engine.input(&segment, self.now) {
            return Some(owner);
        }
        // A connection may end with the segment that brings its last bytes, and begin with the one that brings the first: then only its acceptance says
        // where they go.
        let first = packet.payload.start + segment.payload as usize;
        if cfg!(bite = "net-bytes-after-the-end") {
            self.events();
        }
        let mut unknown = None;
        while let Some(place) = self.engine.place() {
            if !self.put(&arrived.frame, first, &place) {
                unknown = Some(place);
            }
        }
        self.events();
        if let Some(place) = unknown {
            self.put(&arrived.frame, first, &place);
        }
        None
    }

    /// Puts bytes of a frame, whose payload begins there, where their connection's program finds them. Whether anybody knows that connection.
    fn put(&mut self, frame: &Frame, first: usize, place: &Place) -> bool {
        let (from, length) = (first + place.from as usize, place.length as usize);
        if let Some(ring) = self.ring(place.connection, false) {
            frame.to_ring(from, length, ring, place.position);
            return true;
        }
        let early = self.early.get_mut(&place.connection);
        if let Some(room) = early.and_then(|early| early.room(place.position, length)) {
            frame.copy(from, room);
            return true;
        }
        false
    }

    /// What somebody says about a packet of this thread's.
    pub(super) fn heard(&mut self, about: &About) {
        if about.protocol != IpProtocol::Tcp {
            return;
        }
        let (local, remote) = about.ports;
        let tuple = Tuple {
            local: Endpoint::new(about.source, local),
            remote: Endpoint::new(about.destination, remote),
        };
        self.engine.unreachable(&tuple, about.sequence, self.now);
        self.events();
    }

    /// Whether the address is this host's, or none in particular.
    pub(super) fn is_here(&self, address: IpAddress) -> bool {
        address.is_unspecified() || self.tables.is_own(address) || anax_inet::interface::is_loopback(address)
    }

    /// Whose a datagram is.
    pub(super) fn socket_of(&self, ends: &Tuple) -> Option<u32> {
        let end = |end: anax_tcp::Endpoint| End::new(end.address, end.port);
        self.demux.find(end(ends.local), end(ends.remote))
    }
}
