//! What goes out when a cohort is over: segments, datagrams, answers.

use core::time::Duration;

use anax_frames::{Lengths, Offers};
use anax_inet::{Hop, InterfaceId};
use anax_tcp::Outgoing;
use smoltcp::wire::{EthernetAddress, IpAddress};

use super::shown::Copied;
use super::{Host, LOOPBACK, Role, Shard, Waiting, Way, Wire};
use crate::build::{Head, segment, sum_segment};
use crate::item::Departing;

/// Segments that are sent before others get their turn.
const MOST_AT_ONCE: usize = 256;
/// A long segment waits so long for buffers that lie side by side; then it goes in pieces.
const PATIENCE: Duration = Duration::from_millis(5);
/// Hops of what is sent, if nothing else was chosen.
pub(super) const HOPS: u8 = 64;

/// What became of something that was to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// It is on its way, waits for its neighbour, or can't be sent at all.
    Done,
    /// There is no buffer for it now.
    NoBuffer,
}

impl<H: Host> Shard<H> {
    /// Ends a cohort: does what is due, sends what there is to be sent, and answers whom there is something to answer. Whether that was all that can be done
    /// now: what has no buffer waits for one.
    pub fn roll_up(&mut self, wire: &mut impl Wire) -> bool {
        self.engine.poll(self.now);
        self.events();
        let is_all = self.send_segments(wire) & self.send_datagrams(wire);
        while let Some(index) = self.touched.pop() {
            self.sockets[index as usize].is_touched = false;
            match self.sockets[index as usize].socket.as_ref().map(|open| &open.role) {
                Some(Role::Stream(_)) => self.look_at_stream(index),
                Some(Role::Datagram(_)) => self.look_at_datagram(index),
                _ => {}
            }
        }
        self.write_down();
        is_all
    }

    fn send_segments(&mut self, wire: &mut impl Wire) -> bool {
        for _ in 0..MOST_AT_ONCE {
            let Some(segment) = self.next_segment() else { return true };
            let is_long = segment.length() > u32::from(segment.mss);
            if is_long && !self.may_cut(&segment) {
                self.cut(segment);
                continue;
            }
            if self.send_segment(segment, wire) == Sent::Done {
                self.stuck_since = None;
            } else {
                // A long one needs buffers that lie side by side, which there may never be: others take single ones. The next one that is free wakes this thread.
                match self.stuck.take_if(|_| is_long) {
                    Some(segment) if !self.may_wait(&segment, wire) => {
                        self.stuck_since = None;
                        self.cut(segment);
                    }
                    Some(segment) => {
                        self.stuck_since.get_or_insert(self.now);
                        self.stuck = Some(segment);
                        return true;
                    }
                    None => return true,
                }
            }
        }
        false
    }

    /// What no card cuts goes out in pieces, before all others.
    fn cut(&mut self, segment: Outgoing) {
        let pieces: alloc::vec::Vec<_> = segment.cut().collect();
        pieces.into_iter().rev().for_each(|piece| self.ahead.push_front(piece));
    }

    fn next_segment(&mut self) -> Option<Outgoing> {
        let waiting = self.stuck.take().or_else(|| self.ahead.pop_front());
        waiting.or_else(|| self.engine.transmit(self.now))
    }

    /// Whether the card by which it goes cuts it.
    fn may_cut(&mut self, segment: &Outgoing) -> bool {
        let Some(Way { hop, .. }) = self.way(segment.tuple.remote.address) else { return true };
        hop.interface == LOOPBACK || self.cuts(hop.interface, segment.tuple.remote.address).is_some()
    }

    /// Whether its card gives back buffers without more to be done, and a long one has not waited too long.
    fn may_wait(&mut self, segment: &Outgoing, wire: &mut impl Wire) -> bool {
        let is_early = self.stuck_since.is_none_or(|since| self.now < since + PATIENCE);
        is_early
            && self.way(segment.tuple.remote.address).is_some_and(|way| wire.is_sending(way.hop.interface))
    }

    fn cuts(&self, interface: InterfaceId, address: IpAddress) -> Option<Lengths> {
        let offers = self.cards.get(&interface)?;
        match address {
            IpAddress::Ipv4(_) => offers.cut_v4,
            IpAddress::Ipv6(_) => offers.cut_v6,
        }
    }

    /// Sends one, in a frame of its own.
    pub(super) fn send_segment(&mut self, out: Outgoing, wire: &mut impl Wire) -> Sent {
        let remote = out.tuple.remote.address;
        let Some(Way { hop, link, .. }) = self.way(remote) else { return Sent::Done };
        if hop.interface == LOOPBACK {
            let (head, _) = segment(&out, Default::default(), HOPS, &OFFERS_INSIDE);
            self.send_inside(out, &head);
            return Sent::Done;
        }
        let to = link.or_else(|| self.neighbour(hop, || Waiting::Segment(out.clone())));
        let Some(to) = to else { return Sent::Done };
        let Some(interface) = self.tables.interface(hop.interface) else { return Sent::Done };
        let from = interface.link_address();
        let offers = self.cards.get(&hop.interface).copied().unwrap_or_default();
        let (head, offload) = segment(&out, (from, to), HOPS, &offers);
        let length = head.len() + out.length() as usize;
        let Some(buffer) = wire.buffer(hop.interface, length) else {
            self.stuck = Some(out);
            return Sent::NoBuffer;
        };
        let bytes = buffer.bytes();
        // The buffer is that long.
        let _ = bytes.copy_in(0, &head);
        if let Some(payload) = out.payload {
            let mut at = head.len();
            let copied = self.copy_payload(&payload, |run| {
                if let Ok(place) = bytes.part(at, run.len()) {
                    place.copy_from(run, 0);
                }
                at += run.len();
            });
            match copied {
                Copied::All => {}
                Copied::Nobody => {
                    // A connection that has just ended has no bytes any more; neither has it a segment to send.
                    wire.free(hop.interface, buffer);
                    return Sent::Done;
                }
                Copied::Lost(from) => {
                    wire.free(hop.interface, buffer);
                    self.piece_lost(out, from);
                    return Sent::Done;
                }
            }
        }
        if offload.is_none()
            && let Ok(frame) = bytes.part(0, length)
        {
            sum_segment(frame, &out, &head);
        }
        self.counters.frames_out += 1;
        wire.send(Departing { interface: hop.interface, buffer, length, offload });
        Sent::Done
    }

    /// What this host says to itself: the same frame, in its own memory.
    fn send_inside(&mut self, out: Outgoing, head: &Head) {
        let mut frame = head.to_vec();
        if let Some(payload) = out.payload {
            let mut at = frame.len();
            frame.resize(at + payload.length as usize, 0);
            let copied = self.copy_payload(&payload, |run| {
                let end = at + run.len();
                // Runs are as long as the payload, all together.
                if let Some(place) = frame.get_mut(at..end) {
                    let _ = run.copy_out(0, place);
                }
                at = end;
            });
            match copied {
                Copied::All => {}
                Copied::Nobody => return,
                Copied::Lost(from) => return self.piece_lost(out, from),
            }
        }
        self.counters.frames_out += 1;
        self.inside.push_back(frame);
    }

    /// This host says something to itself.
    pub fn say_inside(&mut self, frame: alloc::vec::Vec<u8>) {
        self.inside.push_back(frame);
    }

    /// Looks at what this host has said to itself, as at any frame.
    #[must_use]
    pub fn look_inside(&self, frame: alloc::vec::Vec<u8>) -> Option<alloc::boxed::Box<crate::item::Arrived>> {
        let frame = crate::frame::Frame::Own(frame);
        let verified = frame.verified()?;
        let ingress = anax_inet::frame::parse(LOOPBACK, &frame, verified).ok()?;
        Some(alloc::boxed::Box::new(crate::item::Arrived { ingress, frame }))
    }

    /// What was counted, by name.
    pub fn named_counters(&self) -> impl Iterator<Item = (&'static str, u64)> + use<H> {
        let own = self.counters;
        let [sockets, early, listeners] = self.population();
        let [connections, openings, waiting] = self.engine.population();
        [
            ("sockets", sockets as u64),
            ("connections", connections as u64),
            ("connections-not-accepted", early as u64),
            ("connections-not-confirmed", openings as u64),
            ("connections-in-time-wait", waiting as u64),
            ("sockets-that-listen", listeners as u64),
            ("packets-in", own.packets_in),
            ("packets-forwarded", own.forwarded),
            ("frames-out", own.frames_out),
            ("datagrams-dropped", own.datagrams_dropped),
            ("unresolved-dropped", own.unresolved_dropped),
            ("connections-not-kept", own.not_kept),
            ("pieces-lost", own.pieces_lost),
            ("memory-shown", self.mapped() as u64),
        ]
        .into_iter()
    }

    /// The next frame that this host has said to itself.
    pub fn inside(&mut self) -> Option<alloc::vec::Vec<u8>> {
        self.inside.pop_front()
    }

    /// A neighbour was found, or not.
    pub(super) fn resolved(&mut self, hop: Hop, is_found: bool) {
        for waiting in self.unresolved.remove(&hop).unwrap_or_default() {
            match waiting {
                Waiting::Segment(segment) if is_found => self.ahead.push_back(segment),
                Waiting::Segment(segment) => {
                    self.counters.unresolved_dropped += 1;
                    // As if a router had said so (RFC 1122 2.3.2.2).
                    self.engine.unreachable(&segment.tuple, segment.seq, self.now);
                }
                Waiting::Datagram(index) => self.datagram_resolved(index, is_found),
            }
        }
        self.events();
    }

    /// The link's addresses for a datagram: from, to; nothing while the neighbour is looked for.
    pub(super) fn link(
        &mut self,
        hop: Hop,
        destination: IpAddress,
        index: u32,
    ) -> Option<(EthernetAddress, EthernetAddress)> {
        let interface = self.tables.interface(hop.interface)?;
        let (from, is_inside) = (interface.link_address(), hop.interface == LOOPBACK);
        let is_all = matches!(destination, IpAddress::Ipv4(address) if interface.is_broadcast(address));
        if is_inside {
            return Some(Default::default());
        }
        if is_all {
            return Some((from, EthernetAddress::BROADCAST));
        }
        if let Some(group) = anax_inet::interface::group_link_address(destination) {
            return Some((from, group));
        }
        self.neighbour(hop, || Waiting::Datagram(index)).map(|to| (from, to))
    }
}

/// This host takes its own frames whole, and believes them.
pub(super) const OFFERS_INSIDE: Offers = Offers {
    checksum: true,
    cut_v4: Some(Lengths::Whole),
    cut_v6: Some(Lengths::Whole),
    coalesced: anax_frames::Coalescing::NONE,
};
