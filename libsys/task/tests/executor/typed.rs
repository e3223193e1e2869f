//! Typed clients over ports and channels, with the server's own dispatcher on the other side.

use std::cell::RefCell;
use std::rc::Rc;

use anax_abi::{Error, Handle};
use anax_proto::Caller;
use anax_sys::{Received, Target};
use anax_task::{EventLoop, Limits, PortCaller, join_all};

use crate::World;
use crate::world::{Sent, reply};

/// Counters.
#[anax_proto::interface]
pub(crate) trait Counters {
    /// What it stands at.
    #[idempotent]
    fn read(&mut self) -> Result<u64, Error>;
    /// Adds to it.
    fn add(&mut self, caller: Caller, amount: u64) -> Result<u64, Error>;
    /// A name for it.
    #[control]
    fn name(&mut self, before: &str) -> Result<(u8, [u8; 3]), Error>;
}

#[derive(Default)]
struct One(u64);

impl Counters for One {
    fn read(&mut self) -> Result<u64, Error> {
        Ok(self.0)
    }

    fn add(&mut self, caller: Caller, amount: u64) -> Result<u64, Error> {
        self.0 = self.0.checked_add(amount * caller.0).ok_or(Error::BadArgument)?;
        Ok(self.0)
    }

    fn name(&mut self, before: &str) -> Result<(u8, [u8; 3]), Error> {
        Ok((before.len() as u8, *b"one"))
    }
}

type Server = Rc<RefCell<counters::Serve<One>>>;

/// A server that answers after a while, the first one asked last.
fn serve(world: &World) -> Server {
    let server = Server::new(RefCell::new(counters::Serve(One::default())));
    let serving = server.clone();
    world.on_send(move |world, sent| {
        let asked = received(&sent);
        let (result, words) = anax_service::answer_in_words(&mut *serving.borrow_mut(), &asked).unwrap();
        let answer = reply(&sent, result.unwrap().cast_signed());
        let delay = 100_u64.saturating_sub(sent.number);
        world.deliver_at(world.time() + delay, anax_task::Arrived { words, ..answer });
    });
    server
}

/// As its server receives it, by a handle with badge 10.
fn received(sent: &Sent) -> Received {
    Received {
        number: anax_abi::MessageNumber::from_word(sent.number),
        badge: 10,
        envelope: anax_abi::Envelope::new(sent.message.command, sent.message.flags, 0),
        result: 0,
        words: sent.message.words,
        came: Default::default(),
    }
}

/// Where it is found, and how often it was looked for.
fn find(searches: &Rc<RefCell<u32>>) -> impl AsyncFn() -> Result<Target, Error> + use<> {
    let searches = searches.clone();
    async move || {
        let mut searches = searches.borrow_mut();
        *searches += 1;
        Ok(Target::from_handle(Handle::new(*searches, 1)))
    }
}

#[test]
fn many_questions_at_a_time_by_a_port() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    let _server = serve(&world);
    let searches = Rc::default();
    let test = async |events: EventLoop| {
        let way = PortCaller::open(events, find(&searches), counters::FINGERPRINT).await.unwrap();
        let client = CountersAsync::over(way);
        let sums = join_all([1, 2, 3].map(|amount| client.add(amount))).await;
        assert_eq!(sums, [Ok(10), Ok(30), Ok(60)]);
        assert_eq!(client.name("abcd").await, Ok((4, *b"one")));
        assert_eq!(client.name(&"x".repeat(40)).await, Err(Error::BadArgument), "more than travels inline");
        assert_eq!(client.add(u64::MAX / 10).await, Err(Error::BadArgument));
        assert_eq!(client.read().await, Ok(60));
    };
    executor.block_on(test(events)).unwrap();
    assert_eq!(*searches.borrow(), 1);
}

#[test]
fn a_successor_is_found_and_another_interface_is_not_taken() {
    let (world, mut executor, events) = World::with(Limits::each(8));
    let searches = Rc::default();
    let _server = serve(&world);
    let way = PortCaller::open(events.clone(), find(&searches), counters::FINGERPRINT);
    let client = CountersAsync::over(executor.block_on(way).unwrap().unwrap());

    // It dies over the next question; a successor is there for the one after.
    let successor = world.clone();
    world.on_send(move |world, sent| {
        world.deliver(reply(&sent, Error::PeerDied.code()));
        let _server = serve(&successor);
    });
    assert_eq!(executor.block_on(client.read()).unwrap(), Ok(0));
    assert_eq!((*searches.borrow(), client.transport().target().handle()), (2, Handle::new(2, 1)));

    let wrong = PortCaller::open(events, find(&searches), counters::FINGERPRINT + 1);
    assert_eq!(executor.block_on(wrong).unwrap().err(), Some(Error::PeerMisbehaved));
}
