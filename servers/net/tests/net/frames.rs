//! Frames as they come in, at whichever thread, right and wrong ones.

use std::time::Duration;

use net::item::Item;
use proptest::prelude::*;

use crate::streams::{connect, listen};
use crate::world::World;

const PORT: u16 = 7;
/// Where the internet header begins, and TCP's.
const INTERNET: usize = 14;
const TRANSPORT: usize = INTERNET + 20;
const SYN: u8 = 2;
const ACK: u8 = 16;

/// A segment of an address that nobody has, with that payload; nobody looks at the sums of what this host says to itself.
fn segment(from: u16, (seq, ack): (u32, u32), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; TRANSPORT];
    frame[12..14].copy_from_slice(&[8, 0]);
    let length = (40 + payload.len()) as u16;
    frame[INTERNET..INTERNET + 10].copy_from_slice(&[0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 6]);
    frame[INTERNET + 2..INTERNET + 4].copy_from_slice(&length.to_be_bytes());
    frame[INTERNET + 12..TRANSPORT].copy_from_slice(&[10, 1, 1, 1, 127, 0, 0, 1]);
    frame.extend(from.to_be_bytes());
    frame.extend(PORT.to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    frame.extend_from_slice(payload);
    frame
}

/// A thread is shown a frame.
fn show(world: &mut World, thread: usize, frame: Vec<u8>) {
    let server = &mut world.threads[thread].0;
    let Some(arrived) = server.shard.look_inside(frame) else { return };
    if thread == 0 {
        let mut cards = net::cards::Cards::default();
        server.zero.as_mut().unwrap().arrived(arrived, &mut server.shard, &mut cards);
    } else {
        let mut stock = net::thread::Stock::default();
        if let Some(item @ Item::Unclaimed(_)) = server.shard.packet(arrived, &mut stock) {
            server.shard.port().send(0, item);
        }
    }
    world.run();
}

/// Connections, and openings, of a thread.
fn openings(world: &World, thread: usize) -> usize {
    world.threads[thread].0.shard.engine().population()[..2].iter().sum()
}

#[test]
fn segments_at_any_thread_find_their_connection() {
    const THREADS: u32 = 3;
    let mut world = World::new(THREADS);
    let mut program = world.attach();
    listen(&mut world, &mut program, PORT).unwrap();
    let mut owned = [0; THREADS as usize];
    for port in 2000..2060u16 {
        let before: Vec<usize> = (0..3).map(|thread| openings(&world, thread)).collect();
        show(&mut world, usize::from(port % 3), segment(port, (100, 0), SYN, &[]));
        let after: Vec<usize> = (0..3).map(|thread| openings(&world, thread)).collect();
        let grown: Vec<usize> = (0..3).filter(|thread| after[*thread] > before[*thread]).collect();
        assert_eq!(grown.len(), 1, "one opening, at one thread");
        owned[grown[0]] += 1;
        // What follows comes at another one: it makes no second connection, and is no stranger.
        show(&mut world, usize::from((port + 1) % 3), segment(port, (101, 1), ACK, b"x"));
        let last: Vec<usize> = (0..3).map(|thread| openings(&world, thread)).collect();
        assert!(last.iter().sum::<usize>() <= after.iter().sum());
    }
    assert!(owned.iter().all(|count| *count > 5), "they are shared out: {owned:?}");
    let forwarded: u64 = world.threads.iter().map(|thread| thread.0.shard.counters().forwarded).sum();
    assert!(forwarded > 40, "only {forwarded} were handed on");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever comes: nothing is left of it, others are not disturbed, and a new connection opens.
    #[test]
    fn no_frame_is_dangerous(
        frames in proptest::collection::vec(
            (any::<u16>(), any::<(u32, u32)>(), any::<u8>(), 0usize..90, 0usize..3,
             proptest::collection::vec((0usize..90, any::<u8>()), 0..6)),
            1..60,
        ),
    ) {
        let mut world = World::new(3);
        let mut program = world.attach();
        let listener = listen(&mut world, &mut program, PORT).unwrap();
        let (mut one, mut other) = connect(&mut world, &mut program, 1, listener);
        for (port, numbers, flags, length, thread, changes) in frames {
            let mut frame = segment(port, numbers, flags, &vec![port as u8; length]);
            for (at, value) in changes {
                if let Some(byte) = frame.get_mut(at) {
                    *byte = value;
                }
            }
            show(&mut world, thread, frame);
        }
        one.write(&mut world, &program, b"still here");
        prop_assert_eq!(other.read_all(&mut world, &program, 10), b"still here");
        // Openings that nobody confirms are given up.
        world.pass(Duration::from_secs(200));
        let (mut one, mut other) = connect(&mut world, &mut program, 2, listener);
        other.write(&mut world, &program, b"new");
        prop_assert_eq!(one.read_all(&mut world, &program, 3), b"new");
        let all: usize = (0..3).map(|thread| openings(&world, thread)).sum();
        prop_assert!(all <= 4, "{} connections", all);
    }
}
