//! Deadlines, in virtual time.

use std::time::Duration;

use anax_abi::{Error, Message};
use anax_sys::Instant;
use anax_task::{Either, Elapsed, Limits, join, race, yield_now};

use crate::world::{Did, TARGET, notice};
use crate::{Notes, World};

const fn nanoseconds(count: u64) -> Duration {
    Duration::from_nanos(count)
}

#[test]
fn sleepers_wake_in_order_and_not_early() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    let woken = Notes::new();
    for duration in [30, 10, 50, 20, 40] {
        let (own, woken, world) = (events.clone(), woken.clone(), world.clone());
        let task = async move {
            own.sleep(nanoseconds(duration)).await;
            woken.add((duration, world.time()));
        };
        drop(events.spawn(task).unwrap());
    }
    executor.run().unwrap();
    assert_eq!(woken.take(), [(10, 10), (20, 20), (30, 30), (40, 40), (50, 50)]);
    let (waits, gets) = world.waits_and_gets();
    assert_eq!((waits, gets), (5, 0), "one wait for each deadline, and nobody looks in between");
}

#[test]
fn time_that_is_past_passes() {
    let (world, mut executor, events) = World::with(Limits::each(1));
    executor.block_on(events.sleep(nanoseconds(100))).unwrap();
    executor.block_on(events.sleep_until(Instant::from_nanoseconds(5))).unwrap();
    assert_eq!(world.time(), 100);
}

#[test]
fn a_time_out_ends_what_takes_too_long() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    world.echo_after(10);
    let quick = events.timeout(nanoseconds(11), events.call(TARGET, Message::new(7, [0; 5])));
    assert_eq!(executor.block_on(quick).unwrap().unwrap().unwrap().result, 7);
    assert!(world.did().iter().all(|did| matches!(did, Did::Sent(_))));

    let slow = events.timeout(nanoseconds(9), events.call(TARGET, Message::new(7, [0; 5])));
    let error = executor.block_on(slow).unwrap().unwrap_err();
    assert_eq!((error, Error::from(error)), (Elapsed, Error::TimedOut));
    assert!(matches!(world.did()[..], [Did::Sent(sent), Did::Aborted(number)] if number == sent.number));

    // The deadline of the first one is gone: nothing wakes anybody.
    assert_eq!(executor.drain(), Ok(()));
    assert_eq!(world.time(), 20);
}

#[test]
fn a_race_drops_the_loser_and_a_join_waits_for_both() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    let both = race(events.sleep(nanoseconds(5)), events.sleep(nanoseconds(3)));
    assert!(matches!(executor.block_on(both).unwrap(), Either::Right(())));
    assert_eq!(world.time(), 3);
    executor.block_on(join(events.sleep(nanoseconds(5)), events.sleep(nanoseconds(3)))).unwrap();
    assert_eq!(world.time(), 8);
    let tie = race(async { 1 }, async { 2 });
    assert!(matches!(executor.block_on(tie).unwrap(), Either::Left(1)));
}

#[test]
fn time_passes_under_a_flood_of_messages() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    (0..10_000).for_each(|_| world.deliver(notice(77, 0xffff_0001, 1, 0)));
    executor.block_on(events.sleep_until(Instant::from_nanoseconds(0))).unwrap();
    assert!(events.counts().unheard < 100, "{:?}", events.counts());
}

#[test]
fn time_passes_while_somebody_always_runs() {
    let (_, mut executor, events) = World::with(Limits::each(2));
    let busy = async {
        loop {
            yield_now().await;
        }
    };
    let sleep = events.sleep_until(Instant::from_nanoseconds(0));
    assert!(matches!(executor.block_on(race(busy, sleep)).unwrap(), Either::Right(())));
}
