//! The crossbar on one thread, against a queue; and CPUs simulated that flood each other past every ring.
#![cfg(not(loom))]

use anax_lwkt::crossbar::{
    Attention, CAPACITY, Class, Counters, Doorbell, Drained, Entry, Full, Notify, Ring, STALL_NS, StallWatch,
};
use proptest::prelude::*;
use std::collections::VecDeque;

static RING: Ring<CAPACITY> = Ring::new();
static DOORBELL: Doorbell = Doorbell::new();

const RESERVE: usize = Ring::<CAPACITY>::RESERVE as usize;
const USER_CREDITS: usize = Ring::<CAPACITY>::USER_CREDITS as usize;
const ACTIVE_FROM: usize = Ring::<CAPACITY>::ACTIVE_FROM as usize;

fn entry(kind: usize) -> Entry {
    let kind = kind as u32;
    Entry { kind, words: [0, 1, 2, 3].map(|word| u64::from(kind) << 32 | word) }
}

fn fill(ring: &Ring<CAPACITY>, bell: &Doorbell, class: Class) -> (usize, usize) {
    let (mut sent, mut ipis) = (0, 0);
    while let Ok(notify) = ring.push(bell, class, &entry(sent)) {
        sent += 1;
        ipis += usize::from(notify == Notify::Ipi);
    }
    (sent, ipis)
}

#[test]
fn a_burst_asks_for_one_interrupt() {
    assert_eq!(RING.push(&DOORBELL, Class::Kernel, &entry(1)), Ok(Notify::Ipi));
    assert_eq!(RING.push(&DOORBELL, Class::Nested, &entry(2)), Ok(Notify::Coalesced));
    assert_eq!(RING.push(&DOORBELL, Class::User, &entry(3)), Ok(Notify::Coalesced));
    assert!(DOORBELL.is_rung() && DOORBELL.answer() && !DOORBELL.answer());
    let mut seen = vec![];
    assert_eq!(RING.drain(2, |entry| seen.push(entry)), Drained::Limit);
    assert_eq!(RING.drain(9, |entry| seen.push(entry)), Drained::All(1));
    assert_eq!(seen, [entry(1), entry(2), entry(3)]);
    assert_eq!(RING.push(&DOORBELL, Class::Kernel, &entry(4)), Ok(Notify::Ipi));
    assert_eq!(RING.pop(), Some(entry(4)));
    assert_eq!(RING.counters(), Counters { sent: 4, ipis_avoided: 2, passive: 0, full: 0 });
}

#[test]
fn a_ring_full_of_passive_entries_is_signalled() {
    let (ring, bell) = (Ring::new(), Doorbell::new());
    for count in 1..ACTIVE_FROM {
        assert_eq!(ring.push(&bell, Class::Passive, &entry(count)), Ok(Notify::Deferred));
    }
    assert!(bell.is_rung() && !ring.is_empty(), "whoever looks finds them");
    assert_eq!(ring.push(&bell, Class::Passive, &entry(0)), Ok(Notify::Ipi));
    let (more, ipis) = fill(&ring, &bell, Class::Passive);
    assert_eq!((ACTIVE_FROM + more, ipis), (CAPACITY - RESERVE, 0));
    assert!(bell.is_rung());
    let counters = ring.counters();
    assert_eq!((counters.passive, counters.full), (ACTIVE_FROM as u64 - 1, 1));
    // Once it is nearly empty again, they are passive again, though the source has not looked for long.
    while ring.pop().is_some() {}
    assert!(bell.answer());
    assert_eq!(ring.push(&bell, Class::Passive, &entry(0)), Ok(Notify::Deferred));
}

#[test]
fn the_reserve_is_for_nested_senders() {
    let (ring, bell) = (Ring::new(), Doorbell::new());
    assert_eq!(fill(&ring, &bell, Class::Kernel), (CAPACITY - RESERVE, 1));
    assert_eq!(ring.push(&bell, Class::Passive, &entry(0)), Err(Full));
    assert_eq!(ring.push(&bell, Class::User, &entry(0)), Err(Full));
    assert_eq!(fill(&ring, &bell, Class::Nested), (RESERVE, 0));
    assert_eq!((ring.len(), ring.counters().full), (CAPACITY, 4));
    assert!(ring.pop().is_some());
    assert_eq!(ring.push(&bell, Class::Kernel, &entry(0)), Err(Full));
    assert_eq!(ring.push(&bell, Class::Nested, &entry(0)), Ok(Notify::Coalesced));
}

#[test]
fn user_messages_hold_half_and_get_it_back() {
    let (ring, bell) = (Ring::new(), Doorbell::new());
    for _ in 0..5 {
        assert_eq!(fill(&ring, &bell, Class::User).0, USER_CREDITS);
        let (kernel, _) = fill(&ring, &bell, Class::Kernel);
        assert_eq!(kernel, CAPACITY - RESERVE - USER_CREDITS, "the kernel still has room");
        // The user's come out first, and a credit with each.
        assert_eq!(ring.drain(3, drop), Drained::Limit);
        assert_eq!(fill(&ring, &bell, Class::User).0, 3);
        assert_eq!(ring.drain(CAPACITY, drop), Drained::All(CAPACITY - RESERVE));
    }
}

#[test]
fn a_stall_is_reported_once_a_second() {
    let mut watch = StallWatch::begin(5);
    assert_eq!(watch.report(STALL_NS + 4), None);
    assert_eq!(watch.report(STALL_NS + 5), Some(STALL_NS));
    assert_eq!(watch.report(STALL_NS + 6), None);
    assert_eq!(watch.report(3 * STALL_NS + 6), Some(3 * STALL_NS + 1));
    assert_eq!(watch.report(3 * STALL_NS + 7), None);
    assert_eq!(watch.report(0), None, "a clock that steps back");
}

/// Every CPU sends to every other more than the ring holds. A sender without room drains its own rings and tries again
/// later, as the kernel does; all arrive in order, none is lost, and a CPU polls only when its bell was rung.
#[test]
fn an_all_to_all_flood_ends() {
    const CPUS: usize = 7;
    const EACH: usize = 1_000;
    let rings: Vec<Vec<Ring<64>>> = (0..CPUS).map(|_| (0..CPUS).map(|_| Ring::new()).collect()).collect();
    let bells: Vec<Doorbell> = (0..CPUS).map(|_| Doorbell::new()).collect();
    let (mut sent, mut taken) = ([[0; CPUS]; CPUS], [[0; CPUS]; CPUS]);
    let (mut ipi, mut ipis) = ([false; CPUS], 0);
    for turn in 0.. {
        assert!(turn < 100_000, "the flood does not end: {taken:?}");
        let cpu = turn % CPUS;
        if std::mem::take(&mut ipi[cpu]) {
            bells[cpu].poll(Attention::Interrupt, |rung| {
                assert!(rung);
                for source in 0..CPUS {
                    let drained = rings[source][cpu].drain(64, |got| {
                        assert_eq!(got, entry(taken[source][cpu]));
                        taken[source][cpu] += 1;
                    });
                    assert_ne!(drained, Drained::Limit, "nobody sends meanwhile");
                }
            });
        }
        for target in (0..CPUS).filter(|target| *target != cpu) {
            while sent[cpu][target] < EACH {
                let class =
                    [Class::User, Class::Kernel, Class::Passive, Class::Nested][sent[cpu][target] % 4];
                match rings[cpu][target].push(&bells[target], class, &entry(sent[cpu][target])) {
                    Ok(notify) => {
                        sent[cpu][target] += 1;
                        ipis += u64::from(notify == Notify::Ipi);
                        ipi[target] |= notify == Notify::Ipi;
                    }
                    Err(Full) => break,
                }
            }
        }
        if (0..CPUS).all(|cpu| (0..CPUS).all(|target| cpu == target || taken[cpu][target] == EACH)) {
            break;
        }
    }
    let total = (CPUS * (CPUS - 1) * EACH) as u64;
    assert!(ipis * 20 <= total, "{ipis} interrupts for {total} entries");
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Push(Class),
    Pop,
    Answer,
    Watch,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Push(Class::Kernel)),
        2 => Just(Step::Push(Class::User)),
        2 => Just(Step::Push(Class::Passive)),
        1 => Just(Step::Push(Class::Nested)),
        6 => Just(Step::Pop),
        1 => Just(Step::Answer),
        1 => Just(Step::Watch),
    ]
}

proptest! {
    /// Against a queue with the rations spelt out.
    #[test]
    fn a_ring_is_a_queue(steps in prop::collection::vec(step(), 0..300)) {
        let (ring, bell) = (Ring::<16>::new(), Doorbell::new());
        let (mut queue, mut rung, mut noted, mut full) = (VecDeque::new(), false, false, 0);
        for (count, step) in steps.into_iter().enumerate() {
            match step {
                Step::Push(class) => {
                    let users = queue.iter().filter(|(_, class)| *class == Class::User).count();
                    let room = match class {
                        Class::Nested => queue.len() < 16,
                        Class::User => queue.len() < 14 && users < 8,
                        Class::Kernel | Class::Passive => queue.len() < 14,
                    };
                    let rings = class != Class::Passive || queue.len() + 1 >= 4;
                    let expected = match (room, rings, rung) {
                        (false, ..) => Err(Full),
                        (true, false, _) => Ok(Notify::Deferred),
                        (true, true, true) => Ok(Notify::Coalesced),
                        (true, true, false) => Ok(Notify::Ipi),
                    };
                    prop_assert_eq!(ring.push(&bell, class, &entry(count)), expected);
                    full += u64::from(!room);
                    rung |= room && rings;
                    noted |= room;
                    if room {
                        queue.push_back((entry(count), class));
                    }
                }
                Step::Pop => prop_assert_eq!(ring.pop(), queue.pop_front().map(|(entry, _)| entry)),
                Step::Answer => {
                    prop_assert_eq!(bell.answer(), std::mem::take(&mut noted));
                    rung = false;
                }
                Step::Watch => {
                    prop_assert_eq!(bell.watch(), std::mem::take(&mut noted));
                    rung = true;
                }
            }
            prop_assert_eq!(ring.len(), queue.len());
        }
        prop_assert_eq!(ring.counters().full, full);
    }
}
