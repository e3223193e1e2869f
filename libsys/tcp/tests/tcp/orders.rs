//! Every order in which segments can arrive, whole, twice and overlapping: each byte is placed before it is told, none after, and acknowledgements say what is there.

use std::collections::BTreeSet;
use std::time::Duration;

use anax_tcp::{Config, Endpoint, Engine, Event, Flags, Options, Segment, Tuple};
use smoltcp::wire::IpAddress;

const NOW: Duration = Duration::from_secs(7);

/// A connection that was opened from outside, whose other end begins with 0.
fn opened(sack: bool) -> (Engine, Tuple, u32) {
    let mut engine = Engine::new(Config { sack, timestamps: false, ..Config::default() }, [5; 32]);
    engine.listen(None, 80, 1, 65_535).unwrap();
    let end = |last, port| Endpoint::new(IpAddress::v4(192, 0, 2, last), port);
    let tuple = Tuple { local: end(1, 80), remote: end(2, 999) };
    let options = Options { mss: Some(1460), sack_permitted: true, ..Options::default() };
    let syn =
        Segment { tuple, seq: 0, ack: 0, flags: Flags::SYN, window: 9999, options, length: 0, payload: 20 };
    engine.input(&syn, NOW);
    let ack = engine.transmit(NOW).unwrap().seq.wrapping_add(1);
    let confirmation = Segment { seq: 1, ack, flags: Flags::ACK, options: Options::default(), ..syn };
    engine.input(&confirmation, NOW);
    while engine.event().is_some() {}
    while engine.transmit(NOW).is_some() {}
    (engine, tuple, ack)
}

/// Hands in the parts, the last one's end with a FIN, and looks at all that follows.
fn arrive(parts: &[(u32, u32)], end: u32, sack: bool) {
    let (mut engine, tuple, ack) = opened(sack);
    let (mut placed, mut sent, mut told, mut closed) = (BTreeSet::new(), BTreeSet::new(), 0, false);
    for (from, to) in parts {
        let flags = if *to == end { Flags::ACK.with(Flags::FIN) } else { Flags::ACK };
        let options = Options::default();
        let (seq, length) = (1 + from, to - from);
        engine.input(&Segment { tuple, seq, ack, flags, window: 9999, options, length, payload: 20 }, NOW);
        sent.extend(*from..*to);
        while let Some(place) = engine.place() {
            let first = place.position as u32;
            assert!(first >= told && first - place.from == *from && place.from + place.length <= length);
            placed.extend(first..first + place.length);
        }
        while let Some(event) = engine.event() {
            match event {
                Event::Received { upto, .. } => {
                    assert!(upto as u32 > told, "{parts:?}");
                    told = upto as u32;
                }
                Event::PeerClosed(_) => closed = true,
                other => panic!("{parts:?}: {other:?}"),
            }
        }
        // All that has come is placed; what is told is what begins the stream.
        assert_eq!(placed, sent, "{parts:?}");
        let whole = (0..).take_while(|at| sent.contains(at)).count() as u32;
        assert_eq!(told, whole, "{parts:?}");
        assert_eq!(closed, whole == end, "{parts:?}");
        let mut last = None;
        while let Some(segment) = engine.transmit(NOW) {
            last = Some(segment);
        }
        if let Some(segment) = last {
            assert_eq!(segment.ack, 1 + told + u32::from(closed), "{parts:?}");
            assert!(sack || segment.options.sack.is_empty());
            for (index, (from, to)) in segment.options.sack.iter().enumerate() {
                // A range that is there; beyond what is acknowledged, but for a duplicate that comes first.
                assert!((from - 1..to - 1).all(|at| sent.contains(&at)), "{parts:?}: {segment:?}");
                assert!(index == 0 || from - 1 > told, "{parts:?}: {segment:?}");
            }
        }
    }
    assert!(closed && told == end, "{parts:?}");
}

fn orders(parts: &mut Vec<(u32, u32)>, from: usize, each: &mut impl FnMut(&[(u32, u32)])) {
    if from == parts.len() {
        return each(parts);
    }
    for index in from..parts.len() {
        parts.swap(from, index);
        orders(parts, from + 1, each);
        parts.swap(from, index);
    }
}

#[test]
fn every_order_of_six_segments() {
    let mut parts: Vec<_> = (0..6).map(|index| (index * 100, index * 100 + 100)).collect();
    let mut count = 0;
    orders(&mut parts, 0, &mut |parts| {
        count += 1;
        arrive(parts, 600, count % 2 == 0);
    });
    assert_eq!(count, 720);
}

#[test]
fn every_order_of_segments_that_overlap() {
    // Whole, inside another, across an edge, twice.
    for set in [
        &[(0, 100), (50, 150), (100, 200), (150, 300)][..],
        &[(0, 300), (100, 200), (250, 400), (400, 410)],
        &[(0, 10), (0, 10), (10, 20), (10, 20), (20, 30)],
        &[(0, 1), (1, 2), (0, 3), (2, 4), (3, 5)],
        &[(20, 40), (10, 30), (0, 25), (35, 50), (0, 50)],
    ] {
        let end = set.iter().map(|(_, to)| *to).max().unwrap();
        for sack in [false, true] {
            orders(&mut set.to_vec(), 0, &mut |parts| arrive(parts, end, sack));
        }
    }
}
