//! Calls: what they end with, who owns what meanwhile, how many there are.

use std::time::Duration;

use anax_abi::{Error, Flags, Handle, Message};
use anax_sys::{Beside, Instant};
use anax_task::{Either, Limits, Reply, join_all, race, yield_now};

use crate::world::{Did, TARGET, reply};
use crate::{Buffer, Notes, World};

fn message(command: u32) -> Message {
    Message::new(command, [command.into(); 5])
}

#[test]
fn a_reply_comes_to_whom_it_is_for() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    // The later it is asked the earlier it is answered.
    world.on_send(|world, sent| {
        let command = sent.message.command;
        world.deliver_at(world.time() + 100 - u64::from(command), reply(&sent, i64::from(command) * 10));
    });
    let calls = (1..=5).map(|command| events.call(TARGET, message(command)));
    let replies = executor.block_on(join_all(calls)).unwrap();
    let results: Vec<_> = replies.into_iter().map(|reply| reply.unwrap().result).collect();
    assert_eq!(results, [10, 20, 30, 40, 50]);
    let sent = world.sent();
    assert!(sent.iter().all(|sent| sent.message.flags.contains(Flags::ABORTABLE)));
    assert_eq!((sent.len(), events.calls_in_flight()), (5, 0));
}

#[test]
fn death_and_refusal_are_values() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    world.on_send(|world, sent| world.deliver(reply(&sent, Error::PeerDied.code())));
    assert_eq!(executor.block_on(events.call(TARGET, message(1))), Ok(Err(Error::PeerDied)));
    world.refuse_sends(Some(Error::NoRights));
    let (result, owned) = executor.block_on(events.call_with_buffers(TARGET, message(1), "buffer")).unwrap();
    assert_eq!((result, owned), (Err(Error::NoRights), "buffer"));
    assert_eq!(events.calls_in_flight(), 0);
    world.refuse_sends(None);
    world.echo_after(1);
    let two = [events.call(TARGET, message(1)), events.call(TARGET, message(2))];
    assert!(executor.block_on(join_all(two)).unwrap().iter().all(Result::is_ok), "no place was lost");
}

#[test]
fn buffers_come_back_with_the_reply() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    world.echo_after(5);
    let dropped = Notes::new();
    let buffer = Buffer { name: 1, dropped: dropped.clone() };
    let (result, buffer) = executor.block_on(events.call_with_buffers(TARGET, message(7), buffer)).unwrap();
    assert_eq!((result.unwrap().result, buffer.name), (7, 1));
    assert_eq!(dropped.take(), []);
}

#[test]
fn a_cancelled_call_keeps_its_buffers_until_its_reply() {
    let (world, mut executor, events) = World::with(Limits::each(2));
    let dropped = Notes::new();
    let buffer = Buffer { name: 1, dropped: dropped.clone() };
    let call = events.call_with_buffers(TARGET, message(7), buffer);
    let outcome = executor.block_on(events.timeout(Duration::from_nanos(10), call)).unwrap();
    assert!(outcome.is_err());
    let did = world.did();
    let [Did::Sent(sent), Did::Aborted(aborted)] = did[..] else { panic!("{did:?}") };
    assert_eq!(aborted, sent.number);
    assert_eq!(
        (dropped.take(), events.calls_in_flight()),
        (vec![], 1),
        "whoever has it may still write there"
    );

    // Whether it was cancelled or done all the same makes no difference.
    world.deliver(reply(&sent, 3));
    executor.drain().unwrap();
    assert_eq!((dropped.take(), events.calls_in_flight()), (vec![1], 0));
    assert_eq!(events.counts().strays, 0);
}

#[test]
fn buffers_of_an_executor_that_ends_are_never_given_back() {
    let (_, mut executor, events) = World::with(Limits::each(2));
    let dropped = Notes::new();
    let buffer = Buffer { name: 1, dropped: dropped.clone() };
    let _task = events.spawn(events.call_with_buffers(TARGET, message(7), buffer)).unwrap();
    executor.block_on(yield_now()).unwrap();
    drop((executor, events));
    assert_eq!(dropped.take(), []);
}

#[test]
fn a_stale_token_is_not_believed() {
    let (world, mut executor, events) = World::with(Limits::each(1));
    world.echo_after(1);
    executor.block_on(events.call(TARGET, message(1))).unwrap().unwrap();
    let first = world.sent()[0];
    // The reply to the first once more, while the second is under way in the same place.
    world.on_send(move |world, sent| {
        world.deliver(reply(&first, 666));
        world.deliver(reply(&sent, 2));
        world.deliver(reply(&sent, 666));
    });
    assert_eq!(executor.block_on(events.call(TARGET, message(2))).unwrap().unwrap().result, 2);
    world.echo_after(1);
    assert_eq!(executor.block_on(events.call(TARGET, message(3))).unwrap().unwrap().result, 3);
    assert_eq!(events.counts().strays, 2);
}

#[test]
fn one_too_many_waits_in_line() {
    let (world, mut executor, events) = World::with(Limits { calls: 2, ..Limits::each(8) });
    world.echo_after(10);
    let order = Notes::new();
    let mut tasks = Vec::new();
    for command in 0..6 {
        let (events, order) = (events.clone(), order.clone());
        tasks.push(events.clone().spawn(async move {
            events.call(TARGET, message(command)).await.unwrap();
            order.add(command);
        }));
    }
    // One in the line goes away, and nobody behind it suffers.
    executor.block_on(yield_now()).unwrap();
    executor.block_on(yield_now()).unwrap();
    assert_eq!(world.sent().len(), 2);
    assert!(tasks.remove(3).unwrap().cancel().is_none());
    executor.run().unwrap();
    assert_eq!(order.take(), [0, 1, 2, 4, 5]);
    let sent: Vec<_> = world.sent().iter().map(|sent| sent.message.command).collect();
    assert_eq!((sent, world.time()), (vec![2, 4, 5], 30));
}

#[test]
fn a_place_granted_to_one_who_leaves_goes_to_the_next() {
    let (world, mut executor, events) = World::with(Limits { calls: 1, ..Limits::each(8) });
    let first = events.spawn(events.call(TARGET, message(1))).unwrap();
    let second = events.spawn(events.call(TARGET, message(2))).unwrap();
    let third = events.spawn(events.call(TARGET, message(3))).unwrap();
    executor.block_on(yield_now()).unwrap();
    executor.block_on(yield_now()).unwrap();
    let sent = world.sent()[0];
    world.echo_after(1);
    world.deliver(reply(&sent, 1));
    // The root is polled last in the round: the first task takes its reply, and by that the second one has the place and is not polled yet.
    executor.block_on(first).unwrap().unwrap();
    assert_eq!(second.cancel(), None);
    assert_eq!(executor.block_on(third).unwrap().unwrap().result, 3);
}

#[test]
fn handles_travel_and_none_is_lost() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    let (mine, theirs) = (Handle::new(3, 1), Handle::new(4, 1));
    world.on_send(move |world, sent| {
        let result = if sent.message.command == 2 { -9 } else { 0 };
        let handles = [Some(theirs), None, None, None];
        world.deliver_at(world.time() + 5, anax_task::Arrived { handles, ..reply(&sent, result) });
    });
    let call = events.call_with_handle(TARGET, message(1), Beside::given(mine));
    let Reply { handles, .. } = executor.block_on(call).unwrap().unwrap();
    assert_eq!(handles, [Some(theirs), None, None, None]);
    assert_eq!(world.sent()[0].beside, Some(mine));

    assert_eq!(executor.block_on(events.call(TARGET, message(2))), Ok(Err(Error::Full)));
    assert_eq!(world.did().last(), Some(&Did::Closed(theirs)), "nobody sees it beside an error");

    let late = race(events.call(TARGET, message(3)), events.sleep_until(Instant::default()));
    assert!(matches!(executor.block_on(late).unwrap(), Either::Right(())));
    executor.drain().unwrap();
    assert_eq!(world.did().last(), Some(&Did::Closed(theirs)), "nobody waits for it any more");
}
