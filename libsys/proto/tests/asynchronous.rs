//! The client for tasks: the same values, failures, deaths and lies.

use core::cell::RefCell;
use core::pin::pin;
use core::task::{Context, Poll, Waker};

use anax_abi::{Error, WORDS};
use anax_proto::{Caller, Loopback, Mood};

/// Counters.
#[anax_proto::interface]
pub trait Counters {
    /// What the counter stands at.
    #[idempotent]
    fn read(&mut self, counter: u64) -> Result<u64, Error>;
    /// Adds to it, and returns what it stands at then.
    fn add(&mut self, caller: Caller, counter: u64, amount: u32) -> Result<u64, Error>;
    /// The names, with something before each.
    #[control]
    #[idempotent]
    fn names(&mut self, before: &str) -> Result<[Option<(u8, u32)>; 2], Error>;
}

#[derive(Default)]
struct Four([u64; 4]);

impl Counters for Four {
    fn read(&mut self, counter: u64) -> Result<u64, Error> {
        self.0.get(counter as usize).copied().ok_or(Error::BadArgument)
    }

    fn add(&mut self, caller: Caller, counter: u64, amount: u32) -> Result<u64, Error> {
        let place = self.0.get_mut(counter as usize).ok_or(Error::BadArgument)?;
        *place += u64::from(amount) * caller.0;
        Ok(*place)
    }

    fn names(&mut self, before: &str) -> Result<[Option<(u8, u32)>; 2], Error> {
        Ok([before.bytes().next().map(|byte| (byte, before.len() as u32)), None])
    }
}

fn client() -> CountersAsync<RefCell<Loopback<counters::Serve<Four>>>> {
    CountersAsync::over(RefCell::new(Loopback::new(counters::Serve(Four::default()), Caller(10))))
}

/// What a future that never waits ends with.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a loopback does not wait"),
    }
}

#[test]
fn values_go_there_and_back() {
    let client = client();
    assert_eq!(now(client.add(2, 7)), Ok(70));
    assert_eq!(now(client.read(2)), Ok(70));
    assert_eq!(now(client.read(4)), Err(Error::BadArgument));
    assert_eq!(now(client.names("abc")), Ok([Some((b'a', 3)), None]));
}

#[test]
fn what_is_idempotent_survives_a_death_and_nothing_else() {
    let client = client();
    let mood = |mood| client.transport().borrow_mut().set_mood(mood);
    mood(Mood::DiesAfter);
    assert_eq!(now(client.read(1)), Ok(0));
    mood(Mood::DiesBefore);
    assert_eq!(now(client.names("")), Ok([None; 2]));
    mood(Mood::DiesAfter);
    assert_eq!(now(client.add(1, 1)), Err(Error::PeerDied));
    assert_eq!(now(client.read(1)), Ok(10), "a reader connects anew");
    mood(Mood::Gone);
    assert_eq!(now(client.read(1)), Err(Error::PeerDied));
}

#[test]
fn a_lie_is_seen() {
    let client = client();
    let lie = |length| Mood::Lies { code: 0, words: [0; WORDS], length };
    for length in [anax_proto::SPACE + 1, 1] {
        client.transport().borrow_mut().set_mood(lie(length));
        assert_eq!(now(client.names("a")), Err(Error::PeerMisbehaved));
    }
    client.transport().borrow_mut().set_mood(lie(1));
    assert_eq!(now(client.read(0)), Err(Error::PeerMisbehaved));
}
