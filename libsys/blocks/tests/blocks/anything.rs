//! Any steps in any order, and anything in the channel: nothing panics, no request is lost or ends twice.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use anax_blocks::{Asked, DriverSide, Event, Job, MAX_ATTEMPTS, What};
use anax_ring::{Endpoint, SharedBlock, Side};
use proptest::prelude::*;

use crate::{BUFFERS, Client, DISK, Memory, POOL_BYTES, introduce, sectors};

#[derive(Clone, Copy, Debug)]
enum Step {
    Ask(u64, bool),
    Flush,
    Client,
    Take,
    Answer(usize, u8),
    Scribble(usize, u64),
    Rebind,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..6_u64, any::<bool>()).prop_map(|(first, write)| Step::Ask(first, write)),
        1 => Just(Step::Flush),
        6 => Just(Step::Client),
        6 => Just(Step::Take),
        6 => (0..8_usize, 0..3_u8).prop_map(|(which, how)| Step::Answer(which, how)),
        1 => (0..200_usize, any::<u64>()).prop_map(|(word, value)| Step::Scribble(word, value)),
        1 => Just(Step::Rebind),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_request_ends_once(steps in prop::collection::vec(step(), 0..200)) {
        let memory = Memory::new();
        let mut supervisor = memory.supervisor();
        let (mut client, mut driver) = memory.sides();
        let mut jobs: Vec<Job> = vec![];
        let mut ends = BTreeMap::new();
        let mut next = 0;
        let run = |client: &mut Client<'_>, ends: &mut BTreeMap<u32, u32>| {
            for _ in 0..4 * BUFFERS {
                match client.event() {
                    Ok(Event::Read(done) | Event::Written(done)) => {
                        *ends.get_mut(&done.token).expect("it was asked for") += 1;
                        client.release(done.buffer);
                    }
                    Ok(Event::Flushed { token, .. }) => *ends.get_mut(&token).expect("it was asked for") += 1,
                    Ok(Event::Nothing) | Err(_) => break,
                    Ok(_) => {}
                }
            }
            let _ = client.flush();
        };
        for step in steps {
            match step {
                Step::Ask(first, write) => if let Some(buffer) = client.buffer() {
                    let range = sectors(first, 2);
                    let asked = if write { client.write(buffer, range, next) } else { client.read(buffer, range, next) };
                    asked.expect("the disk has them");
                    ends.insert(next, 0);
                    next += 1;
                },
                Step::Flush => if client.flush_disk(next).is_ok() {
                    ends.insert(next, 0);
                    next += 1;
                },
                Step::Client => run(&mut client, &mut ends),
                Step::Take => match driver.take() {
                    Ok(Asked::Job(job)) => {
                        if let What::Read(transfer) | What::Write(transfer) = job.what {
                            let end = transfer.offset + u64::from(transfer.length);
                            prop_assert!(end <= POOL_BYTES && DISK.holds(transfer.sectors));
                        }
                        jobs.push(job);
                    }
                    Ok(Asked::About(question)) => { let _ = driver.answer(question); }
                    Ok(Asked::NewClient(_)) => jobs.clear(),
                    _ => {}
                },
                Step::Answer(which, how) => {
                    if which < jobs.len() {
                        let job = jobs.swap_remove(which);
                        let _ = match how {
                            0 => driver.done(job),
                            1 => driver.failed(job),
                            _ => driver.hand_back(job),
                        };
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
                    jobs.clear();
                    let end = Endpoint::with(SharedBlock::from_words(&memory.channel), Side::Server, memory.geometry, epoch);
                    driver = DriverSide::new(end.expect("large enough"), POOL_BYTES, DISK);
                }
            }
            prop_assert!(ends.values().all(|ends| *ends <= 1));
        }
        // Drivers that take everything and die, until nobody is asked any more.
        for _ in 0..=4 * BUFFERS {
            let epoch = supervisor.rebind().expect("large enough");
            client.rebind(epoch);
            run(&mut client, &mut ends);
            introduce(&mut memory.driver(DISK));
            run(&mut client, &mut ends);
        }
        prop_assert!(ends.values().all(|ends| *ends == 1), "{ends:?} {MAX_ATTEMPTS}");
        prop_assert_eq!(client.free(), BUFFERS);
    }
}
