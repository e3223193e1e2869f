//! Bytes arrive, each once and in order, whatever the wire does; and nothing is left behind.

use std::time::Duration;

use anax_tcp::{Closed, Config};

use crate::world::{Random, Weather, World};

/// Transfers both ways over some connections, and closes them; then all is as it was.
fn transfer(config: &Config, weather: Weather, seed: u64, room: u32, connections: u16, most: u64) -> World {
    transfer_with(config, weather, seed, (room, connections, most), |_| ())
}

/// The same; before each step something may happen.
pub(crate) fn transfer_with(
    config: &Config,
    weather: Weather,
    seed: u64,
    (room, connections, most): (u32, u16, u64),
    mut meanwhile: impl FnMut(&mut World),
) -> World {
    let mut world = World::new(config, weather, seed, room);
    world.listen(1);
    let mut random = Random(seed ^ 0x5eed);
    for port in 0..connections {
        let totals = (random.below(most), random.below(most));
        world.connect(40_000 + port, totals);
    }
    let end = world.now + Duration::from_secs(2 * 60 * 60);
    loop {
        for side in 0..2 {
            let ids: Vec<u64> = world.sides[side].ends.keys().copied().collect();
            for id in ids {
                let end = world.sides[side].ends.get_mut(&id).unwrap();
                if !end.connected || end.how.is_some() {
                    continue;
                }
                // As much as its buffer has.
                let upto = end
                    .total
                    .min(end.acknowledged.saturating_add(100_000))
                    .min(end.written + 1 + random.below(20_000));
                if end.written < end.total && upto > end.written {
                    end.written = upto;
                    let connection = anax_tcp::ConnectionId::from_word(id);
                    world.sides[side].engine.write(connection, upto, world.now).unwrap();
                } else if end.written == end.total && !end.shut {
                    end.shut = true;
                    let connection = anax_tcp::ConnectionId::from_word(id);
                    world.sides[side].engine.shut_down(connection, world.now).unwrap();
                }
            }
        }
        world.settle();
        meanwhile(&mut world);
        let all = || world.sides.iter().flat_map(|side| side.ends.values());
        if all().all(|end| end.how.is_some()) || !world.step() {
            break;
        }
        assert!(world.now < end, "seed {seed}: not done: {world:#?}");
    }
    for side in &world.sides {
        for end in side.ends.values() {
            assert_eq!(end.how, Some(Closed::Done), "seed {seed}");
            assert!(end.incoming.ended && end.acknowledged == end.total, "seed {seed}");
        }
    }
    for (mine, theirs) in [(0, 1), (1, 0)] {
        for end in world.sides[mine].ends.values() {
            let peer =
                world.sides[theirs].ends.values().find(|peer| peer.outgoing == end.outgoing ^ 1).unwrap();
            assert_eq!(peer.incoming.received, end.total, "seed {seed}");
        }
    }
    // TIME-WAIT passes, and all is as it was.
    while world.step() {}
    for side in &world.sides {
        assert_eq!(side.engine.population(), [0, 0, 0], "seed {seed}");
        assert_eq!(side.engine.next_deadline(), None);
    }
    world
}

pub(crate) fn configs() -> [Config; 4] {
    let usual = Config::default();
    [
        usual.clone(),
        Config { sack: false, ..usual.clone() },
        Config { sack: false, timestamps: false, ..usual.clone() },
        Config { tso: 65_536, timestamps: false, ..usual },
    ]
}

pub(crate) const DELAY: Duration = Duration::from_millis(20);

#[test]
fn over_a_good_wire_nothing_is_sent_twice() {
    for config in configs() {
        let weather = Weather { delay: DELAY, ..Weather::default() };
        let world = transfer(&config, weather, 7, 65_535, 3, 500_000);
        for side in &world.sides {
            let counters = side.engine.counters();
            assert_eq!((counters.retransmitted, counters.timeouts), (0, 0), "{counters:?}");
        }
    }
}

#[test]
fn over_bad_wires_everything_arrives() {
    let seeds = if std::env::var_os("ANAX_LONG").is_some() { 2000 } else { 60 };
    for seed in 0..seeds {
        let mut random = Random(seed);
        let weather = Weather {
            lost: random.below(20),
            twice: random.below(10),
            late: random.below(30),
            delay: Duration::from_millis(random.below(100)),
        };
        let config = &configs()[seed as usize % 4];
        let room = 2000 + random.below(120_000) as u32;
        transfer(config, weather, seed, room, 1 + (seed % 3) as u16, 60_000);
    }
}
