//! The TCP engine: what the input says are packets (real headers, so that options are read, too), calls and time. Nothing panics, everything is bounded, and
//! what is placed lies within the segment.

use std::time::Duration;

use anax_tcp::{Config, ConnectionId, Endpoint, Engine, Event, Segment, Tuple};
use smoltcp::wire::IpAddress;

const HERE: IpAddress = IpAddress::v4(10, 0, 0, 1);
const THERE: IpAddress = IpAddress::v4(10, 0, 0, 2);

/// Takes an input.
pub fn take(input: &[u8]) {
    let Some((kind, mut steps)) = input.split_first() else { return };
    let config = Config {
        sack: kind & 1 != 0,
        timestamps: kind & 2 != 0,
        tso: if kind & 4 != 0 { 20_000 } else { 1 },
        most_connections: 4,
        most_openings: 2,
        most_waiting: 2,
        ..Config::default()
    };
    let mut engine = Engine::new(config, [9; 32]);
    let _ = engine.listen(None, 80, 3, 5000);
    let mut now = Duration::from_secs(1);
    let mut ids: Vec<ConnectionId> = Vec::new();
    // The numbers that were sent last: an input can say "near to these".
    let (mut seq, mut ack) = (0_u32, 0_u32);
    while let [step, argument, rest @ ..] = steps {
        steps = rest;
        let id = ids.get(usize::from(argument >> 4)).copied();
        let amount = u64::from(argument & 15) * 700;
        match step % 9 {
            0 => now += Duration::from_millis(1 << (argument % 18)),
            1 => {
                let tuple = Tuple {
                    local: Endpoint::new(HERE, 1000 + u16::from(*argument)),
                    remote: Endpoint::new(THERE, 80),
                };
                ids.extend(engine.connect(tuple, 5000, now));
            }
            2 => drop(id.map(|id| engine.write(id, amount, now))),
            3 => drop(id.map(|id| engine.make_room(id, amount, now))),
            4 => drop(id.map(|id| engine.shut_down(id, now))),
            5 => drop(id.map(|id| engine.close(id, now))),
            6 => drop(id.map(|id| engine.abort(id, now))),
            _ => {
                let length = usize::from(*argument).min(steps.len());
                let (bytes, rest) = steps.split_at(length);
                steps = rest;
                let mut bytes = bytes.to_vec();
                if step & 0x80 != 0 && bytes.len() >= 12 {
                    let near = |from: u32, by: &[u8]| {
                        from.wrapping_add(u32::from(by[3])).wrapping_sub(u32::from(by[2]))
                    };
                    let numbers = [near(ack, &bytes[4..8]), near(seq, &bytes[8..12])];
                    bytes[4..8].copy_from_slice(&numbers[0].to_be_bytes());
                    bytes[8..12].copy_from_slice(&numbers[1].to_be_bytes());
                }
                if let Ok(segment) = Segment::parse(HERE, THERE, &bytes) {
                    engine.input(&segment, now);
                    while let Some(place) = engine.place() {
                        assert_eq!(place.of(&segment, &bytes).len(), place.length as usize);
                    }
                }
            }
        }
        engine.poll(now);
        for _ in 0..1000 {
            let Some(segment) = engine.transmit(now) else { break };
            (seq, ack) = (segment.seq.wrapping_add(segment.length()), segment.ack);
        }
        assert!(engine.transmit(now).is_none(), "it sends for ever");
        while let Some(event) = engine.event() {
            match event {
                Event::Accepted { listener, connection, .. } => {
                    let _ = engine.accepted(listener);
                    ids.push(connection);
                }
                Event::Ended { connection, .. } => ids.retain(|id| *id != connection),
                _ => {}
            }
        }
        let [connections, openings, waiting] = engine.population();
        assert!(connections <= 4 && openings <= 2 && waiting <= 2);
    }
}
