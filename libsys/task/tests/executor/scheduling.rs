//! Who runs when: rounds, ends, cancellation, and the port among all that.

use std::cell::Cell;
use std::future::{pending, poll_fn};
use std::rc::Rc;
use std::task::{Poll, Waker};

use anax_abi::{Error, Message};
use anax_task::{JoinHandle, Limits, race, yield_now};

use crate::world::{TARGET, reply};
use crate::{Buffer, Notes, World};

#[test]
fn everybody_runs_once_in_a_round() {
    let (_, mut executor, events) = World::with(Limits::each(4));
    let notes = Notes::new();
    for name in 0..3 {
        let notes = notes.clone();
        let task = async move {
            for step in 0..3 {
                notes.add((step, name));
                yield_now().await;
            }
        };
        drop(events.spawn(task).unwrap());
    }
    executor.run().unwrap();
    let expected: Vec<_> = (0..3).flat_map(|step| (0..3).map(move |name| (step, name))).collect();
    assert_eq!(notes.take(), expected);
}

#[test]
fn values_are_handed_over_and_places_used_again() {
    let (_, mut executor, events) = World::with(Limits::each(2));
    for round in 0..100 {
        let inner = events.clone();
        let task = events.spawn(async move { inner.spawn(async move { round }).unwrap().await + 1 }).unwrap();
        assert_eq!(executor.block_on(task), Ok(round + 1));
    }
}

#[test]
fn one_task_too_many_is_refused() {
    let (_, mut executor, events) = World::with(Limits::each(1));
    drop(events.spawn(yield_now()).unwrap());
    assert_eq!(events.spawn(async {}).err(), Some(Error::Full));
    executor.run().unwrap();
    assert!(events.spawn(async {}).is_ok());
    drop(executor);
    assert_eq!(events.spawn(async {}).err(), Some(Error::PeerDied));
}

#[test]
fn a_ready_task_does_not_starve_the_port() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    world.on_send(|world, sent| world.deliver(reply(&sent, 5)));
    let polls = Rc::new(Cell::new(0_u32));
    let counted = polls.clone();
    let busy = async move {
        // Ends by itself, so that the test ends if the port does starve.
        for _ in 0..100_000 {
            counted.set(counted.get() + 1);
            yield_now().await;
        }
    };
    drop(events.spawn(busy).unwrap());
    executor.block_on(events.call(TARGET, Message::new(1, [0; 5]))).unwrap().unwrap();
    assert!(polls.get() <= 2 * 32, "{polls:?}");
}

#[test]
fn nobody_looks_while_there_is_nothing_to_do() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    world.echo_after(10);
    for _ in 0..3 {
        executor.block_on(events.call(TARGET, Message::new(1, [0; 5]))).unwrap().unwrap();
    }
    assert_eq!(world.waits_and_gets(), (3, 0));
}

#[test]
fn a_cancelled_task_drops_what_it_has() {
    let (_, mut executor, events) = World::with(Limits::each(4));
    let dropped = Notes::new();
    let buffer = |name| Buffer { name, dropped: dropped.clone() };
    let hold = |buffer| async move {
        let _buffer = buffer;
        pending::<()>().await;
    };
    let first = events.spawn(hold(buffer(1))).unwrap();
    executor.block_on(yield_now()).unwrap();
    assert_eq!(first.cancel(), None);
    assert_eq!(dropped.take(), [1]);

    // One that cancels itself is gone once it waits, not while it runs.
    let own: Rc<Cell<Option<JoinHandle<()>>>> = Rc::default();
    let (slot, second) = (own.clone(), buffer(2));
    let itself = async move {
        let buffer = second;
        let own: JoinHandle<()> = slot.take().unwrap();
        own.cancel();
        assert_eq!(buffer.name, 2);
        pending::<()>().await;
    };
    own.set(Some(events.spawn(itself).unwrap()));
    executor.run().unwrap();
    assert_eq!(dropped.take(), [2]);

    drop(events.spawn(hold(buffer(3))).unwrap());
    executor.block_on(yield_now()).unwrap();
    drop(executor);
    assert_eq!(dropped.take(), [3]);
}

#[test]
fn a_waker_outlives_its_task() {
    let (_, mut executor, events) = World::with(Limits::each(1));
    let kept: Rc<Cell<Option<Waker>>> = Rc::default();
    let keep = kept.clone();
    let first = poll_fn(move |context| {
        keep.set(Some(context.waker().clone()));
        Poll::Ready(())
    });
    executor.block_on(events.spawn(first).unwrap()).unwrap();
    let waker = kept.take().unwrap();
    let second = events.spawn(yield_now()).unwrap();
    waker.wake_by_ref();
    executor.block_on(second).unwrap();
    waker.wake_by_ref();
    executor.run().unwrap();
    drop(executor);
    std::thread::spawn(move || waker.wake()).join().unwrap();
}

#[test]
fn what_was_ready_when_a_future_ended_is_ready_later() {
    let (_, mut executor, events) = World::with(Limits::each(4));
    let notes = Notes::new();
    // The root is polled after the tasks of its round; those of the next one are marked already when it ends.
    let (add, again) = (notes.clone(), events.clone());
    drop(events.spawn(async move {
        add.add(1);
        drop(again.spawn(async move { add.add(2) }).unwrap());
    }));
    executor.block_on(race(yield_now(), async {})).unwrap();
    executor.run().unwrap();
    assert_eq!(notes.take(), [1, 2]);
}

#[test]
fn a_port_that_is_gone_ends_the_loop() {
    let (_, mut executor, _) = World::with(Limits::each(1));
    assert_eq!(executor.block_on(pending::<()>()), Err(Error::BadHandle));
}
