//! A session with one server, until that dies: how its threads are asked, and who waits for what they are asked to close.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::time::Duration;

use anax_abi::{Error, Message};
use anax_proto::{Failure as _, Fixed, Reader, Request, Transport, Writer};
use anax_socket::{Failure, Socket, SocketsClient, sockets};
use anax_sys::Target;
use anax_task::{Call, EventLoop, Reply};

use super::lending::Lending;
use super::reaper::Reaper;
use crate::arena::{Arena, Lease};
use crate::attach::Parts;
use crate::way::At;

/// How long what the way had no room for waits until it is sent again, and how often that is tried.
pub(crate) const PAUSE: Duration = Duration::from_micros(100);
const TRIES: u32 = 1000;

/// That way is full: there is too much under way between two CPUs.
pub(crate) fn is_crowded(failure: Failure) -> bool {
    failure == Error::Full.into()
}

struct Thread {
    target: Target,
    blocking: RefCell<Box<dyn Transport>>,
}

/// What a session has of its server.
pub(crate) struct Attachment {
    pub(crate) events: EventLoop,
    pub(crate) arena: Rc<Arena>,
    pub(crate) reaper: Rc<Reaper>,
    pub(crate) lending: Lending,
    threads: Box<[Thread]>,
    next: Cell<u32>,
    is_dead: Cell<bool>,
    _kept: Box<dyn Any>,
}

impl Attachment {
    pub(crate) fn new(events: EventLoop, parts: Parts) -> Result<Rc<Self>, Failure> {
        let Parts { memory, threads, kept } = parts;
        if threads.is_empty() {
            return Err(Error::PeerMisbehaved.into());
        }
        let thread = |way: crate::attach::Way| Thread { target: way.target, blocking: way.blocking.into() };
        Ok(Rc::new(Self {
            reaper: Reaper::new(events.clone()),
            lending: Lending::default(),
            events,
            arena: Arena::new(memory),
            threads: threads.into_iter().map(thread).collect(),
            next: Cell::new(0),
            is_dead: Cell::new(false),
            _kept: kept,
        }))
    }

    /// Whether the server has died.
    pub(crate) fn is_dead(&self) -> bool {
        self.is_dead.get()
    }

    /// How many threads there are.
    pub(crate) const fn threads(&self) -> u32 {
        self.threads.len() as u32
    }

    /// The next one in turn.
    pub(crate) fn next_thread(&self) -> u32 {
        let next = self.next.get();
        self.next.set((next + 1) % self.threads());
        next
    }

    /// Asks a thread what it answers at once.
    pub(crate) fn ask<V>(
        &self,
        thread: u32,
        question: impl FnMut(&mut SocketsClient<At<'_>>) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        self.ask_at_once(thread, question).map_err(|failure| self.mourn(failure))
    }

    /// The same with a handle of others' that may have ended: then it fails with `Gone`, and says nothing about the server.
    pub(crate) fn ask_with<V>(
        &self,
        thread: u32,
        question: impl FnMut(&mut SocketsClient<At<'_>>) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        self.ask_at_once(thread, question).map_err(|failure| {
            if failure == Error::BadHandle.into() { Failure::Gone } else { self.mourn(failure) }
        })
    }

    fn ask_at_once<V>(
        &self,
        thread: u32,
        mut question: impl FnMut(&mut SocketsClient<At<'_>>) -> Result<V, Failure>,
    ) -> Result<V, Failure> {
        let thread = self.threads.get(thread as usize).ok_or(Failure::BadArgument)?;
        let mut left = TRIES;
        loop {
            let answer = match thread.blocking.try_borrow_mut() {
                Ok(mut way) => question(&mut SocketsClient::over(At(&mut **way))),
                Err(_) => Err(Failure::BadState),
            };
            match answer {
                Err(failure) if is_crowded(failure) && left > 0 => {
                    left -= 1;
                    anax::time::sleep(PAUSE);
                }
                answer => return answer,
            }
        }
    }

    /// A question that is answered later. Dropped, its early end is asked for.
    pub(crate) fn call<A: Fixed>(&self, thread: u32, command: u32, arguments: A) -> Call<()> {
        let mut writer = Writer::default();
        arguments.put(&mut writer);
        let message = Message::new(command, Request::fixed(command, writer.finish()).words);
        let target = self.threads[thread as usize].target;
        self.events.call_with_buffers(target, message, ())
    }

    /// The same, to its answer.
    pub(crate) async fn ask_later<V: Fixed>(
        &self,
        thread: u32,
        command: u32,
        arguments: impl Fixed + Copy,
    ) -> Result<V, Failure> {
        if thread >= self.threads() {
            return Err(Failure::BadArgument);
        }
        let mut left = TRIES;
        loop {
            match self.outcome(self.call(thread, command, arguments).await.0) {
                Err(failure) if is_crowded(failure) && left > 0 => {
                    left -= 1;
                    self.events.sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// What an answer says.
    pub(crate) fn outcome<V: Fixed>(&self, reply: Result<Reply, Error>) -> Result<V, Failure> {
        let reply = reply.map_err(|error| self.mourn(error.into()))?;
        if reply.result != 0 {
            return Err(self.mourn(Failure::from_code(-reply.result.cast_signed())));
        }
        V::take(&mut Reader::new(reply.words)).ok_or(Error::PeerMisbehaved.into())
    }

    /// A port that is no more is a server that has died.
    fn mourn(&self, failure: Failure) -> Failure {
        let died = Error::PeerDied.into();
        if failure == died || failure == Error::BadHandle.into() {
            self.is_dead.set(true);
            return died;
        }
        failure
    }

    /// Closes a socket. `lease` are its rings, and `questions` what was asked about it: both are kept until that is answered.
    pub(crate) fn close(
        self: &Rc<Self>,
        thread: u32,
        socket: Socket,
        lease: Lease,
        questions: Vec<Call<()>>,
    ) -> impl Future<Output = Result<(), Failure>> + use<> {
        let attachment = self.clone();
        let lease = if cfg!(bite = "net-rings-freed-early") {
            drop(lease);
            None
        } else {
            Some(lease)
        };
        async move {
            let closed = attachment.ask_later::<()>(thread, sockets::CLOSE, socket).await;
            let is_over = match closed {
                Ok(()) | Err(Failure::Gone) => true,
                Err(failure) => failure == Error::PeerDied.into(),
            };
            attachment.lending.over(thread, socket);
            // If it could not be asked, the server may use them for ever.
            if is_over {
                drop(lease)
            } else {
                core::mem::forget(lease)
            }
            drop(questions);
            closed
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("is_dead", &self.is_dead).finish_non_exhaustive()
    }
}
