//! Others who mean harm: memory stays bounded, connections that stand are not disturbed, and new ones open.

use std::time::Duration;

use anax_tcp::{Config, ConnectionId, Endpoint, Engine, Event, Flags, Options, Segment, State, Taken, Tuple};
use smoltcp::wire::IpAddress;

use crate::world::Random;

const SERVER: IpAddress = IpAddress::v4(192, 0, 2, 1);
const CLIENT: IpAddress = IpAddress::v4(192, 0, 2, 2);
const ROOM: u32 = 65_535;

/// A server with one connection that stands, which nobody is to disturb.
struct Victim {
    engine: Engine,
    now: Duration,
    standing: Peer,
    port: u16,
}

/// The other end of a connection, as far as a test plays it.
#[derive(Clone, Copy, Debug)]
struct Peer {
    id: ConnectionId,
    tuple: Tuple,
    /// Its next number, and what it expects next.
    seq: u32,
    ack: u32,
}

fn segment(tuple: Tuple, flags: Flags, (seq, ack): (u32, u32), length: u32) -> Segment {
    Segment { tuple, seq, ack, flags, window: 65_535, options: Options::default(), length, payload: 20 }
}

impl Victim {
    fn new(config: Config) -> Self {
        let mut engine = Engine::new(config, [3; 32]);
        engine.listen(None, 80, 1000, ROOM).unwrap();
        let id = ConnectionId::from_word(0);
        let nobody = Tuple { local: Endpoint::new(SERVER, 80), remote: Endpoint::new(CLIENT, 1) };
        let standing = Peer { id, tuple: nobody, seq: 0, ack: 0 };
        let mut victim = Self { engine, now: Duration::from_secs(100), standing, port: 1000 };
        victim.standing = victim.open().expect("the first connection");
        victim
    }

    /// A new connection by the usual handshake.
    fn open(&mut self) -> Option<Peer> {
        self.port += 1;
        let tuple = Tuple { local: Endpoint::new(SERVER, 80), remote: Endpoint::new(CLIENT, self.port) };
        let seq = 5000;
        let syn = Segment {
            options: Options { mss: Some(1460), sack_permitted: true, ..Options::default() },
            ..segment(tuple, Flags::SYN, (seq, 0), 0)
        };
        self.drain();
        self.engine.input(&syn, self.now);
        let answer = self.engine.transmit(self.now)?;
        assert_eq!(answer.tuple, tuple);
        let (seq, ack) = (seq + 1, answer.seq.wrapping_add(1));
        self.engine.input(&segment(tuple, Flags::ACK, (seq, ack), 0), self.now);
        let mut found = None;
        while let Some(event) = self.engine.event() {
            if let Event::Accepted { listener, connection, tuple: of } = event {
                self.engine.accepted(listener).unwrap();
                found = (of == tuple).then_some(connection).or(found);
            }
        }
        Some(Peer { id: found?, tuple, seq, ack })
    }

    fn hit(&mut self, segment: &Segment) {
        assert_eq!(self.engine.input(segment, self.now), Taken::Here);
        self.drain();
    }

    fn drain(&mut self) -> (usize, Vec<Event>) {
        let mut sent = 0;
        while self.engine.place().is_some() {}
        while self.engine.transmit(self.now).is_some() {
            sent += 1;
        }
        (sent, std::iter::from_fn(|| self.engine.event()).collect())
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.poll(self.now);
        self.drain();
    }

    /// The connection that stands still carries bytes, and another one opens.
    fn is_well(&mut self) {
        let peer = self.standing;
        assert_eq!(self.engine.snapshot(peer.id).map(|seen| seen.state), Some(State::Established));
        self.drain();
        self.engine
            .input(&segment(peer.tuple, Flags::ACK.with(Flags::PSH), (peer.seq, peer.ack), 700), self.now);
        let mut received = None;
        while let Some(event) = self.engine.event() {
            if let Event::Received { connection, upto } = event {
                assert_eq!(connection, peer.id);
                received = Some(upto);
            }
        }
        assert!(received.is_some(), "the connection that stands takes nothing");
        self.standing.seq = peer.seq.wrapping_add(700);
        self.engine.make_room(peer.id, received.unwrap() + u64::from(ROOM), self.now).unwrap();
        let another = self.open().expect("a new connection");
        self.engine.abort(another.id, self.now).unwrap();
        self.drain();
    }
}

fn stranger(random: &mut Random) -> Tuple {
    let [a, b, c, d, ..] = random.next().to_le_bytes();
    let address = IpAddress::v4(1 + a % 200, b, c, 1 + d % 200);
    let port = 1 + (random.next() % 65_000) as u16;
    Tuple { local: Endpoint::new(SERVER, 80), remote: Endpoint::new(address, port) }
}

#[test]
fn land() {
    let mut victim = Victim::new(Config::default());
    let end = Endpoint::new(SERVER, 80);
    for flags in [Flags::SYN, Flags::ACK, Flags::SYN.with(Flags::ACK), Flags::RST] {
        victim.hit(&segment(Tuple { local: end, remote: end }, flags, (1, 1), 0));
    }
    for address in [IpAddress::v4(0, 0, 0, 0), IpAddress::v4(255, 255, 255, 255), IpAddress::v4(224, 0, 0, 5)]
    {
        victim.hit(&segment(Tuple { local: end, remote: Endpoint::new(address, 9) }, Flags::SYN, (1, 1), 0));
    }
    victim.hit(&segment(Tuple { local: end, remote: Endpoint::new(CLIENT, 0) }, Flags::SYN, (1, 1), 0));
    assert_eq!(victim.engine.counters().not_sound, 8);
    victim.is_well();
}

#[test]
fn a_flood_of_syns_leaves_a_bounded_trace() {
    let config = Config { most_openings: 256, ..Config::default() };
    let mut victim = Victim::new(config);
    let mut random = Random(1);
    for _ in 0..100_000 {
        let seq = random.next() as u32;
        victim.hit(&segment(stranger(&mut random), Flags::SYN, (seq, 0), 0));
    }
    let [connections, openings, _] = victim.engine.population();
    assert!(connections == 1 && openings <= 256);
    victim.is_well();
    (0..60).for_each(|_| victim.pass(Duration::from_secs(1)));
    assert_eq!(victim.engine.population()[1], 0);
    victim.is_well();
}

#[test]
fn cookies_are_not_guessed() {
    let mut victim = Victim::new(Config::default());
    let mut random = Random(2);
    for _ in 0..100_000 {
        let numbers = (random.next() as u32, random.next() as u32);
        victim.hit(&segment(stranger(&mut random), Flags::ACK, numbers, 0));
    }
    // One in 8 million of the right age is right by chance.
    assert!(victim.engine.population()[0] <= 2);
    victim.is_well();
}

#[test]
fn blind_resets_syns_and_data_do_nothing() {
    let mut victim = Victim::new(Config::default());
    let peer = victim.standing;
    let mut random = Random(3);
    for _ in 0..20_000 {
        let seq = random.next() as u32;
        if seq == peer.seq {
            continue;
        }
        for flags in [Flags::RST, Flags::RST.with(Flags::ACK), Flags::SYN, Flags::SYN.with(Flags::ACK)] {
            victim.hit(&segment(peer.tuple, flags, (seq, random.next() as u32), 0));
        }
        // Data with an acknowledgement that is not within what was sent.
        let ack = peer.ack.wrapping_add(1 + (random.next() as u32) % 0x3fff_ffff);
        victim.hit(&segment(peer.tuple, Flags::ACK, (seq, ack), 100));
    }
    let counters = victim.engine.counters();
    // Answers are few, however many ask (RFC 5961, section 10).
    assert!(counters.challenges <= 100, "{counters:?}");
    victim.now += Duration::from_secs(1);
    victim.is_well();
}

#[test]
fn one_byte_segments_behind_gaps_cost_little() {
    // SegmentSmack: as many ranges as possible.
    let mut victim = Victim::new(Config::default());
    let peer = victim.standing;
    for gap in 0..30_000 {
        let seq = peer.seq.wrapping_add(2 + 2 * gap);
        victim.hit(&segment(peer.tuple, Flags::ACK, (seq, peer.ack), 1));
    }
    assert!(victim.engine.counters().no_room > 20_000);
    // What was taken counts once the gap is filled.
    victim.is_well();
}

#[test]
fn sack_of_every_second_byte_costs_little() {
    let mut victim = Victim::new(Config::default());
    let peer = victim.standing;
    victim.engine.write(peer.id, 13_140, victim.now).unwrap();
    victim.drain();
    for round in 0..5000_u32 {
        let at = |n: u32| peer.ack.wrapping_add(1500 + (round * 8 + 2 * n) % 12_000);
        let sack = (0..4).map(|n| (at(n), at(n).wrapping_add(1))).collect();
        let options = Options { sack, ..Options::default() };
        victim.hit(&Segment { options, ..segment(peer.tuple, Flags::ACK, (peer.seq, peer.ack), 0) });
    }
    // Everything is acknowledged in the end, and it goes on.
    victim.hit(&segment(peer.tuple, Flags::ACK, (peer.seq, peer.ack.wrapping_add(13_140)), 0));
    victim.standing.ack = peer.ack.wrapping_add(13_140);
    victim.is_well();
}

#[test]
fn a_tiny_segment_size_does_not_multiply_headers() {
    let mut victim = Victim::new(Config::default());
    let tuple = Tuple { local: Endpoint::new(SERVER, 80), remote: Endpoint::new(CLIENT, 9) };
    let options = Options { mss: Some(1), ..Options::default() };
    victim.drain();
    victim.engine.input(&Segment { options, ..segment(tuple, Flags::SYN, (1, 0), 0) }, victim.now);
    let answer = victim.engine.transmit(victim.now).unwrap();
    victim.engine.input(&segment(tuple, Flags::ACK, (2, answer.seq.wrapping_add(1)), 0), victim.now);
    let id = std::iter::from_fn(|| victim.engine.event())
        .find_map(
            |event| if let Event::Accepted { connection, .. } = event { Some(connection) } else { None },
        )
        .unwrap();
    victim.engine.write(id, 1000, victim.now).unwrap();
    let first = victim.engine.transmit(victim.now).unwrap();
    assert!(first.length() >= 64, "{first:?}");
    victim.is_well();
}

#[test]
fn acknowledgements_that_are_cut_up_open_no_more() {
    // ACK division: a thousand acknowledgements of a byte each are one of a segment.
    let mut victim = Victim::new(Config::default());
    let peer = victim.standing;
    victim.engine.write(peer.id, 1_000_000, victim.now).unwrap();
    victim.drain();
    let before = victim.engine.snapshot(peer.id).unwrap().cwnd;
    for byte in 1..=1460 {
        victim.hit(&segment(peer.tuple, Flags::ACK, (peer.seq, peer.ack.wrapping_add(byte)), 0));
    }
    let after = victim.engine.snapshot(peer.id).unwrap().cwnd;
    assert!(after - before <= 1460, "{before} {after}");
    victim.is_well();
}

#[test]
fn acknowledgements_in_advance_do_nothing() {
    let mut victim = Victim::new(Config::default());
    let peer = victim.standing;
    victim.engine.write(peer.id, 1_000_000, victim.now).unwrap();
    victim.drain();
    let before = victim.engine.snapshot(peer.id).unwrap();
    for ahead in 0..1000 {
        let ack = peer.ack.wrapping_add(14_601 + 1460 * ahead);
        victim.hit(&segment(peer.tuple, Flags::ACK, (peer.seq, ack), 0));
    }
    let after = victim.engine.snapshot(peer.id).unwrap();
    assert_eq!((before.cwnd, before.flight), (after.cwnd, after.flight));
    victim.is_well();
}

#[test]
fn duplicates_that_are_made_up_open_little() {
    let mut victim = Victim::new(Config { sack: false, ..Config::default() });
    let peer = victim.standing;
    victim.engine.write(peer.id, 1_000_000, victim.now).unwrap();
    victim.drain();
    for _ in 0..10_000 {
        victim.hit(&segment(peer.tuple, Flags::ACK, (peer.seq, peer.ack), 0));
    }
    // Never more than the window that the other end has given.
    assert!(victim.engine.snapshot(peer.id).unwrap().flight <= 65_535);
    assert!(victim.engine.snapshot(peer.id).unwrap().cwnd <= 14_600);
    victim.is_well();
}

#[test]
fn a_window_that_stays_closed_is_given_up() {
    // Sockstress: each probe is answered, and nothing is ever taken.
    let config = Config { give_up: Duration::from_secs(120), ..Config::default() };
    let mut victim = Victim::new(config);
    let peer = victim.open().unwrap();
    let closed = Segment { window: 0, ..segment(peer.tuple, Flags::ACK, (peer.seq, peer.ack), 0) };
    victim.hit(&closed);
    victim.engine.write(peer.id, 1000, victim.now).unwrap();
    for _ in 0..300 {
        victim.pass(Duration::from_millis(500));
        victim.hit(&closed);
    }
    assert!(victim.engine.snapshot(peer.id).is_none());
    victim.is_well();
}

#[test]
fn time_stamps_of_others_poison_nothing() {
    // Without knowing the window nobody can move the last time stamp on.
    let mut victim = Victim::new(Config::default());
    let tuple = Tuple { local: Endpoint::new(SERVER, 80), remote: Endpoint::new(CLIENT, 7) };
    let stamped = |value, flags, numbers, length| Segment {
        options: Options { mss: Some(1460), timestamps: Some((value, 1)), ..Options::default() },
        ..segment(tuple, flags, numbers, length)
    };
    victim.drain();
    victim.engine.input(&stamped(100, Flags::SYN, (1, 0), 0), victim.now);
    let answer = victim.engine.transmit(victim.now).unwrap();
    let ack = answer.seq.wrapping_add(1);
    victim.engine.input(&stamped(101, Flags::ACK, (2, ack), 0), victim.now);
    victim.drain();
    let mut random = Random(4);
    for _ in 0..2000 {
        let seq = 2_u32.wrapping_add(70_000 + random.next() as u32 % 0x7000_0000);
        victim.hit(&stamped(0x7000_0000, Flags::ACK, (seq, ack), 50));
    }
    victim.engine.input(&stamped(102, Flags::ACK, (2, ack), 50), victim.now);
    let received = std::iter::from_fn(|| victim.engine.event())
        .any(|event| matches!(event, Event::Received { upto: 50, .. }));
    assert!(received, "an honest segment is taken for an old one");
    victim.is_well();
}

#[test]
fn anything_at_any_time() {
    // Packets, calls and time, at random: no panic, everything bounded, and it all ends.
    let rounds = if std::env::var_os("ANAX_LONG").is_some() { 2000 } else { 40 };
    for seed in 0..rounds {
        let mut random = Random(seed);
        let config = Config {
            most_connections: 20,
            most_openings: 8,
            most_waiting: 5,
            tso: if random.chance(30) { 20_000 } else { 1 },
            sack: random.chance(70),
            timestamps: random.chance(50),
            ..Config::default()
        };
        let mut engine = Engine::new(config, [seed as u8; 32]);
        let mut now = Duration::from_secs(random.below(1_000_000));
        let mut ids: Vec<ConnectionId> = Vec::new();
        let mut tuples: Vec<Tuple> = Vec::new();
        let mut near: Vec<(u32, u32)> = vec![(1, 1)];
        let _ = engine.listen(None, 80, 6, 30_000);
        for _ in 0..3000 {
            match random.below(10) {
                0 => now += Duration::from_millis(random.below(4000)),
                1 => {
                    let local = Endpoint::new(SERVER, 100 + random.below(30) as u16);
                    let tuple = Tuple { local, remote: Endpoint::new(CLIENT, 80) };
                    if let Ok(id) = engine.connect(tuple, random.below(100_000) as u32, now) {
                        ids.push(id);
                        tuples.push(tuple);
                    }
                }
                2 | 3 if !ids.is_empty() => {
                    let id = ids[random.below(ids.len() as u64) as usize];
                    let _ = match random.below(9) {
                        0..=2 => engine.write(id, random.below(200_000), now),
                        3 => engine.make_room(id, random.below(300_000), now),
                        4 => engine.shut_down(id, now),
                        5 => engine.close(id, now),
                        6 => engine.abort(id, now),
                        7 => engine.set_no_delay(id, random.chance(50), now),
                        _ => engine.set_keep_alive(
                            id,
                            Some((Duration::from_secs(5), Duration::from_secs(1), 3)),
                            now,
                        ),
                    };
                }
                _ => {
                    let tuple = match random.below(3) {
                        0 if !tuples.is_empty() => tuples[random.below(tuples.len() as u64) as usize],
                        1 => Tuple {
                            local: Endpoint::new(SERVER, 80),
                            remote: Endpoint::new(CLIENT, 1 + random.below(12) as u16),
                        },
                        _ => stranger(&mut random),
                    };
                    let (seq, ack) = near[random.below(near.len() as u64) as usize];
                    let nudge = |random: &mut Random| match random.below(4) {
                        0 => random.next() as u32,
                        1 => (random.below(3000) as u32).wrapping_sub(1500),
                        _ => 0,
                    };
                    let mut options = Options::default();
                    if random.chance(50) {
                        options.mss = Some(random.next() as u16);
                        options.scale = random.chance(50).then(|| random.below(15) as u8);
                        options.sack_permitted = random.chance(50);
                    }
                    if random.chance(40) {
                        options.timestamps = Some((random.below(100_000) as u32, random.next() as u32));
                    }
                    for _ in 0..random.below(5) {
                        let from = ack.wrapping_add(random.below(20_000) as u32);
                        let _ = options.sack.try_push((from, from.wrapping_add(random.below(4000) as u32)));
                    }
                    let segment = Segment {
                        tuple,
                        seq: seq.wrapping_add(nudge(&mut random)),
                        ack: ack.wrapping_add(nudge(&mut random)),
                        flags: Flags(
                            if random.chance(80) { 16 } else { 0 }
                                | [0, 0, 2, 1, 4, 8, 32, 63][random.below(8) as usize],
                        ),
                        window: random.next() as u16,
                        options,
                        length: if random.chance(50) { random.below(3000) as u32 } else { 0 },
                        payload: 20,
                    };
                    engine.input(&segment, now);
                }
            }
            engine.poll(now);
            let mut sent = 0;
            while let Some(segment) = engine.transmit(now) {
                sent += 1;
                assert!(sent < 20_000, "seed {seed}: it sends for ever");
                assert!(segment.length() <= 20_000.max(u32::from(segment.mss)));
                near.push((segment.ack, segment.seq.wrapping_add(segment.length())));
                if near.len() > 30 {
                    near.remove(0);
                }
            }
            while let Some(place) = engine.place() {
                assert!(place.length > 0 && place.from + place.length <= 3000);
            }
            while let Some(event) = engine.event() {
                match event {
                    Event::Accepted { listener, connection, tuple } => {
                        let _ = engine.accepted(listener);
                        ids.push(connection);
                        tuples.push(tuple);
                    }
                    Event::Ended { connection, .. } => ids.retain(|id| *id != connection),
                    _ => {}
                }
            }
            let [connections, openings, waiting] = engine.population();
            assert!(connections <= 20 && openings <= 8 && waiting <= 5);
        }
        for id in ids {
            let _ = engine.close(id, now);
        }
        for _ in 0..4000 {
            while engine.transmit(now).is_some() {}
            while engine.event().is_some() {}
            let Some(next) = engine.next_deadline() else { break };
            now = now.max(next);
            engine.poll(now);
        }
        assert_eq!(engine.population(), [0, 0, 0], "seed {seed}: something stays for ever");
    }
}
