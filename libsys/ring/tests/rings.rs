//! Both halves and the endpoint on one thread: order, capacity, doorbells, lies, and random use against a model.
#![cfg(not(loom))]

use std::collections::VecDeque;

use anax_abi::Message;
use anax_ring::{
    AtomicU64, Doorbell, Endpoint, Epoch, Geometry, Misbehaved, OpenError, PushError, SharedBlock, Side,
    Sleep, Supervisor,
};
use proptest::prelude::*;
use std::sync::atomic::Ordering::Relaxed;

fn geometry(client: u32, server: u32) -> Geometry {
    Geometry::new(client, server).expect("powers of two")
}

fn memory(geometry: Geometry) -> Vec<AtomicU64> {
    (0..geometry.words()).map(|_| AtomicU64::new(0)).collect()
}

/// A new channel and both its ends.
fn ends(words: &[AtomicU64], geometry: Geometry) -> (Supervisor<'_>, Endpoint<'_>, Endpoint<'_>) {
    let block = SharedBlock::from_words(words);
    let supervisor = Supervisor::create(block, geometry).expect("it is large enough");
    let client = Endpoint::open(block, Side::Client).expect("a channel");
    (supervisor, client, Endpoint::open(block, Side::Server).expect("a channel"))
}

fn message(number: u64) -> Message {
    Message { token: number, result: -(number as i64), ..Message::new(number as u32, [number; 5]) }
}

/// The word for an index or a flag in the first epoch.
fn first_epoch(value: u32) -> u64 {
    u64::from(Epoch::FIRST.number()) << 32 | u64::from(value)
}

#[test]
fn what_is_no_channel_does_not_open() {
    let words = memory(geometry(2, 2));
    let block = SharedBlock::from_words(&words);
    let open = || Endpoint::open(block, Side::Client).map(|_| ());
    assert_eq!(open(), Err(OpenError::NotAChannel));
    assert_eq!(Supervisor::create(block, geometry(2, 4)).map(|_| ()), Err(OpenError::TooSmall));
    Supervisor::create(block, geometry(2, 2)).expect("it is large enough");
    assert_eq!(open(), Ok(()));
    for (word, value, error) in [
        (0, 1, OpenError::NotAChannel),
        (1, 2, OpenError::Version),
        (2, 3, OpenError::Geometry),
        (2, 0, OpenError::Geometry),
        (2, 2 << 32 | 4, OpenError::TooSmall),
        (2, u64::MAX, OpenError::Geometry),
        (2, 1 << 63 | 1 << 31, OpenError::Geometry),
        (3, 0, OpenError::Epoch),
        (3, 1 << 32 | 1, OpenError::Epoch),
    ] {
        let good = words[word].swap(value, Relaxed);
        assert_eq!(open(), Err(error), "word {word} = {value:#x}");
        words[word].store(good, Relaxed);
    }
    assert_eq!(open(), Ok(()));
}

#[test]
fn raw_memory_is_taken_by_whole_lines() {
    #[repr(align(64))]
    struct Line([u8; 576]);
    let mut line = Line([0; 576]);
    let start = core::ptr::NonNull::from(&mut line.0).cast::<u8>();
    // SAFETY: `line` outlives the blocks, which alone access it.
    let block = |offset, bytes| unsafe { SharedBlock::from_raw(start.add(offset), bytes) };
    assert_eq!(block(8, 64).map(|_| ()), Err(OpenError::Misaligned));
    assert_eq!(block(0, 63).map(|_| ()), Err(OpenError::Misaligned));
    assert_eq!(block(64, 512).map(|block| block.words().len()), Ok(64));
}

#[test]
fn full_and_empty_are_told_apart_at_every_wrap() {
    let geometry = geometry(4, 1);
    let words = memory(geometry);
    let (_, mut client, mut server) = ends(&words, geometry);
    let (mut sent, mut received) = (0, 0);
    for round in 0..50 {
        let count = client.producer.push_all(&[0, 1, 2, 3, 4].map(|more| message(sent + more))).unwrap();
        assert_eq!(count as u64, 4 - (sent - received));
        sent += count as u64;
        assert_eq!(client.producer.push(&message(99)), Err(PushError::Full));
        assert_eq!(client.producer.publish(), Ok(Doorbell::Quiet));
        for _ in 0..=round % 4 {
            assert_eq!(server.consumer.pop(), Ok(Some(message(received))));
            received += 1;
        }
        assert_eq!(client.producer.push(&message(99)), Err(PushError::Full), "not before the release");
        assert_eq!(server.consumer.release(), Ok(Doorbell::Quiet));
    }
}

#[test]
fn one_sleep_costs_one_doorbell_and_being_awake_none() {
    let geometry = geometry(8, 8);
    let words = memory(geometry);
    let (_, mut client, mut server) = ends(&words, geometry);
    let mut send = |number| {
        client.producer.push(&message(number)).unwrap();
        client.producer.publish().unwrap()
    };
    assert_eq!(send(0), Doorbell::Quiet);
    assert_eq!(server.prepare_to_sleep(), Ok(Sleep::MoreToDo));
    assert_eq!(server.consumer.pop(), Ok(Some(message(0))));
    assert_eq!(server.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!([send(1), send(2)], [Doorbell::Ring, Doorbell::Quiet]);
    assert_eq!(server.consumer.pop(), Ok(Some(message(1))));
    assert_eq!(server.consumer.pop(), Ok(Some(message(2))));
    // Awake for another reason.
    assert_eq!(server.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!(server.consumer.pop(), Ok(None));
    assert_eq!(send(3), Doorbell::Quiet);
}

#[test]
fn a_sender_that_waits_for_room_is_rung_once() {
    let geometry = geometry(2, 2);
    let words = memory(geometry);
    let (_, mut client, mut server) = ends(&words, geometry);
    assert_eq!(server.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!(client.producer.push_all(&[message(0), message(1)]), Ok(2));
    assert_eq!(client.producer.prepare_to_sleep(), Ok(Sleep::RingFirst));
    assert_eq!(client.producer.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!(server.consumer.pop(), Ok(Some(message(0))));
    assert_eq!(server.prepare_to_sleep(), Ok(Sleep::RingFirst), "that made room");
    assert_eq!(server.consumer.pop(), Ok(Some(message(1))));
    assert_eq!(server.consumer.release(), Ok(Doorbell::Quiet));
    assert_eq!(client.producer.push(&message(2)), Ok(()));
}

/// Each lie about each word poisons the half that it is told to, for the rest of the epoch.
#[test]
fn lies_are_seen_and_not_forgotten() {
    let geometry = geometry(4, 4);
    let (to_server, to_client) = (geometry.ring(Side::Client), geometry.ring(Side::Server));
    for index in [1, 7, 100, u32::MAX] {
        let words = memory(geometry);
        let (mut supervisor, mut client, mut server) = ends(&words, geometry);
        let _ = (client.producer.push(&message(0)), client.producer.push(&message(1)), client.flush());
        let _ = (server.consumer.pop(), server.consumer.pop(), server.flush());
        // The server has taken two and looks for more: fewer than two went back, more than six don't fit.
        words[to_server.producer].store(first_epoch(index), Relaxed);
        for _ in 0..3 {
            assert_eq!(server.consumer.pop(), Err(Misbehaved), "producer index {index}");
        }
        words[to_server.producer].store(first_epoch(2), Relaxed);
        assert_eq!(server.consumer.pop(), Err(Misbehaved), "it lied before");
        assert_eq!(server.prepare_to_sleep(), Err(Misbehaved));
        server.rebind(supervisor.rebind().unwrap());
        assert_eq!(server.consumer.pop(), Ok(None));
    }
    for index in [3, 5, u32::MAX] {
        let words = memory(geometry);
        let (_, mut client, _) = ends(&words, geometry);
        let _ = (client.producer.push(&message(0)), client.producer.push(&message(1)), client.flush());
        // Two are published: no more than these can have been freed.
        words[to_server.consumer].store(first_epoch(index), Relaxed);
        let pushed: Vec<_> = (0..3).map(|number| client.producer.push(&message(number))).collect();
        assert_eq!(pushed, [Ok(()), Ok(()), Err(PushError::Misbehaved)], "consumer index {index}");
        assert_eq!(client.producer.publish(), Err(Misbehaved));
    }
    for (word, flag) in [(to_server.asleep, 2), (to_client.room, 3), (to_client.room, u32::MAX)] {
        let words = memory(geometry);
        let (_, mut client, mut server) = ends(&words, geometry);
        let _ = (server.producer.push(&message(0)), server.flush());
        words[word].store(first_epoch(flag), Relaxed);
        let _ = (client.consumer.pop(), client.producer.push(&message(1)));
        assert_eq!(client.flush(), Err(Misbehaved), "flag {flag}");
    }
    for epoch in [0, 1 << 32 | 1, u64::MAX, 1 << 31 | 1] {
        let words = memory(geometry);
        let (_, mut client, _) = ends(&words, geometry);
        words[3].store(epoch, Relaxed);
        assert_eq!(client.moved(), Err(Misbehaved), "epoch {epoch:#x}");
        assert_eq!(client.consumer.pop(), Err(Misbehaved));
    }
}

#[test]
fn a_slot_without_a_message_is_a_lie() {
    let geometry = geometry(2, 2);
    for head in [5 << 48, 1 << 56, u64::MAX] {
        let words = memory(geometry);
        let (_, mut client, mut server) = ends(&words, geometry);
        client.producer.push(&message(0)).unwrap();
        let _ = client.flush().unwrap();
        words[geometry.ring(Side::Client).slots].store(head, Relaxed);
        assert_eq!(server.consumer.pop(), Err(Misbehaved), "{head:#x}");
    }
}

#[test]
fn a_successor_sees_nothing_of_what_was_before() {
    let geometry = geometry(4, 4);
    let words = memory(geometry);
    let (mut supervisor, mut client, mut server) = ends(&words, geometry);
    let _ = (client.producer.push(&message(1)), client.flush());
    let _ = (server.producer.push(&message(2)), server.flush());
    // The dying server forges requests for its successor, in epochs to come.
    for number in 2..9 {
        words[geometry.ring(Side::Client).producer].store(number << 32 | 3, Relaxed);
    }
    let epoch = supervisor.rebind().unwrap();
    let mut successor = Endpoint::open(SharedBlock::from_words(&words), Side::Server).unwrap();
    assert_eq!(successor.consumer.pop(), Ok(None));
    assert_eq!(client.consumer.pop(), Ok(None), "its words are clear");
    assert_eq!(successor.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!(client.prepare_to_sleep(), Ok(Sleep::MoreToDo), "there is a new epoch");
    let _ = (client.producer.push(&message(3)), client.flush());
    assert_eq!(successor.consumer.pop(), Ok(None), "that was for the old one");
    assert_eq!(successor.prepare_to_sleep(), Ok(Sleep::MaySleep));
    assert_eq!(client.moved(), Ok(Some(epoch)));
    client.rebind(epoch);
    assert_eq!((client.moved(), client.consumer.pop()), (Ok(None), Ok(None)));
    client.producer.push(&message(4)).unwrap();
    assert_eq!(client.flush(), Ok(Doorbell::Ring));
    assert_eq!(successor.consumer.pop(), Ok(Some(message(4))));
    assert_eq!(successor.consumer.pop(), Ok(None));
}

#[test]
fn epochs_wrap_past_zero() {
    let last = Epoch::from_number(u32::MAX).unwrap();
    assert_eq!(last.next(), Epoch::FIRST);
    assert!(Epoch::FIRST.is_after(last) && !last.is_after(Epoch::FIRST) && !last.is_after(last));
    assert_eq!(Epoch::from_number(0), None);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push,
    Publish,
    Pop,
    Release,
    SleepToReceive,
    SleepForRoom,
}

proptest! {
    /// Any order of calls agrees with a queue, and whoever sleeps is rung exactly once when there is a reason.
    #[test]
    fn any_order_of_calls_agrees_with_a_queue(
        slots in 0_u32..4,
        steps in prop::collection::vec(prop::sample::select(&[
            Step::Push, Step::Push, Step::Publish, Step::Pop, Step::Pop, Step::Release,
            Step::SleepToReceive, Step::SleepForRoom,
        ][..]), 1..400),
    ) {
        let geometry = geometry(1 << slots, 1);
        let words = memory(geometry);
        let (_, mut client, mut server) = ends(&words, geometry);
        let (sender, receiver) = (&mut client.producer, &mut server.consumer);
        let mut queue = VecDeque::new();
        let (mut sent, mut hidden, mut unreleased) = (0_u64, 0, 0);
        let (mut receiver_sleeps, mut sender_sleeps) = (false, false);
        for step in steps {
            match step {
                Step::Push => {
                    let room = queue.len() + unreleased < 1 << slots;
                    let expected = if room { Ok(()) } else { Err(PushError::Full) };
                    prop_assert_eq!(sender.push(&message(sent)), expected);
                    sender_sleeps = false;
                    if room {
                        queue.push_back(sent);
                        (sent, hidden) = (sent + 1, hidden + 1);
                    }
                }
                Step::Publish => {
                    let rings = receiver_sleeps && hidden > 0;
                    prop_assert_eq!(sender.publish() == Ok(Doorbell::Ring), rings);
                    receiver_sleeps &= hidden == 0;
                    hidden = 0;
                }
                Step::Pop => {
                    let expected = if queue.len() > hidden { queue.pop_front() } else { None };
                    prop_assert_eq!(receiver.pop(), Ok(expected.map(message)));
                    receiver_sleeps = false;
                    unreleased += usize::from(expected.is_some());
                }
                Step::Release => {
                    let rings = sender_sleeps && unreleased > 0;
                    prop_assert_eq!(receiver.release() == Ok(Doorbell::Ring), rings);
                    sender_sleeps &= unreleased == 0;
                    unreleased = 0;
                }
                Step::SleepToReceive => {
                    let ring_first = sender_sleeps && unreleased > 0;
                    unreleased = 0;
                    sender_sleeps &= !ring_first;
                    let expected = match () {
                        () if ring_first => Sleep::RingFirst,
                        () if queue.len() > hidden => Sleep::MoreToDo,
                        () => Sleep::MaySleep,
                    };
                    prop_assert_eq!(receiver.prepare_to_sleep(), Ok(expected));
                    receiver_sleeps |= expected == Sleep::MaySleep;
                }
                Step::SleepForRoom => {
                    let ring_first = receiver_sleeps && hidden > 0;
                    hidden = 0;
                    receiver_sleeps &= !ring_first;
                    let expected = match () {
                        () if ring_first => Sleep::RingFirst,
                        () if queue.len() + unreleased < 1 << slots => Sleep::MoreToDo,
                        () => Sleep::MaySleep,
                    };
                    prop_assert_eq!(sender.prepare_to_sleep(), Ok(expected));
                    sender_sleeps |= expected == Sleep::MaySleep;
                }
            }
        }
    }
}
