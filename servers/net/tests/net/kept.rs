//! What outlives a server: whenever it ends, it is whole, and its successor makes of it what there is to be made.

use std::collections::BTreeMap;
use std::time::Duration;

use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_socket::{Rings, Socket};
use anax_tcp::{Config, Endpoint, Engine, Record, Tuple};
use net::kept::{self, Entry, Found, Owner};
use smoltcp::wire::IpAddress;

use crate::streams::{connect, listen};
use crate::world::World;

/// Connections of a thread, as in this file.
const PLACES: u32 = 64;

/// Memory that outlives a server.
#[derive(Clone, Copy)]
struct Memory(&'static [AtomicU64]);

impl Memory {
    fn new(threads: u32) -> Self {
        let words: Vec<_> = (0..kept::bytes(threads, PLACES) / 8).map(|_| AtomicU64::new(0)).collect();
        Self(words.leak())
    }

    fn bytes(self) -> SharedBytes<'static> {
        SharedBytes::new(SharedBlock::from_words(self.0))
    }

    fn copy(self) -> Vec<u64> {
        self.0.iter().map(|word| word.load(std::sync::atomic::Ordering::Relaxed)).collect()
    }

    fn of(words: &[u64]) -> Self {
        Self(words.iter().map(|word| AtomicU64::new(*word)).collect::<Vec<_>>().leak())
    }
}

fn left(memory: Memory, threads: u32) -> Vec<Entry> {
    kept::open(memory.bytes(), threads, PLACES).unwrap().left
}

#[test]
fn a_successor_knows_of_each_connection_and_ends_it() {
    for threads in [1, 3] {
        let memory = Memory::new(threads);
        let mut world = World::with(threads, kept::open(memory.bytes(), threads, PLACES));
        let mut program = world.attach();
        let listener = listen(&mut world, &mut program, 7).unwrap();
        let mut halves = Vec::new();
        for number in 0..20 {
            let (mut one, other) = connect(&mut world, &mut program, number % threads as usize, listener);
            one.write(&mut world, &program, &vec![7; number]);
            halves.push((one, number as u64));
            halves.push((other, 0));
        }
        // One that was closed in order is nothing that anybody has to know of.
        let before =
            world.threads.iter().map(|thread| thread.0.shard.engine().population()[0]).sum::<usize>();
        assert_eq!(before, 40);
        world.pass(Duration::from_secs(1));
        drop(world);
        let found = kept::open(Memory::of(&memory.copy()).bytes(), threads, PLACES).unwrap();
        assert_eq!(found.left.len(), 40);
        for (half, sent) in &halves {
            let is_its = |entry: &&Entry| entry.owner.is_some_and(|owner| owner.socket == half.socket);
            let entry = found.left.iter().find(is_its).expect("a connection that was not kept");
            let owner = entry.owner.unwrap();
            assert_eq!((owner.session, owner.rings), (program.caller.0, half.rings));
            assert_eq!(entry.record.positions().1, *sent, "{entry:?}");
        }
        // The successor tells whoever is at the other ends, and has nothing of them.
        let mut world = World::with(threads, kept::open(memory.bytes(), threads, PLACES));
        world.run();
        let told: u64 = world.threads.iter().map(|thread| thread.0.shard.counters().frames_out).sum();
        assert_eq!(told, 40);
        assert!(world.threads.iter().all(|thread| thread.0.shard.engine().population()[0] == 0));
        drop(world);
        assert_eq!(left(memory, threads).len(), 0);
    }
}

/// A connection's record; each with other positions.
fn record(engine: &mut Engine, number: u64) -> Record {
    let end = |last, port| Endpoint::new(IpAddress::v4(10, 0, 0, last), port);
    let tuple = Tuple { local: end(1, 1 + number as u16), remote: end(2, 80) };
    let id = engine.connect(tuple, 10_000, Duration::from_secs(1)).unwrap();
    let record = engine.changed().unwrap().1.unwrap().1;
    engine.abort(id, Duration::from_secs(1)).unwrap();
    while engine.changed().is_some() {}
    record
}

#[test]
fn whenever_it_ends_each_connection_is_whole() {
    let memory = Memory::new(2);
    let Found { mut threads, .. } = kept::open(memory.bytes(), 2, PLACES).unwrap();
    let mut engine = Engine::new(Config::default(), [1; 32]);
    let mut model: BTreeMap<(usize, u32), Entry> = BTreeMap::new();
    let mut seed = 1u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (seed >> 33) % below
    };
    for step in 0..400 {
        let (thread, place) = (next(2) as usize, next(12) as u32);
        let owner = (step % 3 > 0).then(|| Owner {
            session: step,
            socket: Socket { index: place, generation: step as u32 },
            rings: Rings::new(step as u32, 13, 14).unwrap(),
        });
        let entry = (next(4) > 0).then(|| Entry { record: record(&mut engine, step), owner });
        let before = memory.copy();
        let sorted = |model: &BTreeMap<_, Entry>| {
            let mut all: Vec<_> = model.values().map(|entry| entry.record.0).collect();
            all.sort_unstable();
            all
        };
        let old = sorted(&model);
        assert!(threads[thread].note(place, entry.as_ref()));
        match entry {
            Some(entry) => _ = model.insert((thread, place), entry),
            None => _ = model.remove(&(thread, place)),
        }
        let after = memory.copy();
        // It may end between any two words.
        let changed: Vec<usize> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
        let table = |at: &usize| after[*at] < 100 && before[*at] < 100;
        let (tables, entries): (Vec<usize>, Vec<usize>) = changed.iter().partition(|at| table(at));
        for torn in [&entries[..], &entries[..entries.len() / 2], &entries[entries.len() / 2..]] {
            let mut words = before.clone();
            torn.iter().for_each(|at| words[*at] = after[*at]);
            let mut found: Vec<_> = left(Memory::of(&words), 2).iter().map(|entry| entry.record.0).collect();
            found.sort_unstable();
            assert_eq!(found, old, "step {step}");
        }
        let mut now: Vec<_> = left(Memory::of(&after), 2).iter().map(|entry| entry.record.0).collect();
        now.sort_unstable();
        assert_eq!(now, sorted(&model), "step {step}, {tables:?}");
    }
    assert!(threads[0].note(u32::MAX, None));
    let some = Entry { record: record(&mut engine, 1), owner: None };
    assert!(!threads[0].note(u32::MAX, Some(&some)));
}

#[test]
fn rubbish_is_nothing() {
    let memory = Memory::new(1);
    let Found { mut threads, .. } = kept::open(memory.bytes(), 1, PLACES).unwrap();
    let mut engine = Engine::new(Config::default(), [1; 32]);
    for place in 0..5 {
        let entry = Entry { record: record(&mut engine, place.into()), owner: None };
        threads[0].note(place, Some(&entry));
    }
    let good = memory.copy();
    let mut seed = 3u64;
    for _ in 0..300 {
        let mut words = good.clone();
        for _ in 0..3 {
            seed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            let at = if seed & 1 << 40 == 0 { seed % 60 } else { seed % words.len() as u64 };
            words[at as usize] = if seed & 1 << 41 == 0 { seed } else { u64::MAX };
        }
        let memory = Memory::of(&words);
        let mut world = World::with(1, kept::open(memory.bytes(), 1, PLACES));
        world.pass(Duration::from_secs(1));
        assert_eq!(world.threads[0].0.shard.engine().population()[0], 0);
    }
    // Another number of connections: another layout.
    let memory = Memory::of(&good);
    assert!(kept::open(memory.bytes(), 1, PLACES / 2).unwrap().left.is_empty());
    let short = SharedBytes::new(SharedBlock::from_words(&memory.0[..100]));
    assert!(kept::open(short, 1, PLACES).is_none());
}
