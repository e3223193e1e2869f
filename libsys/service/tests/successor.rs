//! A server that has died is found again: by a kernel that plays its part.

use std::cell::Cell;
use std::rc::Rc;

use anax_abi::object::{SELF, THIS_THREAD};
use anax_abi::{Envelope, Error, Flags, Handle, Operation, Rights};
use anax_proto::{CONNECT, FIRST_METHOD, Gift};
use anax_service::PortTransport;
use anax_sys::Target;
use anax_sys::trap::{Incoming, Trap, fake};

/// What can be asked.
#[anax_proto::interface]
pub trait Store {
    /// Asked again of a successor.
    #[idempotent]
    fn get(&mut self) -> Result<u64, Error>;
    /// Not so.
    fn set(&mut self, value: u64) -> Result<(), Error>;
    /// Takes a handle along.
    fn put(&mut self, what: Gift) -> Result<(), Error>;
    /// Gives one.
    fn fetch(&mut self) -> Result<Gift, Error>;
}

/// One server lives at a time; it answers with its number, unless it dies over the question.
#[derive(Clone, Debug, Default)]
struct World {
    alive: Rc<Cell<u32>>,
    dies_over: Rc<Cell<Option<u32>>>,
    /// Handles that go along with the next message.
    offered: Rc<Cell<u32>>,
    /// Messages for which the way to its CPU has no room.
    crowded: Rc<Cell<u32>>,
}

impl World {
    fn answer(&self, trap: Trap) -> Incoming {
        let number = self.alive.get();
        let nothing = Incoming {
            outcome: 0,
            number: 0,
            words: [0; 5],
            badge: 0,
            envelope: Envelope(0),
            result: 0,
            came: 0,
        };
        // There are slots for whoever wants them, and nothing is left of what came.
        if [SELF, THIS_THREAD].map(Handle::to_word).contains(&trap.handle)
            || trap.operation == Operation::Collect
        {
            return nothing;
        }
        if trap.operation == Operation::Offer {
            self.offered.set(if trap.handle == 0 { 0 } else { self.offered.get() + 1 });
            return nothing;
        }
        if let Some(less) = self.crowded.get().checked_sub(1) {
            self.crowded.set(less);
            return Incoming { outcome: Error::Full.code(), ..nothing };
        }
        let taken = u32::from(trap.command == FIRST_METHOD + 2);
        let outcome = if trap.handle != handle(number).to_word() {
            Error::BadHandle.code()
        } else if self.dies_over.get() == Some(trap.command) {
            self.dies_over.set(None);
            self.alive.set(number + 1);
            Error::PeerDied.code()
        } else if self.offered.take() != taken {
            Error::PeerMisbehaved.code()
        } else {
            0
        };
        let word = if trap.command == CONNECT { store::FINGERPRINT } else { number.into() };
        let handles = u8::from(trap.command == FETCH);
        let envelope = Envelope::new(trap.command, Flags::NONE, handles);
        Incoming { outcome, words: [word, 0, 0, 0, 0], envelope, ..nothing }
    }

    /// A client of the server that lives, with its way to each successor.
    fn client(&self) -> StoreClient<PortTransport<impl FnMut() -> Result<Target, Error> + use<>>> {
        let (kernel, world) = (self.clone(), self.clone());
        fake::answer_by(move |trap| kernel.answer(trap));
        let find = move || Ok(Target::from_handle(handle(world.alive.get())));
        StoreClient::over(PortTransport::open(find, store::FINGERPRINT).expect("it connects"))
    }
}

const FETCH: u32 = FIRST_METHOD + 3;

fn handle(number: u32) -> Handle {
    Handle::new(number + 10, 1)
}

#[test]
fn who_had_died_before_is_not_asked_but_the_successor() {
    let world = World::default();
    let mut client = world.client();
    assert_eq!(client.get(), Ok(0));
    world.alive.set(1);
    assert_eq!(client.set(5), Ok(()), "nobody can have done it before");
    world.alive.set(2);
    assert_eq!(client.get(), Ok(2));
}

#[test]
fn who_dies_over_a_question_is_told_of() {
    let world = World::default();
    let mut client = world.client();
    world.dies_over.set(Some(FIRST_METHOD));
    assert_eq!(client.get(), Ok(1));
    world.dies_over.set(Some(FIRST_METHOD + 1));
    assert_eq!(client.set(5), Err(Error::PeerDied), "it may have been done");
    assert_eq!(client.set(5), Ok(()));
}

#[test]
fn handles_go_to_nobody_else_when_the_server_has_died() {
    let world = World::default();
    let mut client = world.client();
    world.alive.set(1);
    let what = Gift::copy(Handle::new(3, 1), Rights::SEND);
    assert_eq!(client.put(what), Ok(()), "the way to the successor has none with it");
}

#[test]
fn what_dies_on_its_way_is_nobody_s_fault() {
    let world = World::default();
    let mut client = world.client();
    assert_eq!(client.fetch(), Err(Error::BadHandle));
    assert_eq!(client.set(5), Ok(()));
}

#[test]
fn who_dies_over_the_first_message_costs_nothing() {
    let world = World::default();
    world.dies_over.set(Some(CONNECT));
    let mut client = world.client();
    assert_eq!(client.get(), Ok(1));
    world.alive.set(2);
    world.dies_over.set(Some(CONNECT));
    assert_eq!(client.get(), Ok(3));
}

#[test]
fn who_finds_the_way_crowded_tries_again() {
    let world = World::default();
    let mut client = world.client();
    world.crowded.set(3);
    assert_eq!(client.set(5), Ok(()));
    world.crowded.set(3);
    let what = Gift::copy(Handle::new(3, 1), Rights::SEND);
    assert_eq!(client.put(what), Ok(()), "the handle goes along once");
    world.crowded.set(1000);
    assert_eq!(client.get(), Err(Error::Full), "it does not do so for ever");
}
