//! The kernel and the way to the server. Time passes only while somebody waits for a deadline; to wait for what never comes is a failed test.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use anax_abi::{Envelope, Error, Flags, Handle, Message, MessageNumber, WORDS};
use anax_net::attach::{Attach, Parts, Way};
use anax_net::{Failure, Memory, Session, task};
use anax_proto::{Answered, Beside, Caller, Dispatch as _, Reply, Request, Transport};
use anax_ring::{AtomicU64, SharedBlock, SharedBytes};
use anax_socket::sockets;
use anax_sys::object::Channel;
use anax_sys::{Deadline, Instant, Target};
use anax_task::{Arrived, Executor, Kernel, Limits};

use crate::server::Server;

/// Protocol threads of the server.
pub(crate) const THREADS: u32 = 2;

/// Memory that a session and its server share.
#[derive(Clone)]
pub(crate) struct Words(Rc<[AtomicU64]>);

impl Words {
    fn new(bytes: u64) -> Self {
        Self((0..bytes / 8).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Memory for Words {
    fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(SharedBlock::from_words(&self.0))
    }
}

/// Numbers that look random, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit
    }
}

/// All of it; copies are the same one.
#[derive(Clone)]
pub(crate) struct World(Rc<Inside>);

struct Inside {
    now: Cell<u64>,
    server: RefCell<Option<sockets::Serve<Server>>>,
    /// Of the server that is there.
    generation: Cell<u32>,
    /// No successor is to come.
    is_last: Cell<bool>,
    numbers: Cell<u32>,
    /// Sent and not looked at.
    requests: RefCell<VecDeque<(u32, u64, Message)>>,
    /// Under way: token by number.
    pending: RefCell<BTreeMap<u64, u64>>,
    /// For the port.
    queue: RefCell<Vec<Arrived>>,
    random: RefCell<Random>,
    /// Messages sent by command, and early ends asked for.
    pub(crate) sent: RefCell<Vec<u32>>,
    pub(crate) aborts: Cell<u32>,
    /// So many of the next messages find the way crowded.
    pub(crate) crowded: Cell<u32>,
}

fn target(generation: u32, thread: u32) -> Target {
    Target::from_handle(Handle::new(thread + 1, generation))
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Rc::new(Inside {
            now: Cell::new(1),
            server: RefCell::new(None),
            generation: Cell::new(0),
            is_last: Cell::new(false),
            numbers: Cell::new(0),
            requests: RefCell::default(),
            pending: RefCell::default(),
            queue: RefCell::default(),
            random: RefCell::new(Random::new(seed)),
            sent: RefCell::default(),
            aborts: Cell::new(0),
            crowded: Cell::new(0),
        }))
    }

    /// Code that waits, with that many bytes of arena.
    pub(crate) fn session(&self, bytes: u64) -> Session {
        let executor = Executor::over(Box::new(self.clone()), Limits::each(256));
        Session::over(executor, Box::new(self.clone()), bytes)
    }

    /// Tasks.
    pub(crate) fn tasks(&self, bytes: u64) -> (Executor, task::Session) {
        let executor = Executor::over(Box::new(self.clone()), Limits::each(256));
        let session = task::Session::over(executor.events(), Box::new(self.clone()), bytes);
        (executor, session)
    }

    /// The server.
    pub(crate) fn server<R>(&self, look: impl FnOnce(&mut Server) -> R) -> R {
        look(&mut self.0.server.borrow_mut().as_mut().expect("there is one").0)
    }

    /// Commands that were sent since this was asked last.
    pub(crate) fn sent(&self) -> Vec<u32> {
        self.0.sent.take()
    }

    pub(crate) fn aborts(&self) -> u32 {
        self.0.aborts.take()
    }

    /// So many of the next messages find the way crowded.
    pub(crate) fn crowd(&self, messages: u32) {
        self.0.crowded.set(messages);
    }

    /// The server dies: whoever waits is told so.
    pub(crate) fn kill(&self) {
        self.0.server.take();
        self.0.requests.borrow_mut().clear();
        for token in std::mem::take(&mut *self.0.pending.borrow_mut()).into_values() {
            self.arrive(token, Error::PeerDied.code(), [0; WORDS]);
        }
    }

    /// And has no successor.
    pub(crate) fn kill_for_good(&self) {
        self.0.is_last.set(true);
        self.kill();
    }

    fn arrive(&self, token: u64, result: i64, words: [u64; WORDS]) {
        let envelope = Envelope::new(0, Flags::REPLY, 0);
        let number = MessageNumber::from_word(0);
        let arrived = Arrived { number, badge: token, envelope, result, words, handles: [None; 4] };
        self.0.queue.borrow_mut().push(arrived);
    }

    fn answer(&self, answered: &Answered) {
        if let Some(token) = self.0.pending.borrow_mut().remove(&answered.ticket) {
            self.arrive(token, -answered.reply.code.min(0), answered.reply.words);
        }
    }

    /// The server looks at its messages.
    fn serve(&self) {
        loop {
            let Some((thread, number, message)) = self.0.requests.borrow_mut().pop_front() else { break };
            let mut server = self.0.server.borrow_mut();
            let Some(server) = server.as_mut() else { return };
            server.0.thread = thread;
            let mut beside = Beside { ticket: number, ..Beside::default() };
            let request = Request::fixed(message.command, message.words);
            let reply = server.dispatch(Caller(1), &request, &mut beside, &mut []);
            if !reply.is_later() {
                self.answer(&Answered { ticket: number, reply, gifts: beside.back });
            }
        }
        self.hand_over();
    }

    fn hand_over(&self) {
        let answered = match self.0.server.borrow_mut().as_mut() {
            Some(server) => std::mem::take(&mut server.0.answered),
            None => return,
        };
        answered.iter().for_each(|answered| self.answer(answered));
    }

    /// All that happens outside; whether anything did.
    fn turn(&self) -> bool {
        self.serve();
        let has_moved = self.0.server.borrow_mut().as_mut().is_some_and(|server| server.0.step());
        self.hand_over();
        has_moved
    }

    fn next(&self) -> Option<Arrived> {
        let queue = &mut *self.0.queue.borrow_mut();
        // Of different threads, so in any order.
        let count = queue.len();
        (count > 0).then(|| queue.remove(self.0.random.borrow_mut().below(count)))
    }
}

impl Kernel for World {
    fn send(
        &self,
        to: Target,
        message: &Message,
        _: Option<anax_sys::Beside>,
    ) -> Result<MessageNumber, Error> {
        let handle = to.handle();
        if handle.generation() != self.0.generation.get() || self.0.server.borrow().is_none() {
            return Err(Error::BadHandle);
        }
        if self.0.crowded.get() > 0 {
            self.0.crowded.set(self.0.crowded.get() - 1);
            return Err(Error::Full);
        }
        let number = u64::from(self.0.numbers.get()) + 1;
        self.0.numbers.set(number as u32);
        self.0.sent.borrow_mut().push(message.command);
        self.0.pending.borrow_mut().insert(number, message.token);
        self.0.requests.borrow_mut().push_back((handle.index() - 1, number, *message));
        Ok(MessageNumber::from_word(number))
    }

    fn get(&self) -> Result<Arrived, Error> {
        self.turn();
        self.next().ok_or(Error::WouldBlock)
    }

    fn wait(&self, deadline: Deadline) -> Result<Arrived, Error> {
        loop {
            let has_moved = self.turn();
            if let Some(arrived) = self.next() {
                return Ok(arrived);
            }
            if !has_moved {
                break;
            }
        }
        assert!(deadline != Deadline::NEVER, "somebody waits for what never comes");
        self.0.now.set(self.0.now.get().max(deadline.to_word()));
        Err(Error::TimedOut)
    }

    fn abort(&self, number: MessageNumber) -> Result<(), Error> {
        self.0.aborts.set(self.0.aborts.get() + 1);
        self.serve();
        if let Some(server) = self.0.server.borrow_mut().as_mut() {
            server.0.forget(number.to_word());
        }
        if let Some(token) = self.0.pending.borrow_mut().remove(&number.to_word()) {
            self.arrive(token, Error::Aborted.code(), [0; WORDS]);
        }
        Ok(())
    }

    fn reply(
        &self,
        _: MessageNumber,
        _: Result<u64, Error>,
        _: [u64; WORDS],
        _: Option<anax_sys::Beside>,
    ) -> Result<(), Error> {
        unreachable!("nobody asks a client")
    }

    fn forward(&self, _: Target, _: MessageNumber, _: u32, _: [u64; WORDS]) -> Result<(), Error> {
        unreachable!("nobody asks a client")
    }

    fn ring(&self, _: Channel) -> Result<(), Error> {
        unreachable!("there are no channels")
    }

    fn close(&self, _: Handle) {}

    fn now(&self) -> Instant {
        Instant::from_nanoseconds(self.0.now.get())
    }
}

/// A handle to what is no more: it can't be passed along.
pub(crate) const ENDED: Handle = Handle::new(1, 99);

/// The way of what is answered at once.
struct AtOnce {
    world: World,
    generation: u32,
    thread: u32,
}

impl Transport for AtOnce {
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error> {
        if self.world.0.generation.get() != self.generation {
            return Err(Error::PeerDied);
        }
        // What was sent before comes before.
        self.world.serve();
        let mut server = self.world.0.server.borrow_mut();
        let server = server.as_mut().ok_or(Error::PeerDied)?;
        if beside.sent.iter().any(|gift| gift.handle == ENDED) {
            return Err(Error::BadHandle);
        }
        server.0.thread = self.thread;
        self.world.0.sent.borrow_mut().push(request.command);
        let reply = server.dispatch(Caller(1), request, beside, space);
        assert!(!reply.is_later(), "command {} is answered later", request.command);
        Ok(reply)
    }

    fn reconnect(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::PeerDied)
    }
}

impl Attach for World {
    fn attach(&self, bytes: u64) -> Result<Parts, Failure> {
        if self.0.is_last.get() {
            return Err(Error::PeerDied.into());
        }
        let memory = Words::new(bytes);
        let generation = self.0.generation.get() + 1;
        self.0.generation.set(generation);
        let seed = self.0.random.borrow_mut().below(1 << 30) as u64;
        *self.0.server.borrow_mut() = Some(sockets::Serve(Server::new(memory.clone(), THREADS, seed)));
        let way = |thread| Way {
            target: target(generation, thread),
            blocking: Box::new(AtOnce { world: self.clone(), generation, thread }),
        };
        Ok(Parts { memory: Box::new(memory), threads: (0..THREADS).map(way).collect(), kept: Box::new(()) })
    }
}
