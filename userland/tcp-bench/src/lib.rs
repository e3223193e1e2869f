//! What the TCP engine costs by itself, without a server or a card around it.
//!
//! Each step does what the network server does around the engine, as far as that is concerned: headers are read and written, events and places are asked
//! for, room is made. A figure depends on every segment having been taken, or the program panics. Whoever calls brings a clock that counts instructions.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use core::time::Duration;

use anax_tcp::{
    Config, ConnectionId, Endpoint, Engine, Event, Flags, Options, Outgoing, Segment, Taken, Tuple,
};
use smoltcp::wire::IpAddress;

/// Bytes of payload in a full segment beside time stamps.
const FULL: u32 = 1448;
/// Segments in a row to one connection.
const BURST: u64 = 32;
/// Segments that the user writes at a time.
const WRITE: u64 = 45;
const OWN: IpAddress = IpAddress::v4(10, 0, 0, 1);

/// The other end of a connection: what it sends, as bytes.
struct Peer {
    tuple: Tuple,
    seq: u32,
    ack: u32,
    /// The engine's stamp that it saw last.
    echo: u32,
    id: Option<ConnectionId>,
    buffer: Vec<u8>,
    header: usize,
}

impl Peer {
    fn new(number: u64) -> Self {
        let [.., high, middle, low] = (number / 50_000).to_be_bytes();
        let remote = Endpoint::new(IpAddress::v4(10, high + 1, middle, low), 1024 + (number % 50_000) as u16);
        let tuple = Tuple { local: Endpoint::new(OWN, 80), remote };
        let (seq, buffer) = (1_000_000 + number as u32, vec![0; 60 + FULL as usize]);
        Self { tuple, seq, ack: 0, echo: 0, id: None, buffer, header: 0 }
    }

    /// What it sends next, with so many bytes.
    fn segment(&mut self, flags: Flags, length: u32, now: Duration) -> Segment {
        let syn = flags.has(Flags::SYN);
        let outgoing = Outgoing {
            tuple: self.tuple.reversed(),
            seq: self.seq,
            ack: self.ack,
            flags,
            window: 0xffff,
            options: Options {
                mss: syn.then_some(1460),
                scale: syn.then_some(7),
                sack_permitted: syn,
                timestamps: Some((now.as_millis() as u32, self.echo)),
                ..Options::default()
            },
            payload: None,
            mss: 1460,
        };
        self.header = outgoing.write(&mut self.buffer);
        self.again(length)
    }

    /// The same again, of which only numbers differ: so that little is counted that is not the engine's.
    fn quickly(&mut self, length: u32, now: Duration) -> Segment {
        self.buffer[4..8].copy_from_slice(&self.seq.to_be_bytes());
        self.buffer[8..12].copy_from_slice(&self.ack.to_be_bytes());
        self.buffer[24..28].copy_from_slice(&(now.as_millis() as u32).to_be_bytes());
        self.buffer[28..32].copy_from_slice(&self.echo.to_be_bytes());
        self.again(length)
    }

    fn again(&mut self, length: u32) -> Segment {
        let bytes = black_box(&self.buffer[..self.header + length as usize]);
        let segment = Segment::parse(self.tuple.local.address, self.tuple.remote.address, bytes);
        let segment = segment.expect("a sound segment");
        self.seq = self.seq.wrapping_add(segment.span());
        segment
    }

    /// What the engine sends.
    fn heard(&mut self, outgoing: &Outgoing) {
        let fin = u32::from(outgoing.flags.has(Flags::FIN)) + u32::from(outgoing.flags.has(Flags::SYN));
        self.ack = outgoing.seq.wrapping_add(outgoing.length()).wrapping_add(fin);
        self.echo = outgoing.options.timestamps.map_or(0, |(value, _)| value);
    }
}

struct Bench {
    engine: Engine,
    now: Duration,
    header: [u8; 60],
    sent: u64,
    places: u64,
}

impl Bench {
    fn new() -> Self {
        let mut engine = Engine::new(Config::default(), [7; 32]);
        engine.listen(None, 80, u32::MAX, 1 << 20).expect("a free port");
        Self { engine, now: Duration::from_secs(1), header: [0; 60], sent: 0, places: 0 }
    }

    fn input(&mut self, segment: &Segment) {
        assert_eq!(self.engine.input(black_box(segment), self.now), Taken::Here);
        while let Some(place) = self.engine.place() {
            self.places += u64::from(place.length);
        }
    }

    /// All that is to be sent, as headers.
    fn transmit(&mut self, peer: &mut Peer) -> u64 {
        let before = self.sent;
        while let Some(outgoing) = self.engine.transmit(self.now) {
            black_box(outgoing.write(&mut self.header));
            peer.heard(&outgoing);
            self.sent += 1;
        }
        self.sent - before
    }

    fn event(&mut self) -> Option<Event> {
        self.engine.event()
    }

    fn tick(&mut self, by: Duration) {
        self.now += by;
        self.engine.poll(self.now);
        black_box(self.engine.next_deadline());
    }

    /// One that has come in, and its confirmation acknowledged.
    fn accepted(&mut self, number: u64) -> Peer {
        let mut peer = Peer::new(number);
        let syn = peer.segment(Flags::SYN, 0, self.now);
        self.input(&syn);
        assert_eq!(self.transmit(&mut peer), 1);
        let confirmation = peer.segment(Flags::ACK, 0, self.now);
        self.input(&confirmation);
        let event = self.event();
        let Some(Event::Accepted { connection, listener, .. }) = event else { panic!("{event:?}") };
        self.engine.accepted(listener).expect("a listener");
        peer.id = Some(connection);
        assert_eq!(self.transmit(&mut peer), 0);
        peer
    }
}

/// Receives segments in order, full, in bursts to one connection after another; every second one is acknowledged. What the clock has moved by.
#[must_use]
pub fn receive(count: u64, connections: u64, clock: impl Fn() -> u64) -> u64 {
    let mut bench = Bench::new();
    let mut peers: Vec<Peer> = (0..connections).map(|number| bench.accepted(number)).collect();
    // Each has begun.
    for peer in &mut peers {
        for _ in 0..2 {
            let segment = peer.segment(Flags::ACK, FULL, bench.now);
            bench.input(&segment);
        }
        while bench.event().is_some() {}
        bench.transmit(peer);
    }
    let (first, before) = (bench.sent, bench.places);
    let (mut number, begin) = (0, clock());
    while number < count {
        let peer = &mut peers[(number / BURST % connections) as usize];
        for _ in 0..BURST.min(count - number) {
            number += 1;
            let segment = peer.quickly(FULL, bench.now);
            bench.input(&segment);
            while let Some(event) = bench.event() {
                let Event::Received { connection, upto } = event else { panic!("{event:?}") };
                bench.engine.make_room(connection, upto + (1 << 20), bench.now).expect("a connection");
            }
            bench.transmit(peer);
        }
        bench.tick(Duration::from_micros(BURST));
    }
    let took = clock() - begin;
    let (acks, bytes) = (bench.sent - first, bench.places - before);
    assert_eq!(bytes, count * u64::from(FULL), "a segment was lost");
    assert!(acks >= count / 2, "{acks} acknowledgements of {count} segments");
    took
}

/// Sends segments in order, full, `each` of them acknowledged together. What the clock has moved by, to the nearest `each`.
#[must_use]
pub fn send(count: u64, each: u64, clock: impl Fn() -> u64) -> u64 {
    let each = each.max(1);
    let mut bench = Bench::new();
    let mut peer = bench.accepted(0);
    let id = peer.id.expect("it is open");
    peer.segment(Flags::ACK, 0, bench.now);
    let (first, full) = (bench.sent, u64::from(FULL));
    let (mut written, mut acknowledged, mut acks) = (0, 0, 0);
    let begin = clock();
    while bench.sent - first < count {
        let sent = bench.sent - first;
        if written < sent + each {
            written = sent + each.max(WRITE / each * each);
            bench.engine.write(id, written * full, bench.now).expect("it is open");
        }
        for _ in 0..each {
            let Some(outgoing) = bench.engine.transmit(bench.now) else { panic!("nothing to send") };
            black_box(outgoing.write(&mut bench.header));
            assert_eq!(outgoing.length(), FULL);
            peer.heard(&outgoing);
            bench.sent += 1;
        }
        if acks % (BURST / each).max(1) == 0 {
            bench.tick(Duration::from_micros(BURST));
        }
        let ack = peer.quickly(0, bench.now);
        bench.input(&ack);
        acks += 1;
        while let Some(event) = bench.event() {
            let Event::Acknowledged { upto, .. } = event else { panic!("{event:?}") };
            acknowledged = upto;
        }
    }
    let took = clock() - begin;
    assert_eq!(acknowledged, (bench.sent - first) * full, "an acknowledgement was lost");
    took
}

/// Connections that are opened and closed by the other end. What the clock has moved by.
#[must_use]
pub fn accept(count: u64, clock: impl Fn() -> u64) -> u64 {
    let mut bench = Bench::new();
    let (mut ended, begin) = (0, clock());
    for number in 0..count {
        let mut peer = bench.accepted(number);
        let id = peer.id.expect("it is open");
        let fin = peer.segment(Flags::FIN.with(Flags::ACK), 0, bench.now);
        bench.input(&fin);
        assert_eq!(bench.event(), Some(Event::PeerClosed(id)));
        bench.engine.close(id, bench.now).expect("it is open");
        bench.transmit(&mut peer);
        let ack = peer.segment(Flags::ACK, 0, bench.now);
        bench.input(&ack);
        ended += u64::from(matches!(bench.event(), Some(Event::Ended { .. })));
        bench.tick(Duration::from_millis(1));
    }
    let took = clock() - begin;
    assert_eq!((ended, bench.engine.population()[0]), (count, 0));
    took
}

/// Connections that are opened and closed by this end, TIME-WAIT included. What the clock has moved by.
#[must_use]
pub fn connect(count: u64, clock: impl Fn() -> u64) -> u64 {
    let mut bench = Bench::new();
    let (mut ended, begin) = (0, clock());
    for number in 0..count {
        let mut peer = Peer::new(number);
        let id = bench.engine.connect(peer.tuple, 1 << 20, bench.now).expect("new ends");
        assert_eq!(bench.transmit(&mut peer), 1);
        let answer = peer.segment(Flags::SYN.with(Flags::ACK), 0, bench.now);
        bench.input(&answer);
        assert_eq!(bench.event(), Some(Event::Connected(id)));
        assert_eq!(bench.transmit(&mut peer), 1);
        bench.engine.close(id, bench.now).expect("it is open");
        assert_eq!(bench.transmit(&mut peer), 1);
        let fin = peer.segment(Flags::FIN.with(Flags::ACK), 0, bench.now);
        bench.input(&fin);
        bench.transmit(&mut peer);
        while let Some(event) = bench.event() {
            ended += u64::from(matches!(event, Event::Ended { .. }));
        }
        bench.tick(Duration::from_millis(10));
    }
    let took = clock() - begin;
    assert_eq!((ended, bench.engine.population()[0]), (count, 0));
    took
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_is_done() {
        // A clock that stands still: the assertions are what is tried.
        let clock = || 0;
        assert_eq!(
            receive(1000, 10, clock) + send(1000, 2, clock) + accept(100, clock) + connect(100, clock),
            0
        );
    }
}
