//! Engines end in the middle of everything, and others go on with what was kept of their connections: no byte is lost, or comes twice.

use std::collections::BTreeMap;
use std::time::Duration;

use anax_tcp::{
    Config, ConnectionId, Endpoint, Engine, Error, Flags, Options, RECORD_WORDS, Record, Segment, Tuple,
};
use proptest::prelude::*;
use smoltcp::wire::IpAddress;

use crate::transfers::{self, DELAY};
use crate::world::{Random, Weather, World};

/// What is kept of one side's connections: a record for each place.
#[derive(Default)]
struct Kept(BTreeMap<u32, (ConnectionId, Record)>);

impl Kept {
    fn note(&mut self, engine: &mut Engine) {
        while let Some((place, record)) = engine.changed() {
            match record {
                Some(record) => _ = self.0.insert(place, record),
                None => _ = self.0.remove(&place),
            }
        }
    }
}

/// No connection has such a number.
const ENDED: u64 = 1 << 40;

/// Transfers as [`transfers::transfer`]; now and then a side's engine is another.
fn with_deaths(config: &Config, weather: Weather, seed: u64) -> u32 {
    let mut random = Random(seed ^ 0xdead);
    let mut kept = [Kept::default(), Kept::default()];
    let mut deaths = 0;
    transfers::transfer_with(config, weather, seed, (30_000, 2, 60_000), |world: &mut World| {
        for (side, kept) in kept.iter_mut().enumerate() {
            kept.note(&mut world.sides[side].engine);
            // An opening and a record of TIME-WAIT are nobody's yet, or any more.
            let all_open = world.sides.iter().flat_map(|side| side.ends.values()).all(|end| end.connected);
            let waits = world.sides[side].engine.population()[1..] != [0, 0];
            if !all_open || waits || !random.chance(5) {
                continue;
            }
            let (config, address) = (config.clone(), world.sides[side].address);
            let mut successor = Engine::new(config, [random.next() as u8; 32]);
            let mut before = std::mem::take(&mut world.sides[side].ends);
            let mut ends = BTreeMap::new();
            for (id, record) in std::mem::take(&mut kept.0).into_values() {
                assert_eq!(record.tuple().map(|tuple| tuple.local.address), Some(address));
                let new = successor.restore(&record, world.now).unwrap();
                assert_eq!(successor.restore(&record, world.now), Err(Error::InUse));
                let end = before.remove(&id.to_word()).expect("a record of nobody");
                let stands = (end.incoming.received + u64::from(end.incoming.ended), end.acknowledged);
                let (received, acknowledged) = record.positions();
                assert_eq!((received, acknowledged.min(end.total)), stands, "{record:?} {end:?}");
                ends.insert(new.to_word(), end);
            }
            // What has ended has no number any more.
            ends.extend((ENDED * u64::from(deaths + 1)..).zip(before.into_values()));
            world.sides[side].ends = ends;
            world.sides[side].engine = successor;
            if side == 1 {
                world.listen(1);
            }
            deaths += 1;
        }
    });
    deaths
}

#[test]
fn successors_go_on_with_every_connection() {
    let mut deaths = 0;
    for seed in 0..40 {
        let config = &transfers::configs()[seed as usize % 4];
        let good = Weather { delay: DELAY, ..Weather::default() };
        deaths += with_deaths(config, good, seed);
        let bad = Weather { lost: 5, twice: 5, late: 20, ..good };
        deaths += with_deaths(config, bad, seed + 1000);
    }
    assert!(deaths > 100, "only {deaths} engines have ended");
}

/// A record of an open connection.
fn sound() -> Record {
    let mut engine = Engine::new(Config::default(), [1; 32]);
    let end = |last, port| Endpoint::new(IpAddress::v4(10, 0, 0, last), port);
    let tuple = Tuple { local: end(1, 1000), remote: end(2, 80) };
    engine.connect(tuple, 10_000, Duration::from_secs(1)).unwrap();
    engine.changed().unwrap().1.unwrap().1
}

#[test]
fn a_record_says_whose_it_is() {
    let record = sound();
    assert_eq!(record.tuple().unwrap().remote.port, 80);
    let mut engine = Engine::new(Config { owner: (0, 2), ..Config::default() }, [2; 32]);
    let mut other = Engine::new(Config { owner: (1, 2), ..Config::default() }, [2; 32]);
    let now = Duration::from_secs(2);
    let both = [engine.restore(&record, now).is_ok(), other.restore(&record, now).is_ok()];
    assert_ne!(both[0], both[1]);
}

/// The other end may have got all that was sent, while what it has said to that is lost with whoever had sent it.
#[test]
fn who_ends_what_was_left_says_so_behind_all_that_was_sent() {
    let now = Duration::from_secs(1);
    let end = |last, port| Endpoint::new(IpAddress::v4(10, 0, 0, last), port);
    let tuple = Tuple { local: end(1, 80), remote: end(2, 1000) };
    let segment = |flags, seq, ack| {
        let options = Options::default();
        Segment { tuple, seq, ack, flags, window: 65_535, options, length: 0, payload: 20 }
    };
    let mut engine = Engine::new(Config::default(), [1; 32]);
    engine.listen(None, 80, 10, 10_000).unwrap();
    engine.input(&segment(Flags::SYN, 5000, 0), now);
    let first = engine.transmit(now).unwrap().seq.wrapping_add(1);
    engine.input(&segment(Flags::ACK, 5001, first), now);
    let mut kept = Kept::default();
    kept.note(&mut engine);
    let (id, _) = *kept.0.values().next().unwrap();
    engine.write(id, 500, now).unwrap();
    let mut sent = 0;
    while let Some(segment) = engine.transmit(now) {
        sent += segment.payload.map_or(0, |payload| payload.length);
    }
    assert_eq!(sent, 500);
    kept.note(&mut engine);
    let (_, record) = *kept.0.values().next().unwrap();
    let mut successor = Engine::new(Config::default(), [2; 32]);
    let id = successor.restore(&record, now).unwrap();
    successor.abort(id, now).unwrap();
    let all: Vec<_> = core::iter::from_fn(|| successor.transmit(now)).collect();
    let resets: Vec<_> = all.iter().filter(|segment| segment.flags.has(Flags::RST)).collect();
    assert_eq!(resets.len(), 1, "{all:?}");
    assert_eq!(resets[0].seq, first.wrapping_add(500));
}

/// Segments of loopback are as long as that.
#[test]
fn the_longest_segments_are_reckoned_with() {
    const SIZES: usize = 15;
    let mut record = sound();
    record.0[SIZES] = 0xffff_0000_ffff;
    let now = Duration::from_secs(5);
    let mut engine = Engine::new(Config::default(), [3; 32]);
    let id = engine.restore(&record, now).unwrap();
    let (received, _) = record.positions();
    engine.make_room(id, received + 1_000_000, now).unwrap();
}

proptest! {
    /// Rubbish is refused, or is a connection with which everything can be done.
    #[test]
    fn no_record_is_dangerous(
        changes in proptest::collection::vec((0..RECORD_WORDS, any::<u64>(), 0u8..4), 0..6),
        later in 0u64..100_000,
    ) {
        let mut record = sound();
        for (at, value, how) in changes {
            let word = &mut record.0[at];
            *word = match how {
                0 => value,
                1 => *word ^ 1 << (value % 64),
                2 => word.wrapping_add(value % 100_000),
                _ => word.wrapping_sub(value % 100_000),
            };
        }
        let mut engine = Engine::new(Config::default(), [3; 32]);
        let mut now = Duration::from_secs(5);
        if let Ok(id) = engine.restore(&record, now) {
            let (received, acknowledged) = record.positions();
            for _ in 0..20 {
                while let Some(segment) = engine.transmit(now) {
                    let payload = segment.payload.map_or(0, |payload| payload.length);
                    prop_assert!(payload <= 65_536);
                }
                while engine.event().is_some() {}
                let _ = engine.write(id, acknowledged.saturating_add(later), now);
                let _ = engine.make_room(id, received.saturating_add(later), now);
                now += Duration::from_millis(later);
                engine.poll(now);
            }
        }
    }
}
