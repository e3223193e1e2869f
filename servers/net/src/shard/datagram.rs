//! Datagram sockets.

use anax_frames::{Internet, Offload, Transport};
use anax_inet::egress::{Header, headers};
use anax_inet::fragments::cut;
use anax_inet::udp::{self, Endpoint as End, Local, SumBy};
use anax_inet::{Bytes as _, Fragment, LINK_HEADER};
use anax_proto::Later;
use anax_socket::ring::Ring;
use anax_socket::{Failure, MOST_WAITING, Progress, Question, datagram};
use anax_tcp::{Endpoint, Tuple};
use arrayvec::ArrayVec;
use smoltcp::wire::{IpAddress, IpProtocol, IpVersion};

use super::output::{HOPS, Sent};
use super::stream::{Waiter, Waiters};
use super::{Host, LOOPBACK, Options, Role, Shard, Way, Wire};
use crate::dispatch::of_port;
use crate::frame::Pool;
use crate::item::{Arrived, Departing};
use crate::session::Arena;

/// Datagrams of one socket that are sent before others get their turn.
const MOST_AT_ONCE: usize = 32;
/// Bytes of UDP's header and the longest of the internet's.
const HEADERS: usize = 48;

/// A datagram socket's state.
#[derive(Debug, Default)]
pub(super) struct Datagram {
    pub(super) places: ArrayVec<Local, 2>,
    pub(super) local: Option<Endpoint>,
    pub(super) remote: Option<Endpoint>,
    pub(super) options: Options,
    written: u64,
    room: u64,
    pub(super) progress: Progress,
    is_waiting: bool,
    is_queued: bool,
    pub(super) failed: Option<Failure>,
    waiters: Waiters,
}

impl Datagram {
    /// One that has a ring of that size to receive.
    pub(super) fn new(room: u64) -> Self {
        Self { room, ..Self::default() }
    }
}

impl<H: Host> Shard<H> {
    fn datagram_of(&mut self, index: u32) -> Option<&mut Datagram> {
        match &mut self.sockets.get_mut(index as usize)?.socket.as_mut()?.role {
            Role::Datagram(datagram) => Some(datagram),
            _ => None,
        }
    }

    /// Binds it: to an address, or to all of one version, or (the address of version 6 that is none) of both.
    pub(super) fn bind_datagram(&mut self, index: u32, local: Endpoint) -> Result<(), Failure> {
        if !self.is_here(local.address) {
            return Err(Failure::NoAddress);
        }
        let (own, threads) = (self.port.own(), self.port.threads());
        let port = match local.port {
            0 => {
                let suits = |port| of_port(port, threads) == own;
                self.demux.free_port(&mut self.random, suits).ok_or(Failure::Full)?
            }
            port => port,
        };
        let owner = of_port(port, threads);
        if owner != own {
            return Err(Failure::Elsewhere(owner));
        }
        let local = Endpoint::new(local.address, port);
        let mut places = ArrayVec::<Local, 2>::new();
        if local.address.is_unspecified() {
            places.push(Local::Any(local.address.version(), port));
            if local.address.version() == IpVersion::Ipv6 {
                places.push(Local::Any(IpVersion::Ipv4, port));
            }
        } else {
            places.push(Local::At(End::new(local.address, port)));
        }
        for place in 0..places.len() {
            if self.demux.bind(places[place], index).is_err() {
                places[..place].iter().for_each(|place| _ = self.demux.unbind(*place));
                return Err(Failure::InUse);
            }
        }
        if let Some(datagram) = self.datagram_of(index) {
            (datagram.local, datagram.places) = (Some(local), places);
        }
        Ok(())
    }

    /// Says with whom alone it speaks.
    pub(super) fn connect_datagram(&mut self, index: u32, remote: Endpoint) -> Result<(), Failure> {
        let (_, source) = self.tables.route(remote.address, None).map_err(|_| Failure::NoRoute)?;
        let local = self.datagram_of(index).and_then(|datagram| datagram.local);
        let local = match local {
            Some(local) => local,
            None => {
                self.bind_datagram(index, Endpoint::new(source, 0))?;
                self.datagram_of(index).and_then(|datagram| datagram.local).ok_or(Failure::Gone)?
            }
        };
        let own = if local.address.is_unspecified() { source } else { local.address };
        let place = Local::Between(End::new(own, local.port), End::new(remote.address, remote.port));
        self.demux.bind(place, index).map_err(|_| Failure::InUse)?;
        if let Some(datagram) = self.datagram_of(index) {
            let before = core::mem::take(&mut datagram.places);
            datagram.places.push(place);
            (datagram.local, datagram.remote) = (Some(Endpoint::new(own, local.port)), Some(remote));
            before.into_iter().for_each(|place| _ = self.demux.unbind(place));
        }
        Ok(())
    }

    /// It is no socket's any more.
    pub(super) fn unbind_datagram(&mut self, index: u32) {
        let places = self.datagram_of(index).map(|datagram| core::mem::take(&mut datagram.places));
        places.into_iter().flatten().for_each(|place| _ = self.demux.unbind(place));
    }

    /// A datagram has come in; false: it is nobody's here.
    pub(super) fn datagram(&mut self, arrived: &Arrived, ends: Tuple) -> bool {
        let Some(index) = self.socket_of(&ends) else { return false };
        let anax_inet::What::Packet(packet) = &arrived.ingress.what else { return false };
        let payload = packet.datagram();
        let Some(open) = &mut self.sockets[index as usize].socket else { return false };
        let Role::Datagram(socket) = &mut open.role else { return false };
        let record = datagram::record(payload.len()) as u64;
        let position = socket.progress.received;
        let Ok(ring) = Ring::new(open.session.arena.bytes(), open.rings.receive()) else { return true };
        if position + record > socket.room {
            self.counters.datagrams_dropped += 1;
            return true;
        }
        let end = Some(crate::convert::end(ends.remote));
        datagram::Header { length: payload.len(), end }.write(ring, position);
        arrived.frame.to_ring(payload.start, payload.len(), ring, position + datagram::HEADER as u64);
        socket.progress.received += record;
        self.touch(index);
        true
    }

    /// What `exchange` does with a datagram socket.
    pub(super) fn exchange_datagram(
        &mut self,
        index: u32,
        question: Question,
        (written, room): (u64, u64),
        (received, taken): (u64, u64),
        later: Later<Progress, Failure>,
    ) {
        let Some(open) = &mut self.sockets[index as usize].socket else { return };
        let (send, receive) = (open.rings.send().1, open.rings.receive().1);
        let Role::Datagram(socket) = &mut open.role else { return };
        let can_be = written >= socket.written
            && written - socket.progress.taken <= send
            && room.saturating_sub(socket.progress.received) <= receive;
        let failure = if can_be { socket.failed.take() } else { Some(Failure::BadArgument) };
        if let Some(failure) = failure {
            let answered = later.answer(Err(failure));
            return self.answer(&answered);
        }
        (socket.written, socket.room) = (written, room.max(socket.room));
        let is_new = socket.progress.taken < written && !core::mem::replace(&mut socket.is_queued, true);
        let waiter = Waiter::new(received, taken, question.knows_end, later);
        let oldest = socket.waiters.push(waiter);
        let progress = socket.progress;
        if is_new {
            self.senders.push_back(index);
        }
        if let Some(oldest) = oldest {
            let answered = oldest.later.answer(Ok(progress));
            self.answer(&answered);
        }
        self.touch(index);
    }

    /// Answers whoever waits for what is there now.
    pub(super) fn look_at_datagram(&mut self, index: u32) {
        let Some(socket) = self.datagram_of(index) else { return };
        let progress = socket.progress;
        let mut answers = ArrayVec::<_, MOST_WAITING>::new();
        let mut place = 0;
        while let Some(waiter) = socket.waiters.get(place) {
            if waiter.is_due(&progress) {
                answers.push(socket.waiters.remove(place).later.answer(Ok(progress)));
            } else if socket.failed.is_some() {
                let failure = socket.failed.take().unwrap_or(Failure::BadState);
                answers.push(socket.waiters.remove(place).later.answer(Err(failure)));
            } else {
                place += 1;
            }
        }
        answers.iter().for_each(|answered| self.answer(answered));
    }

    pub(super) fn datagram_resolved(&mut self, index: u32, is_found: bool) {
        let Some(socket) = self.datagram_of(index) else { return };
        socket.is_waiting = false;
        if !is_found {
            // The one that waits is dropped; those behind it may go elsewhere.
            socket.failed = Some(Failure::Unreachable);
            self.skip(index);
        }
        if let Some(socket) = self.datagram_of(index)
            && !core::mem::replace(&mut socket.is_queued, true)
        {
            self.senders.push_back(index);
        }
        self.touch(index);
    }

    /// The next record of what is to be sent.
    fn next_record(&self, index: u32) -> Option<(datagram::Header, u64)> {
        let open = self.sockets.get(index as usize)?.socket.as_ref()?;
        let Role::Datagram(socket) = &open.role else { return None };
        let ring = Ring::new(open.session.arena.bytes(), open.rings.send()).ok()?;
        let header = datagram::Header::read(ring, socket.progress.taken, socket.written)?;
        Some((header, socket.progress.taken))
    }

    /// Goes on behind the next record.
    fn skip(&mut self, index: u32) {
        let record = self.next_record(index).map(|(header, _)| datagram::record(header.length) as u64);
        if let Some(socket) = self.datagram_of(index) {
            // What is no record has no end: all of it is passed over.
            socket.progress.taken = record.map_or(socket.written, |bytes| socket.progress.taken + bytes);
        }
    }

    /// Sends what sockets have to send. Whether that was all.
    pub(super) fn send_datagrams(&mut self, wire: &mut impl Wire) -> bool {
        for _ in 0..self.senders.len() {
            let Some(index) = self.senders.pop_front() else { break };
            let mut is_all = false;
            for _ in 0..MOST_AT_ONCE {
                let Some(socket) = self.datagram_of(index) else {
                    is_all = true;
                    break;
                };
                if socket.is_waiting || socket.progress.taken >= socket.written {
                    is_all = true;
                    break;
                }
                match self.send_datagram(index, wire) {
                    Ok(Sent::Done) => {
                        let waits = self.datagram_of(index).is_some_and(|socket| socket.is_waiting);
                        if !waits {
                            self.skip(index);
                        }
                    }
                    Ok(Sent::NoBuffer) => {
                        self.senders.push_front(index);
                        return true;
                    }
                    Err(failure) => {
                        self.skip(index);
                        if let Some(socket) = self.datagram_of(index) {
                            socket.failed = Some(failure);
                        }
                    }
                }
                self.touch(index);
            }
            if is_all {
                if let Some(socket) = self.datagram_of(index) {
                    socket.is_queued = false;
                }
            } else {
                self.senders.push_back(index);
            }
        }
        self.senders.is_empty()
    }

    fn send_datagram(&mut self, index: u32, wire: &mut impl Wire) -> Result<Sent, Failure> {
        let (header, position) = self.next_record(index).ok_or(Failure::BadArgument)?;
        let socket = self.datagram_of(index).ok_or(Failure::Gone)?;
        let (local, connected, options) = (socket.local, socket.remote, socket.options);
        let remote = match header.end.filter(|end| end.port != 0) {
            Some(end) => crate::convert::endpoint(end),
            None => connected.ok_or(Failure::BadState)?,
        };
        let Way { hop, source, link, .. } = self.way(remote.address).ok_or(Failure::NoRoute)?;
        let source = source.ok_or(Failure::NoRoute)?;
        let local = match local {
            Some(local) => local,
            None => {
                self.bind_datagram(index, Endpoint::new(IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0), 0))?;
                self.datagram_of(index).and_then(|socket| socket.local).ok_or(Failure::Gone)?
            }
        };
        let source = if local.address.is_unspecified() { source } else { local.address };
        if source.version() != remote.address.version() {
            return Err(Failure::NoRoute);
        }
        let is_all = match remote.address {
            IpAddress::Ipv4(address) => {
                self.tables.interface(hop.interface).is_some_and(|interface| interface.is_broadcast(address))
            }
            IpAddress::Ipv6(_) => false,
        };
        if is_all && !options.broadcast {
            return Err(Failure::BadState);
        }
        let own = self.tables.interface(hop.interface).map(|interface| interface.link_address());
        let Some((from, to)) = own.zip(link).or_else(|| self.link(hop, remote.address, index)) else {
            if let Some(socket) = self.datagram_of(index) {
                socket.is_waiting = true;
            }
            return Ok(Sent::Done);
        };
        let mtu = self.tables.interface(hop.interface).map_or(1500, |interface| usize::from(interface.mtu));
        let offers = self.cards.get(&hop.interface).copied().unwrap_or_default();
        let internet = if source.version() == IpVersion::Ipv4 { 20 } else { 40 };
        let all = udp::HEADER + header.length;
        let is_whole = all + internet <= mtu;
        let is_inside = hop.interface == LOOPBACK;
        let by_card = (offers.checksum && is_whole) || is_inside;
        let open = self.sockets[index as usize].socket.as_ref().ok_or(Failure::Gone)?;
        let ring = Ring::new(open.session.arena.bytes(), open.rings.send()).map_err(|_| Failure::Gone)?;
        let payload = ring.pieces(position + datagram::HEADER as u64, header.length);
        let ends = (End::new(source, local.port), End::new(remote.address, remote.port));
        let sum = if by_card { SumBy::Card } else { SumBy::Us(sum_of(&payload)) };
        let udp_header = udp::header(ends.0, ends.1, header.length, sum);
        let pieces = if is_whole {
            cut(all, usize::MAX, internet)
        } else {
            cut(all, mtu, if internet == 20 { 20 } else { HEADERS })
        };
        let identification = if is_whole { 0 } else { self.random.draw() as u32 };
        let (mut inside, mut frames) = (ArrayVec::<_, 1>::new(), 0);
        for piece in pieces {
            let is_piece = piece.range.start > 0 || piece.more;
            let fragment = is_piece.then_some(Fragment {
                identification,
                offset: piece.range.start as u16,
                more: piece.more,
            });
            let head = headers(
                from,
                to,
                &Header {
                    source,
                    destination: remote.address,
                    protocol: IpProtocol::Udp,
                    hop_limit: options.hop_limit.unwrap_or(HOPS),
                    traffic_class: 0,
                    fragment,
                    length: piece.range.len(),
                },
            );
            let length = head.len() + piece.range.len();
            if is_inside {
                let mut frame = head.to_vec();
                frame.extend(udp_header);
                let at = frame.len();
                frame.resize(at + header.length, 0);
                ring.read(position + datagram::HEADER as u64, &mut frame[at..]);
                inside.push(frame);
                break;
            }
            let Some(buffer) = wire.buffer(hop.interface, length) else {
                // A packet of which only some pieces go is lost: it is begun anew.
                return Ok(Sent::NoBuffer);
            };
            let bytes = buffer.bytes();
            let _ = bytes.copy_in(0, &head);
            let mut at = head.len();
            let mut start = piece.range.start;
            if start < udp::HEADER {
                let _ = bytes.copy_in(at, &udp_header[start..]);
                at += udp::HEADER - start;
                start = udp::HEADER;
            }
            let from = position + (datagram::HEADER + start - udp::HEADER) as u64;
            for run in ring.pieces(from, piece.range.end - start) {
                if let Ok(place) = bytes.part(at, run.len()) {
                    place.copy_from(run, 0);
                }
                at += run.len();
            }
            let offload = by_card.then(|| Offload {
                internet: if internet == 20 { Internet::V4 } else { Internet::V6 },
                internet_at: LINK_HEADER as u8,
                transport: Transport::Udp,
                transport_at: (LINK_HEADER + internet) as u8,
                segmentation: None,
            });
            frames += 1;
            wire.send(Departing { interface: hop.interface, buffer, length, offload });
        }
        self.counters.frames_out += frames;
        self.inside.extend(inside);
        Ok(Sent::Done)
    }
}

/// The sum of what lies in two pieces, of which the first may have an odd length.
fn sum_of(pieces: &[anax_ring::SharedBytes<'_>; 2]) -> u16 {
    let mut sum = anax_inet::Sum::default();
    let [first, second] = pieces;
    sum.word(Pool(*first).sum(0..first.len()));
    let rest = Pool(*second).sum(0..second.len());
    // Behind an odd number of bytes, they are the other halves of their words (RFC 1071, 2 B).
    sum.word(if first.len().is_multiple_of(2) { rest } else { rest.swap_bytes() });
    sum.folded()
}
