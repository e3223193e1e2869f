//! Any steps in any order, and anything in the channel.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use anax_frames::{Arrival, Asked, DriverSide, Event, Loan, MAX_ATTEMPTS, MAX_FRAME};
use anax_ring::{Endpoint, SharedBlock, Side};
use proptest::prelude::*;

use crate::{BUFFERS, Client, Memory};

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Client,
    Take,
    Give(usize),
    Scribble(usize, u64),
    Rebind,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => Just(Step::Send),
        6 => Just(Step::Client),
        6 => Just(Step::Take),
        6 => (0..8_usize).prop_map(Step::Give),
        1 => (0..200_usize, any::<u64>()).prop_map(|(word, value)| Step::Scribble(word, value)),
        1 => Just(Step::Rebind),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in the channel: each frame ends at most once, and exactly once in the end; no buffer has two owners.
    #[test]
    fn each_frame_ends_once(steps in prop::collection::vec(step(), 0..200)) {
        let (memory, geometry) = Memory::new();
        let mut supervisor = memory.supervisor(geometry);
        let (mut client, mut driver) = (memory.client(3), memory.driver());
        let mut loans: Vec<Loan> = vec![];
        let mut ends = BTreeMap::new();
        let mut next = 0;
        let run = |client: &mut Client<'_>, ends: &mut BTreeMap<u32, u32>| {
            for _ in 0..3 * BUFFERS {
                match client.event() {
                    Ok(Event::Sent { token, .. }) => *ends.get_mut(&token).expect("it was sent") += 1,
                    Ok(Event::Received(received)) => {
                        assert!((14..=MAX_FRAME).contains(&received.length));
                        client.release(received.buffer);
                    }
                    Ok(Event::Nothing) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            let _ = client.flush();
        };
        for step in steps {
            match step {
                Step::Send => if let Some(buffer) = client.buffer() {
                    match client.transmit(buffer, 60, next) {
                        Ok(()) => { ends.insert(next, 0); next += 1; }
                        Err(refused) => client.release(refused.buffer),
                    }
                },
                Step::Client => run(&mut client, &mut ends),
                Step::Take => match driver.take() {
                    Ok(Asked::Transmit(loan) | Asked::Receive(loan)) => loans.push(loan),
                    Ok(Asked::NewClient(_)) => loans.clear(),
                    _ => {}
                },
                Step::Give(which) => {
                    if which < loans.len() {
                        let _ = driver.received(loans.swap_remove(which), 10 * which as u32, Arrival::default());
                    }
                    let _ = driver.flush();
                }
                Step::Scribble(word, value) => {
                    let word = &memory.channel[word % memory.channel.len()];
                    let old = word.load(Relaxed);
                    word.store(if value % 2 == 0 { value } else { old ^ 1 << (value % 64) }, Relaxed);
                }
                Step::Rebind => {
                    let epoch = supervisor.rebind().expect("large enough");
                    client.rebind(epoch);
                    loans.clear();
                    driver = DriverSide::new(
                        Endpoint::with(SharedBlock::from_words(&memory.channel), Side::Server, geometry, epoch).expect("large enough"),
                        BUFFERS as u32,
                    );
                }
            }
            prop_assert!(ends.values().all(|ends| *ends <= 1));
        }
        for _ in 0..=MAX_ATTEMPTS {
            let epoch = supervisor.rebind().expect("large enough");
            client.rebind(epoch);
            run(&mut client, &mut ends);
        }
        prop_assert!(ends.values().all(|ends| *ends == 1), "{ends:?}");
        prop_assert_eq!(client.free(), BUFFERS - 3);
    }
}
