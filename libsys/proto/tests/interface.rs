//! An interface from its trait to both sides: values, failures, deaths, lies.

use std::collections::BTreeMap;

use anax_abi::{Error, Handle, Rights, WORDS};
use anax_proto::{
    Answered, Beside, Caller, Dispatch, FIRST_METHOD, Failure, Format, Gift, Later, Loopback, Mood, Request,
    SPACE, Transport,
};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

/// What a store refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// There is no such key.
    Unknown,
    /// The way to the server.
    Way(Error),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        Self::Way(error)
    }
}

impl Failure for StoreError {
    fn code(&self) -> i64 {
        match self {
            Self::Unknown => -1000,
            Self::Way(error) => error.code(),
        }
    }

    fn from_code(code: i64) -> Self {
        if code == -1000 { Self::Unknown } else { Self::Way(Error::from_code(code)) }
    }
}

/// What is known of the store.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct About {
    name: [u8; 4],
    keys: [Option<u64>; 3],
}

/// A store of numbers.
#[anax_proto::interface]
pub trait Store {
    /// The value
    /// of a key.
    #[idempotent]
    fn get(&mut self, key: u64) -> Result<u64, StoreError>;
    /// Sets it; what it was.
    fn set(&mut self, caller: Caller, key: u64, value: (u32, bool)) -> Result<[u64; 2], StoreError>;
    /// Names that a macro might use itself.
    #[control]
    fn odd(
        &mut self,
        words: u8,
        request: u8,
        space: u8,
        caller: Caller,
        reply: u8,
        found: u8,
    ) -> Result<u8, StoreError>;
    /// Empties it.
    fn clear(&mut self) -> Result<(), StoreError>;
    /// What there is below a name.
    #[control]
    #[idempotent]
    fn describe(&mut self, name: &str, most: usize, caller: Caller) -> Result<About, StoreError>;
}

#[derive(Default)]
struct Map {
    values: BTreeMap<u64, u64>,
    asked: u32,
}

impl Store for Map {
    fn get(&mut self, key: u64) -> Result<u64, StoreError> {
        self.asked += 1;
        self.values.get(&key).copied().ok_or(StoreError::Unknown)
    }

    fn set(
        &mut self,
        caller: Caller,
        key: u64,
        (value, doubled): (u32, bool),
    ) -> Result<[u64; 2], StoreError> {
        let value = u64::from(value) * if doubled { 2 } else { 1 };
        Ok([self.values.insert(key, value).unwrap_or(0), caller.0])
    }

    fn odd(
        &mut self,
        words: u8,
        request: u8,
        space: u8,
        caller: Caller,
        reply: u8,
        found: u8,
    ) -> Result<u8, StoreError> {
        Ok([words, request, space, caller.0 as u8, reply, found].into_iter().fold(0, u8::wrapping_add))
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.values.clear();
        Ok(())
    }

    fn describe(&mut self, name: &str, most: usize, caller: Caller) -> Result<About, StoreError> {
        let name = name.as_bytes().try_into().map_err(|_| StoreError::Unknown)?;
        let mut all = self.values.keys().copied().chain([caller.0]).take(most);
        Ok(About { name, keys: [(); 3].map(|()| all.next()) })
    }
}

fn client() -> StoreClient<Loopback<store::Serve<Map>>> {
    StoreClient::over(Loopback::new(store::Serve(Map::default()), Caller(77)))
}

#[test]
fn values_go_there_and_back() {
    let mut client = client();
    assert_eq!(client.set(5, (21, true)), Ok([0, 77]));
    assert_eq!(client.set(5, (9, false)), Ok([42, 77]));
    assert_eq!(client.get(5), Ok(9));
    assert_eq!(client.get(6), Err(StoreError::Unknown));
    assert_eq!(client.describe("abcd", 10), Ok(About { name: *b"abcd", keys: [Some(5), Some(77), None] }));
    assert_eq!(client.describe("abc", 10), Err(StoreError::Unknown));
    assert_eq!(client.odd(1, 2, 4, 8, 16), Ok(108));
    assert_eq!(client.clear(), Ok(()));
    assert_eq!(client.get(5), Err(StoreError::Unknown));
}

#[test]
fn a_batch_is_answered_by_ticket() {
    let mut client = client();
    let mut batch = client.batch::<3>();
    let set = batch.set(5, (7, true)).unwrap();
    let missing = batch.get(6).unwrap();
    let cleared = batch.clear().unwrap();
    assert_eq!(batch.get(7).err(), Some(Error::Full));
    let mut answers = batch.finish();
    assert_eq!(answers.take(missing), Err(StoreError::Unknown));
    // The loopback asks the last one first.
    assert_eq!(answers.take(cleared), Ok(()));
    assert_eq!(answers.take(set), Ok([0, 77]));
    assert_eq!(client.get(5), Ok(14));

    // One that is not finished leaves nothing to the next.
    let mut dropped = client.batch::<2>();
    let _never = dropped.set(5, (99, false)).unwrap();
    let mut batch = client.batch::<2>();
    let kept = batch.get(5).unwrap();
    assert_eq!(batch.finish().take(kept), Ok(14));

    // A server that dies over one has died for all, and says so of each.
    client.transport().set_mood(Mood::DiesAfter);
    let mut batch = client.batch::<2>();
    let tickets = [batch.get(5).unwrap(), batch.get(5).unwrap()];
    let mut answers = batch.finish();
    for ticket in tickets {
        assert_eq!(answers.take(ticket), Err(StoreError::Way(Error::PeerDied)));
    }
}

#[test]
fn what_is_idempotent_survives_a_death_and_nothing_else() {
    let mut client = client();
    client.set(1, (3, false)).unwrap();
    client.transport().set_mood(Mood::DiesBefore);
    assert_eq!(client.get(1), Ok(3));
    client.transport().set_mood(Mood::DiesAfter);
    assert_eq!(client.describe("wxyz", 0), Ok(About { name: *b"wxyz", keys: [None; 3] }));
    assert_eq!(client.transport().deaths(), 2);
    client.transport().set_mood(Mood::DiesAfter);
    assert_eq!(client.clear(), Err(StoreError::Way(Error::PeerDied)));
    // The client decides what that means; what he asks next, the successor answers.
    assert_eq!(client.set(1, (4, false)), Ok([0, 77]));
    assert_eq!(client.clear(), Ok(()));
    assert_eq!(client.get(1), Err(StoreError::Unknown));
    client.transport().set_mood(Mood::Gone);
    assert_eq!(client.get(1), Err(StoreError::Way(Error::PeerDied)));
}

#[test]
fn a_lie_is_seen() {
    let mut client = client();
    let lie = |code, words, length| Mood::Lies { code, words, length };
    client.transport().set_mood(lie(0, [0; WORDS], SPACE + 1));
    assert_eq!(client.describe("abcd", 1), Err(StoreError::Way(Error::PeerMisbehaved)));
    client.transport().set_mood(lie(0, [0; WORDS], 3));
    assert!(client.describe("abcd", 1).is_err());
    client.transport().set_mood(lie(-77, [0; WORDS], 0));
    assert_eq!(client.get(1), Err(StoreError::Way(Error::PeerMisbehaved)));
    client.transport().set_mood(lie(0, [0; WORDS], 1));
    assert_eq!(client.get(1), Err(StoreError::Way(Error::PeerMisbehaved)));
}

#[test]
fn the_table_says_what_there_is() {
    let methods = <store::Serve<Map> as Dispatch>::METHODS;
    assert_eq!(
        methods.iter().map(|method| method.name).collect::<Vec<_>>(),
        ["get", "set", "odd", "clear", "describe"]
    );
    assert_eq!(methods[0].command, FIRST_METHOD);
    assert_eq!(methods[0].documentation, "The value of a key.");
    assert!(methods[0].is_idempotent && !methods[1].is_idempotent);
    assert_eq!((methods[1].format, methods[4].format), (Format::Fixed, Format::Control));
}

/// The same names with other types.
mod other {
    use super::StoreError;

    /// Not that store.
    #[expect(dead_code, reason = "only its fingerprint is looked at")]
    #[anax_proto::interface]
    pub(super) trait Store {
        /// The value of a key.
        #[idempotent]
        fn get(&mut self, key: u32) -> Result<u64, StoreError>;
    }
}

#[test]
fn another_interface_has_another_fingerprint() {
    assert_ne!(store::FINGERPRINT, other::store::FINGERPRINT);
    let mut client = client();
    assert_eq!(client.transport().reconnect(other::store::FINGERPRINT), Err(Error::PeerMisbehaved));
}

proptest! {
    /// Whatever comes, a server answers, and only with what fits.
    #[test]
    fn any_request_is_answered(
        command in prop_oneof![0x1000u32..0x1008, any::<u32>()],
        words in any::<[u64; WORDS]>(),
        bytes in prop::collection::vec(any::<u8>(), 0..64),
        space in 0usize..64,
    ) {
        let mut server = store::Serve(Map::default());
        let request = Request { words, ..Request::control(command, &bytes) };
        let reply = server.dispatch(Caller(1), &request, &mut Beside::default(), &mut vec![0; space]);
        prop_assert!(reply.length <= space);
    }
}

/// Things that are deposited, and handles at that.
#[anax_proto::interface]
pub trait Cloakroom {
    /// Leaves a handle; its number.
    fn leave(&mut self, what: Gift, tag: u64) -> Result<u64, Error>;
    /// Fetches it.
    fn fetch(&mut self, number: u64) -> Result<(Gift, u64), Error>;
    /// Leaves two, with their names.
    #[control]
    fn leave_two(
        &mut self,
        first: Gift,
        names: [&str; 2],
        caller: Caller,
        second: Gift,
    ) -> Result<(u64, u64), Error>;
    /// Waits until somebody has left one with that tag.
    fn wait(&mut self, tag: u64, caller: Caller, later: Later<(Gift, u64), Error>);
}

type Fetched = Later<(Gift, u64), Error>;

#[derive(Default)]
struct Room {
    things: Vec<(Gift, u64)>,
    waiting: Vec<(u64, Fetched)>,
    answered: Vec<Answered>,
}

impl Cloakroom for Room {
    fn leave(&mut self, what: Gift, tag: u64) -> Result<u64, Error> {
        self.things.push((what, tag));
        while let Some(place) = self.waiting.iter().position(|(wanted, _)| *wanted == tag) {
            self.answered.push(self.waiting.remove(place).1.answer(Ok((what, tag))));
        }
        Ok(self.things.len() as u64 - 1)
    }

    fn fetch(&mut self, number: u64) -> Result<(Gift, u64), Error> {
        self.things.get(number as usize).copied().ok_or(Error::BadArgument)
    }

    fn leave_two(
        &mut self,
        first: Gift,
        names: [&str; 2],
        caller: Caller,
        second: Gift,
    ) -> Result<(u64, u64), Error> {
        self.things.push((first, names[0].len() as u64));
        self.things.push((second, names[1].len() as u64));
        Ok((caller.0, self.things.len() as u64))
    }

    fn wait(&mut self, tag: u64, caller: Caller, later: Later<(Gift, u64), Error>) {
        assert_eq!(caller.0, 77);
        if tag == 0 {
            self.answered.push(later.answer(Err(Error::BadArgument)));
        } else {
            self.waiting.push((tag, later));
        }
    }
}

fn gift(number: u32) -> Gift {
    Gift::copy(Handle::new(number, 1), Rights::SEND)
}

fn cloakroom() -> CloakroomClient<Loopback<cloakroom::Serve<Room>>> {
    CloakroomClient::over(Loopback::new(cloakroom::Serve(Room::default()), Caller(77)))
}

#[test]
fn handles_go_there_and_back() {
    let mut client = cloakroom();
    assert_eq!(client.leave(gift(5), 9), Ok(0));
    assert_eq!(client.fetch(0), Ok((gift(5), 9)));
    assert_eq!(client.fetch(1), Err(Error::BadArgument));
    assert_eq!(client.leave_two(gift(6), ["a", "bcd"], gift(7)), Ok((77, 3)));
    assert_eq!(client.fetch(2), Ok((gift(7), 3)));
}

#[test]
fn a_method_takes_as_many_handles_as_it_says_and_else_none() {
    for count in [0, 2, 3] {
        let mut server = cloakroom::Serve(Room::default());
        let mut beside = Beside::default();
        (0..count).for_each(|number| beside.sent.push(gift(number)));
        let request = Request::fixed(cloakroom::LEAVE, [1, 0, 0, 0, 0]);
        let reply = server.dispatch(Caller(1), &request, &mut beside, &mut []);
        assert_eq!(reply.code, Error::PeerMisbehaved.code());
        // Whoever carries the messages finds them where they were.
        assert_eq!(beside.sent.count(), count as usize);
        assert!(server.0.things.is_empty());
    }
    // A client that was promised a handle and gets none.
    let mut client = cloakroom();
    client.transport().set_mood(Mood::Lies { code: 0, words: [0; WORDS], length: 0 });
    assert_eq!(client.wait(3), Err(Error::PeerMisbehaved));
}

#[test]
fn an_answer_can_come_later() {
    let mut client = cloakroom();
    assert_eq!(client.wait(4), Err(Error::WouldBlock));
    assert_eq!(client.wait(0), Err(Error::WouldBlock));
    client.leave(gift(8), 4).unwrap();
    let [first, second] = client.transport().server().0.answered[..] else { panic!("two were answered") };
    assert_eq!((first.ticket, first.reply.code), (2, Error::BadArgument.code()));
    assert_eq!((second.ticket, second.reply.code, second.gifts.get(0)), (1, 0, Some(gift(8))));
    assert_eq!(second.reply.words[0], 4);

    // Not where nobody could answer: by a channel.
    let mut server = cloakroom::Serve(Room::default());
    let request = Request::fixed(cloakroom::WAIT, [1, 0, 0, 0, 0]);
    let reply = server.dispatch(Caller(77), &request, &mut Beside::default(), &mut []);
    assert_eq!(reply.code, Error::BadCommand.code());
}
