//! Channels: many in flight by one doorbell, deaths, lies, buffers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use anax_abi::object::notice as told;
use anax_abi::{Error, Handle, Message};
use anax_ring::{
    AtomicU64, Doorbell, Endpoint, Geometry, Requester, Responder, SharedBlock, Side, Sleep, Supervisor,
    Taken,
};
use anax_sys::object::Channel;
use anax_task::{ChannelClient, EventLoop, Limits, join_all};

use crate::world::{Did, notice};
use crate::{Buffer, Notes, World};

pub(crate) const BADGE: u64 = 5;
const SLOTS: u32 = 8;

/// The other side: it answers when it is rung, after a while.
pub(crate) struct Server {
    pub(crate) words: &'static [AtomicU64],
    geometry: Geometry,
    pub(crate) responder: RefCell<Responder<'static>>,
    /// Requests that it has taken.
    taken: Cell<u32>,
    /// It takes and does not answer.
    is_idle: Cell<bool>,
}

impl Server {
    pub(crate) fn open(words: &'static [AtomicU64]) -> Responder<'static> {
        Responder::new(Endpoint::open(SharedBlock::from_words(words), Side::Server).unwrap())
    }

    /// Answers all that is there with twice the command, then sleeps.
    fn serve(&self, world: &World) {
        let responder = &mut *self.responder.borrow_mut();
        loop {
            match responder.take().unwrap() {
                Taken::Request(request, ticket) => {
                    self.taken.set(self.taken.get() + 1);
                    if self.is_idle.get() {
                        continue;
                    }
                    let answer = Message { result: i64::from(request.command) * 2, ..request };
                    responder.reply(ticket, &answer).unwrap();
                }
                Taken::NewPeer(_) => {}
                Taken::Nothing => {
                    // The client sleeps by the time when it hears of it.
                    if responder.flush().unwrap() == Doorbell::Ring || self.taken.get() > 0 {
                        world.deliver_at(world.time() + 10, notice(BADGE, told::RING, 1, 1));
                    }
                    match responder.prepare_to_sleep().unwrap() {
                        Sleep::MaySleep => return,
                        Sleep::MoreToDo | Sleep::RingFirst => {}
                    }
                }
            }
        }
    }
}

pub(crate) fn channel(
    world: &World,
    events: &EventLoop,
) -> (ChannelClient<8>, Rc<Server>, Supervisor<'static>) {
    let geometry = Geometry::new(SLOTS, SLOTS).unwrap();
    let words: Vec<_> = (0..geometry.words()).map(|_| AtomicU64::new(0)).collect();
    let words: &'static [AtomicU64] = words.leak();
    let supervisor = Supervisor::create(SharedBlock::from_words(words), geometry).unwrap();
    let endpoint = Endpoint::open(SharedBlock::from_words(words), Side::Client).unwrap();
    let responder = RefCell::new(Server::open(words));
    let server =
        Rc::new(Server { words, geometry, responder, taken: Cell::new(0), is_idle: Cell::new(false) });
    // It sleeps, so that the first request rings.
    assert_eq!(server.responder.borrow_mut().prepare_to_sleep(), Ok(Sleep::MaySleep));
    let serving = server.clone();
    world.on_ring(move |world| serving.serve(world));
    let end = Channel::from_handle(Handle::new(7, 1));
    let client = events.channel(Requester::new(endpoint), end, BADGE).unwrap();
    (client, server, supervisor)
}

fn rings(world: &World) -> usize {
    world.did().iter().filter(|did| **did == Did::Rang).count()
}

#[test]
fn many_go_by_one_doorbell() {
    let (world, mut executor, events) = World::with(Limits::each(16));
    let (client, server, _) = channel(&world, &events);
    let tasks: Vec<_> =
        (0..8).map(|command| events.spawn(client.submit(Message::new(command, [0; 5]))).unwrap()).collect();
    let answers = executor.block_on(join_all(tasks)).unwrap();
    let results: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().0).collect();
    assert_eq!(results, [0, 2, 4, 6, 8, 10, 12, 14]);
    assert_eq!((rings(&world), server.taken.get(), client.in_flight()), (1, 8, 0));
    assert_eq!(events.counts().unheard, 0);
}

#[test]
fn more_than_there_are_places_wait_in_line() {
    let (world, mut executor, events) = World::with(Limits::each(64));
    let (client, server, _) = channel(&world, &events);
    let all = (0..50).map(|command| client.submit(Message::new(command, [0; 5])));
    let answers = executor.block_on(join_all(all)).unwrap();
    assert!(answers.iter().zip(0..).all(|(answer, command)| answer.unwrap().0 == command * 2));
    assert_eq!(server.taken.get(), 50);
    assert!(rings(&world) <= 50 / 8 + 1, "a doorbell for each full ring at most");
}

#[test]
fn a_cancelled_request_keeps_its_buffer_until_its_answer() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    let (client, server, _supervisor) = channel(&world, &events);
    let dropped = Notes::new();
    let buffer = Buffer { name: 1, dropped: dropped.clone() };
    server.is_idle.set(true);
    let request = client.submit_with_buffers(Message::new(1, [0; 5]), buffer);
    executor.block_on(events.timeout(Duration::from_nanos(50), request)).unwrap().unwrap_err();
    drop(client);
    assert_eq!((server.taken.get(), dropped.take()), (1, vec![]));
    executor.block_on(events.sleep(Duration::from_nanos(50))).unwrap();
    assert_eq!(dropped.take(), [], "the client is gone, its request is not");

    // The server dies: that is an answer, too.
    let mut supervisor = _supervisor;
    supervisor.rebind().unwrap();
    world.deliver(notice(BADGE, told::RING, 1, 2));
    executor.block_on(events.sleep(Duration::from_nanos(50))).unwrap();
    assert_eq!(dropped.take(), [1]);
    assert!(events.doorbell(BADGE).is_ok(), "nothing is left of it");
}

#[test]
fn death_is_a_value_and_the_successor_is_asked() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    let (client, server, mut supervisor) = channel(&world, &events);
    server.is_idle.set(true);
    let lost = [client.submit(Message::new(1, [0; 5])), client.submit(Message::new(2, [0; 5]))];
    let lost = events.spawn(join_all(lost)).unwrap();
    executor.block_on(events.sleep(Duration::from_nanos(50))).unwrap();
    supervisor.rebind().unwrap();
    server.responder.replace(Server::open(server.words));
    server.is_idle.set(false);
    assert_eq!(server.responder.borrow_mut().prepare_to_sleep(), Ok(Sleep::MaySleep));
    world.deliver(notice(BADGE, told::RING, 1, 2));
    assert_eq!(executor.block_on(lost).unwrap(), [Err(Error::PeerDied); 2]);
    assert_eq!(executor.block_on(client.submit(Message::new(3, [0; 5]))).unwrap().unwrap().0, 6);
}

#[test]
fn a_lie_ends_what_is_in_flight_and_what_comes_after() {
    let (world, mut executor, events) = World::with(Limits::each(4));
    let (client, server, mut supervisor) = channel(&world, &events);
    server.is_idle.set(true);
    let asked = events.spawn(client.submit(Message::new(1, [0; 5]))).unwrap();
    executor.block_on(events.sleep(Duration::from_nanos(50))).unwrap();
    // The server claims more replies than there are slots.
    let replies = server.geometry.ring(Side::Server);
    server.words[replies.producer].store(1 << 32 | 1000, Relaxed);
    world.deliver(notice(BADGE, told::RING, 1, 1));
    assert_eq!(executor.block_on(asked).unwrap(), Err(Error::PeerMisbehaved));
    let after = executor.block_on(client.submit(Message::new(1, [0; 5]))).unwrap();
    assert_eq!(after, Err(Error::PeerMisbehaved));

    supervisor.rebind().unwrap();
    server.responder.replace(Server::open(server.words));
    server.is_idle.set(false);
    assert_eq!(server.responder.borrow_mut().prepare_to_sleep(), Ok(Sleep::MaySleep));
    world.deliver(notice(BADGE, told::RING, 1, 2));
    executor.block_on(events.sleep(Duration::from_nanos(50))).unwrap();
    assert_eq!(executor.block_on(client.submit(Message::new(3, [0; 5]))).unwrap().unwrap().0, 6);
}
