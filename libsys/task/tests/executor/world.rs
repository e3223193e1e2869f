//! A kernel for tests: it notes what it was asked, delivers what it was told to, and its time passes only while somebody waits.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use anax_abi::{Envelope, Error, Flags, Handle, Message, MessageNumber, WORDS};
use anax_sys::object::Channel;
use anax_sys::{Beside, Deadline, Instant, Target};
use anax_task::{Arrived, EventLoop, Executor, Kernel, Limits};

/// What the kernel was asked to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Did {
    Sent(Sent),
    Aborted(u64),
    Replied(u64, Result<u64, Error>),
    Forwarded(u64),
    Rang,
    Closed(Handle),
}

/// A message that was sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sent {
    pub(crate) number: u64,
    pub(crate) message: Message,
    pub(crate) beside: Option<Handle>,
}

/// The kernel; copies are the same one.
#[derive(Clone, Default)]
pub(crate) struct World(Rc<Inside>);

type OnSend = dyn Fn(&World, Sent);
type OnRing = dyn Fn(&World);

#[derive(Default)]
struct Inside {
    now: Cell<u64>,
    numbers: Cell<u32>,
    order: Cell<u64>,
    queue: RefCell<VecDeque<Arrived>>,
    later: RefCell<BTreeMap<(u64, u64), Arrived>>,
    did: RefCell<Vec<Did>>,
    on_send: RefCell<Option<Rc<OnSend>>>,
    on_ring: RefCell<Option<Rc<OnRing>>>,
    refuse_sends: Cell<Option<Error>>,
    refuse_handles: Cell<bool>,
    waits: Cell<u32>,
    gets: Cell<u32>,
}

pub(crate) const TARGET: Target = Target::from_handle(Handle::new(9, 1));

impl World {
    /// An executor in a world of its own.
    pub(crate) fn with(limits: Limits) -> (Self, Executor, EventLoop) {
        let world = Self::default();
        let executor = Executor::over(Box::new(world.clone()), limits);
        let events = executor.events();
        (world, executor, events)
    }

    pub(crate) fn time(&self) -> u64 {
        self.0.now.get()
    }

    /// How often somebody waited, and how often somebody looked, since it was last asked.
    pub(crate) fn waits_and_gets(&self) -> (u32, u32) {
        (self.0.waits.take(), self.0.gets.take())
    }

    pub(crate) fn did(&self) -> Vec<Did> {
        self.0.did.take()
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        let sent = |did| if let Did::Sent(sent) = did { Some(sent) } else { None };
        self.did().into_iter().filter_map(sent).collect()
    }

    /// What is sent from now on goes there.
    pub(crate) fn on_send(&self, serve: impl Fn(&Self, Sent) + 'static) {
        self.0.on_send.replace(Some(Rc::new(serve)));
    }

    pub(crate) fn on_ring(&self, serve: impl Fn(&Self) + 'static) {
        self.0.on_ring.replace(Some(Rc::new(serve)));
    }

    /// Each message is answered after so many nanoseconds, with its command as result.
    pub(crate) fn echo_after(&self, delay: u64) {
        self.on_send(move |world, sent| {
            world.deliver_at(world.time() + delay, reply(&sent, sent.message.command.into()))
        });
    }

    pub(crate) fn refuse_sends(&self, error: Option<Error>) {
        self.0.refuse_sends.set(error);
    }

    pub(crate) fn refuse_handles(&self) {
        self.0.refuse_handles.set(true);
    }

    pub(crate) fn deliver(&self, arrived: Arrived) {
        self.0.queue.borrow_mut().push_back(arrived);
    }

    pub(crate) fn deliver_at(&self, time: u64, arrived: Arrived) {
        let order = self.0.order.get();
        self.0.order.set(order + 1);
        self.0.later.borrow_mut().insert((time, order), arrived);
    }

    fn number(&self) -> u64 {
        self.0.numbers.set(self.0.numbers.get() + 1);
        MessageNumber::new(self.0.numbers.get(), 1).to_word()
    }

    /// Moves time on, and what is due into the port.
    fn pass(&self, time: u64) {
        self.0.now.set(self.0.now.get().max(time));
        let later = &mut *self.0.later.borrow_mut();
        while let Some(first) = later.first_entry().filter(|first| first.key().0 <= self.0.now.get()) {
            self.0.queue.borrow_mut().push_back(first.remove());
        }
    }

    fn note(&self, did: Did) {
        self.0.did.borrow_mut().push(did);
    }
}

/// The reply to what was sent.
pub(crate) fn reply(sent: &Sent, result: i64) -> Arrived {
    let envelope = Envelope::new(sent.message.command, Flags::REPLY, 0);
    Arrived { badge: sent.message.token, result, ..arrived(0, 0, envelope) }
}

/// A request of a client's.
pub(crate) fn request(number: u64, badge: u64, command: u32) -> Arrived {
    arrived(number, badge, Envelope::new(command, Flags::NONE, 0))
}

/// A notice of the kernel's.
pub(crate) fn notice(badge: u64, command: u32, count: i64, word: u64) -> Arrived {
    let words = [word, 0, 0, 0, 0];
    Arrived { result: count, words, ..request(0, badge, command) }
}

fn arrived(number: u64, badge: u64, envelope: Envelope) -> Arrived {
    let number = MessageNumber::from_word(number);
    Arrived { number, badge, envelope, result: 0, words: [0; WORDS], handles: [None; 4] }
}

impl Kernel for World {
    fn send(&self, _: Target, message: &Message, beside: Option<Beside>) -> Result<MessageNumber, Error> {
        if let Some(error) = self.0.refuse_sends.get() {
            return Err(error);
        }
        let sent =
            Sent { number: self.number(), message: *message, beside: beside.map(|beside| beside.handle) };
        self.note(Did::Sent(sent));
        let serve = self.0.on_send.borrow().clone();
        if let Some(serve) = serve {
            serve(self, sent);
        }
        Ok(MessageNumber::from_word(sent.number))
    }

    fn get(&self) -> Result<Arrived, Error> {
        self.0.gets.set(self.0.gets.get() + 1);
        self.0.queue.borrow_mut().pop_front().ok_or(Error::WouldBlock)
    }

    /// One that would wait for ever finds its port gone: a test that gets there has forgotten somebody.
    fn wait(&self, deadline: Deadline) -> Result<Arrived, Error> {
        self.0.waits.set(self.0.waits.get() + 1);
        self.pass(0);
        if let Some(arrived) = self.0.queue.borrow_mut().pop_front() {
            return Ok(arrived);
        }
        let next = self.0.later.borrow().first_key_value().map(|(&(time, _), _)| time);
        let deadline = (deadline != Deadline::NEVER).then_some(deadline.to_word());
        match (next, deadline) {
            (Some(next), deadline) if deadline.is_none_or(|deadline| next <= deadline) => self.pass(next),
            (_, Some(deadline)) => {
                self.pass(deadline);
                return Err(Error::TimedOut);
            }
            _ => return Err(Error::BadHandle),
        }
        self.0.queue.borrow_mut().pop_front().ok_or(Error::BadHandle)
    }

    fn abort(&self, number: MessageNumber) -> Result<(), Error> {
        self.note(Did::Aborted(number.to_word()));
        Ok(())
    }

    fn reply(
        &self,
        number: MessageNumber,
        result: Result<u64, Error>,
        _: [u64; WORDS],
        beside: Option<Beside>,
    ) -> Result<(), Error> {
        if beside.is_some() && self.0.refuse_handles.get() {
            return Err(Error::NoSlot);
        }
        self.note(Did::Replied(number.to_word(), result));
        Ok(())
    }

    fn forward(&self, _: Target, number: MessageNumber, _: u32, _: [u64; WORDS]) -> Result<(), Error> {
        self.note(Did::Forwarded(number.to_word()));
        Ok(())
    }

    fn ring(&self, _: Channel) -> Result<(), Error> {
        self.note(Did::Rang);
        let serve = self.0.on_ring.borrow().clone();
        if let Some(serve) = serve {
            serve(self);
        }
        Ok(())
    }

    fn close(&self, handle: Handle) {
        self.note(Did::Closed(handle));
    }

    fn now(&self) -> Instant {
        Instant::from_nanoseconds(self.time())
    }
}
