//! What comes to the port: requests, their early ends, notices, interrupts.

use std::pin::pin;
use std::task::{Context, Waker};

use anax_abi::object::notice as told;
use anax_abi::{Error, Handle};
use anax_sys::Beside;
use anax_task::{Arrived, Either, Limits, Stream, race, yield_now};

use crate::world::{Did, TARGET, notice, request};
use crate::{Notes, World};

const REPLIED: fn(u64, Result<u64, Error>) -> Did = Did::Replied;

#[test]
fn requests_are_answered_once_in_any_order() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    (1..=3).for_each(|number| world.deliver(request(number, 40 + number, 0x1000)));
    let mut requests = events.requests();
    executor
        .block_on(async {
            let first = requests.next().await;
            let mut second = requests.next().await;
            let third = requests.next().await;
            assert_eq!((first.badge, second.badge, third.command), (41, 42, 0x1000));
            third.reply(Err(Error::NoRights), [0; 5]).unwrap();
            second.forward(TARGET, 5, [0; 5]).unwrap();
            drop(second);
            first.reply(Ok(9), [0; 5]).unwrap();
        })
        .unwrap();
    let expected = [REPLIED(3, Err(Error::NoRights)), Did::Forwarded(2), REPLIED(1, Ok(9))];
    assert_eq!(world.did(), expected);
}

#[test]
fn a_request_that_is_dropped_is_answered() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    let came = Handle::new(6, 1);
    world.deliver(Arrived { handles: [Some(came), None, None, None], ..request(1, 0, 0x1000) });
    world.deliver(request(2, 0, 0x1000));
    let mut requests = events.requests();
    let serving = events
        .spawn(async move {
            let _never_answered = requests.next().await;
            std::future::pending::<()>().await;
        })
        .unwrap();
    // Two messages, two waits: then the port is empty.
    assert_eq!(executor.block_on(std::future::pending::<()>()), Err(Error::BadHandle));
    assert_eq!(world.did(), []);
    serving.cancel();
    let mut did = world.did();
    did.sort_by_key(|did| matches!(did, Did::Closed(_)));
    assert!(did.contains(&REPLIED(1, Err(Error::Aborted))), "{did:?}");
    assert!(did.contains(&REPLIED(2, Err(Error::PeerDied))), "its stream is gone: {did:?}");
    assert!(did.contains(&Did::Closed(came)), "{did:?}");
    assert_eq!(did.len(), 3);

    world.deliver(request(3, 0, 0x1000));
    assert_eq!(executor.block_on(std::future::pending::<()>()), Err(Error::BadHandle));
    assert_eq!(world.did(), [REPLIED(3, Err(Error::PeerDied))]);
    world.deliver(request(4, 0, 0x1000));
    let mut requests = events.requests();
    drop(executor.block_on(requests.next()).unwrap());
    assert_eq!(world.did(), [REPLIED(4, Err(Error::Aborted))]);
}

#[test]
fn one_request_too_many_is_refused() {
    let (world, mut executor, events) = World::with(Limits { requests: 2, ..Limits::each(8) });
    (1..=3).for_each(|number| world.deliver(request(number, 0, 0x1000)));
    assert_eq!(executor.block_on(std::future::pending::<()>()), Err(Error::BadHandle));
    assert_eq!(world.did(), [REPLIED(3, Err(Error::Full))]);
    assert_eq!(events.counts().refused, 1);
    drop(executor);
    let left: Vec<_> = [1, 2].map(|number| REPLIED(number, Err(Error::PeerDied))).into();
    assert_eq!(world.did(), left);
}

#[test]
fn an_abort_reaches_whoever_serves() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    world.deliver(request(5, 0, 0x1000));
    world.deliver_at(20, notice(0, told::ABORT, 0, 6));
    world.deliver_at(30, notice(0, told::ABORT, 0, 5));
    let mut requests = events.requests();
    let request = executor.block_on(requests.next()).unwrap();
    assert!(!request.is_aborted());
    let work = async {
        events.sleep(std::time::Duration::from_secs(1)).await;
    };
    assert!(matches!(executor.block_on(race(work, request.aborted())).unwrap(), Either::Right(())));
    assert_eq!((world.time(), request.is_aborted()), (30, true));
    request.reply(Err(Error::Aborted), [0; 5]).unwrap();
    // One that comes late means nothing any more.
    world.deliver(notice(0, told::ABORT, 0, 5));
    assert_eq!(executor.block_on(std::future::pending::<()>()), Err(Error::BadHandle));
    assert_eq!(world.did(), [REPLIED(5, Err(Error::Aborted))]);
}

#[test]
fn a_client_without_room_for_a_handle_is_told() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    world.refuse_handles();
    world.deliver(request(5, 0, 0x1000));
    let request = executor.block_on(async { events.requests().next().await }).unwrap();
    let beside = Beside::given(Handle::new(3, 1));
    assert_eq!(request.reply_with(Ok(1), [0; 5], beside), Err(Error::NoSlot));
    assert_eq!(world.did(), [REPLIED(5, Err(Error::NoSlot))]);
}

#[test]
fn notices_come_by_their_badges() {
    let (world, mut executor, events) = World::with(Limits { requests: 2, ..Limits::each(8) });
    let mut timer = events.notices(1).unwrap();
    let mut bell = events.doorbell(2).unwrap();
    assert_eq!(events.notices(2).err(), Some(Error::Exists));
    for (badge, command, count) in
        [(2, told::RING, 1), (1, told::TIMER, 1), (2, told::RING, 3), (7, told::RING, 1)]
    {
        world.deliver(notice(badge, command, count, 99));
    }
    // Ends of threads are not counted in one another.
    (0..3).for_each(|status| world.deliver(notice(1, told::EXIT, 0, status)));
    assert_eq!(executor.block_on(std::future::pending::<()>()), Err(Error::BadHandle));
    executor
        .block_on(async {
            assert_eq!(bell.rung().await, 4);
            let first = timer.next().await;
            assert_eq!((first.command, first.count, first.words[0]), (told::TIMER, 1, 99));
            assert_eq!(timer.next().await.words[0], 0);
        })
        .unwrap();
    // Badge 7, and two ends that found no room beside timer and end.
    assert_eq!(events.counts().unheard, 3);
    assert!(
        pin!(timer).poll_next(&mut Context::from_waker(Waker::noop())).is_pending(),
        "it is also a stream"
    );
    drop(bell);
    assert!(events.doorbell(2).is_ok());
}

#[test]
fn an_interrupt_is_answered_by_whoever_served_it() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    let mut interrupts = events.interrupts(3).unwrap();
    let interrupt = Arrived { result: 2, ..request(11, 3, told::INTERRUPT) };
    world.deliver(interrupt);
    // Somebody else's message that looks like one is a request.
    world.deliver(Arrived { badge: 4, ..request(12, 4, told::INTERRUPT) });
    let (taken, claims) = (
        Notes::new(),
        events.spawn({
            let mut requests = events.requests();
            async move { requests.next().await.badge }
        }),
    );
    let interrupt = executor.block_on(interrupts.next()).unwrap();
    assert_eq!((interrupt.count, world.did()), (2, vec![]));
    taken.add(interrupt);
    taken.take().into_iter().for_each(|interrupt| interrupt.done().unwrap());
    assert_eq!(world.did(), [REPLIED(11, Ok(0))]);
    assert_eq!(executor.block_on(claims.unwrap()), Ok(4));
    executor.block_on(yield_now()).unwrap();
}
