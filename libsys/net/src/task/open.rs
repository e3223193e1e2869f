//! An open socket: its rings, how far it is, and what was asked about it.
//!
//! Questions belong to the socket and not to whoever waits: a future that is dropped asks for nothing to be ended, and the next one waits for the
//! same answer. Of each half one is current; one that is overtaken by another that tells more stays where it is until the server answers it, which it does
//! when more than [`MOST_WAITING`] wait.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};

use anax_abi::Error;
use anax_socket::{Failure, Kind, MOST_WAITING, Progress, Question, Socket, sockets};
use anax_task::{Call, Reply, Sleep};
use arrayvec::ArrayVec;

use super::attachment::{Attachment, PAUSE, is_crowded};
use super::lending::{Loan, Sending};
use crate::arena::{Lease, Sizes};
use crate::flow::Flow;

/// Whether that is the fate of one datagram.
const fn is_passing(failure: Failure) -> bool {
    matches!(failure, Failure::Unreachable | Failure::Refused | Failure::NoRoute | Failure::TimedOut)
}

/// Which half of a socket waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    Reading,
    Writing,
}

#[derive(Default)]
struct Side {
    current: Option<Call<()>>,
    /// How much was written when that was asked.
    written: u64,
    /// Of whoever waits.
    waker: Option<Waker>,
    /// The way was crowded: until it is tried again.
    pause: Option<Sleep>,
}

struct State {
    flow: Flow,
    /// What has ended it.
    failed: Option<Failure>,
    sides: [Side; 2],
    /// Overtaken, and not answered yet as far as is known. The oldest one goes when there are too many, and has been answered by then.
    past: ArrayVec<Call<()>, MOST_WAITING>,
    /// It has been connected, or bound: what was written is to go out when it is closed.
    is_in_use: bool,
    /// What of it lies elsewhere than in its ring, if anything ever did.
    sending: Option<Rc<Sending>>,
}

/// The socket.
pub(crate) struct Open {
    pub(crate) attachment: Rc<Attachment>,
    pub(crate) thread: u32,
    pub(crate) socket: Socket,
    kind: Kind,
    lease: Option<Lease>,
    state: RefCell<State>,
}

impl Open {
    /// A socket of that thread's.
    pub(crate) fn new(
        attachment: &Rc<Attachment>,
        thread: u32,
        kind: Kind,
        sizes: Sizes,
    ) -> Result<Rc<Self>, Failure> {
        let lease = attachment.arena.lease(sizes)?;
        let socket = attachment.ask(thread, |server| server.open(kind, lease.rings()))?;
        Ok(Self::with(attachment, (thread, socket), kind, lease, false))
    }

    /// One that the server has given.
    pub(crate) fn with(
        attachment: &Rc<Attachment>,
        (thread, socket): (u32, Socket),
        kind: Kind,
        lease: Lease,
        is_in_use: bool,
    ) -> Rc<Self> {
        let rings = lease.rings();
        let state = State {
            flow: Flow::new(rings.receive().1, rings.send().1),
            failed: None,
            sides: Default::default(),
            past: ArrayVec::new(),
            is_in_use,
            sending: None,
        };
        let (attachment, state) = (attachment.clone(), RefCell::new(state));
        Rc::new(Self { attachment, thread, socket, kind, lease: Some(lease), state })
    }

    /// What was written is to go out when it is closed.
    pub(crate) fn use_it(&self) {
        self.state.borrow_mut().is_in_use = true;
    }

    /// Its rings.
    ///
    /// # Panics
    /// If it was closed.
    pub(crate) fn lease(&self) -> &Lease {
        self.lease.as_ref().expect("it is not closed")
    }

    /// How far it is.
    pub(crate) fn flow(&self) -> Flow {
        self.state.borrow().flow
    }

    /// What has ended it.
    pub(crate) fn failed(&self) -> Option<Failure> {
        self.state.borrow().failed
    }

    /// It makes no sense any more.
    pub(crate) fn fail(&self, failure: Failure) -> Failure {
        *self.state.borrow_mut().failed.get_or_insert(failure)
    }

    /// The program is done with so many bytes. Much room is told at once; if that does not go, the next question tells it.
    pub(crate) fn consume(&self, count: usize) {
        let owes = {
            let flow = &mut self.state.borrow_mut().flow;
            flow.consume(count);
            flow.has_untold() && flow.is_told()
        };
        if owes {
            let _later = self.tell();
        }
    }

    /// So many bytes more are written; nobody is told.
    pub(crate) fn commit(&self, count: usize) {
        let state = &mut *self.state.borrow_mut();
        state.flow.commit(count);
        if let Some(sending) = &state.sending {
            sending.write(state.flow.written());
        }
    }

    /// Bytes that lie in a piece, from so many behind what is written on.
    pub(crate) fn lent(&self, behind: usize) -> u64 {
        let state = self.state.borrow();
        let sending = state.sending.as_ref();
        sending.map_or(0, |sending| sending.lent(state.flow.written() + behind as u64))
    }

    /// Has bytes sent from where they lie, from so many behind what is written on.
    pub(crate) fn lend(&self, behind: usize, loan: &Loan) -> Result<(), Failure> {
        let (sending, from) = {
            let state = &mut *self.state.borrow_mut();
            if let Some(failure) = state.failed {
                return Err(failure);
            }
            let (written, taken) = (state.flow.written(), state.flow.taken());
            let begin = || {
                let at = (self.thread, self.socket);
                self.attachment.lending.begin(
                    &self.attachment.arena,
                    at,
                    self.lease().rings(),
                    (written, taken),
                )
            };
            (state.sending.get_or_insert_with(begin).clone(), written + behind as u64)
        };
        self.attachment.lend((self.thread, self.socket), &sending, from, loan)
    }

    /// Tells the server how far it is, if there is anything to tell: by the question for more to read, which whoever reads then waits for.
    pub(crate) fn tell(&self) -> Result<(), Failure> {
        let state = &mut *self.state.borrow_mut();
        if let Some(failure) = state.failed {
            return Err(failure);
        }
        if !state.flow.has_untold() {
            return Ok(());
        }
        self.ask(state, Half::Reading, u64::MAX);
        let waker = state.sides[0].waker.clone().filter(|_| cfg!(not(bite = "net-question-forgotten")));
        let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        match self.poll_current(state, Half::Reading, &mut context) {
            Poll::Ready(Err(failure)) => Err(failure),
            _ => Ok(()),
        }
    }

    /// Ready when the server knows, or will know next, what was written.
    pub(crate) fn poll_told(&self, context: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        loop {
            if self.poll_pause(Half::Writing, context).is_pending() {
                return Poll::Pending;
            }
            match self.tell() {
                Err(failure) if is_crowded(failure) => self.pause(Half::Writing),
                Err(failure) => return Poll::Ready(Err(failure)),
                Ok(()) => break,
            }
        }
        let state = &mut *self.state.borrow_mut();
        let is_sent = |state: &State| state.sides[0].current.as_ref().is_none_or(Call::is_sent);
        if is_sent(state) {
            return Poll::Ready(Ok(()));
        }
        // It waits in line, where this half waits for it now.
        if let Poll::Ready(Err(failure)) = self.poll_current(state, Half::Reading, context) {
            return Poll::Ready(Err(failure));
        }
        if !is_sent(state) {
            return Poll::Pending;
        }
        // Its answer is for whoever reads.
        if let Some(waker) = state.sides[0].waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(()))
    }

    /// Waits until `ready` finds what it looks for. `beyond`: who writes waits for the server to be done with more than what is before that.
    pub(crate) fn poll_until<T>(
        &self,
        half: Half,
        beyond: u64,
        ready: impl Fn(&Flow) -> Option<T>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T, Failure>> {
        loop {
            if self.poll_pause(half, context).is_pending() {
                return Poll::Pending;
            }
            let state = &mut *self.state.borrow_mut();
            // What has come can be read before the end is told; what is written now goes nowhere.
            let found = ready(&state.flow);
            match (state.failed, found) {
                (Some(failure), found) if half == Half::Writing || found.is_none() => {
                    return Poll::Ready(Err(failure));
                }
                (_, Some(found)) => return Poll::Ready(Ok(found)),
                _ => {}
            }
            if state.sides[half as usize].current.is_none() || !state.flow.is_told() {
                self.ask(state, half, beyond);
            }
            match self.poll_current(state, half, context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(failure)) if is_crowded(failure) => {
                    state.sides[half as usize].pause = Some(self.attachment.events.sleep(PAUSE));
                }
                Poll::Ready(Err(failure)) if state.failed.is_none() => return Poll::Ready(Err(failure)),
                Poll::Ready(Err(_)) => {}
                Poll::Pending => {
                    let waker = &mut state.sides[half as usize].waker;
                    if !waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
                        *waker = Some(context.waker().clone());
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn pause(&self, half: Half) {
        let pause = self.attachment.events.sleep(PAUSE);
        self.state.borrow_mut().sides[half as usize].pause = Some(pause);
    }

    fn poll_pause(&self, half: Half, context: &mut Context<'_>) -> Poll<()> {
        let pause = &mut self.state.borrow_mut().sides[half as usize].pause;
        if let Some(sleep) = pause {
            if Pin::new(sleep).poll(context).is_pending() {
                return Poll::Pending;
            }
            *pause = None;
        }
        Poll::Ready(())
    }

    /// A question more, which tells all. It is sent when it is polled.
    fn ask(&self, state: &mut State, half: Half, beyond: u64) {
        let flow = &mut state.flow;
        let question = Question { socket: self.socket, knows_end: flow.peer_closed() };
        let (received, taken) = match half {
            // What was lent is given back when the last of it is acknowledged.
            Half::Reading => (
                flow.received(),
                state.sending.as_ref().and_then(|sending| sending.before_end()).unwrap_or(u64::MAX),
            ),
            Half::Writing => (u64::MAX, beyond.max(flow.taken())),
        };
        let (written, room) = flow.tell();
        let arguments = (question, written, room, received, taken);
        let call = self.attachment.call(self.thread, sockets::EXCHANGE, arguments);
        state.sides[half as usize].written = written;
        if let Some(overtaken) = state.sides[half as usize].current.replace(call)
            && overtaken.is_sent()
        {
            if state.past.is_full() {
                drop(state.past.remove(0));
            }
            state.past.push(overtaken);
        }
    }

    /// The current question of a half, if there is one: what has come of it.
    fn poll_current(
        &self,
        state: &mut State,
        half: Half,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Failure>> {
        let side = &mut state.sides[half as usize];
        let Some(current) = &mut side.current else { return Poll::Ready(Ok(())) };
        if !current.is_sent() && side.written != state.flow.written() {
            // Meanwhile the other half has told more, and positions never go back.
            side.current = None;
            return Poll::Ready(Ok(()));
        }
        let Poll::Ready((reply, ())) = Pin::new(current).poll(context) else { return Poll::Pending };
        side.current = None;
        Poll::Ready(self.hear(state, half, reply))
    }

    fn hear(&self, state: &mut State, half: Half, reply: Result<Reply, Error>) -> Result<(), Failure> {
        let heard = self.attachment.outcome::<Progress>(reply).and_then(|progress| {
            let known = (state.flow.received(), state.flow.taken(), state.flow.peer_closed());
            state.flow.hear(progress).map_err(|_| Error::PeerMisbehaved)?;
            if let Some(sending) = &state.sending {
                sending.take(state.flow.taken());
            }
            Ok(known != (state.flow.received(), state.flow.taken(), state.flow.peer_closed()))
        });
        let other = &mut state.sides[1 - half as usize].waker;
        match heard {
            Ok(false) => Ok(()),
            Ok(true) => {
                if let Some(waker) = other.take() {
                    waker.wake();
                }
                Ok(())
            }
            Err(failure @ Failure::Way(code))
                if ![Error::PeerDied, Error::PeerMisbehaved].contains(&Error::from_code(code.into())) =>
            {
                // It was not asked.
                state.flow.untell();
                Err(failure)
            }
            // What a datagram has come to is told once, and the socket goes on. That question has told nothing.
            Err(failure) if self.kind == Kind::Datagram && is_passing(failure) => {
                state.flow.untell();
                Err(failure)
            }
            Err(failure) => {
                state.failed.get_or_insert(failure);
                if let Some(sending) = &state.sending {
                    sending.end();
                }
                if let Some(waker) = other.take() {
                    waker.wake();
                }
                Err(failure)
            }
        }
    }

    /// Asks the server to close it, by a future that sees to its end whatever becomes of whoever waits for it.
    pub(crate) fn close(&mut self) -> Option<impl Future<Output = Result<(), Failure>> + use<>> {
        let lease = self.lease.take()?;
        if self.attachment.is_dead() {
            self.attachment.lending.over(self.thread, self.socket);
            return None;
        }
        let _late = self.tell();
        let state = self.state.get_mut();
        if !state.is_in_use {
            self.attachment.lending.over(self.thread, self.socket);
            let aborted = self.attachment.ask(self.thread, |server| server.abort(self.socket));
            if matches!(aborted, Err(Failure::Way(_))) && !self.attachment.is_dead() {
                // It may be in use as before.
                mem::forget(lease);
            }
            return None;
        }
        let mut questions: Vec<_> = state.past.drain(..).collect();
        questions.extend(state.sides.iter_mut().filter_map(|side| side.current.take()));
        Some(self.attachment.close(self.thread, self.socket, lease, questions))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(closing) = self.close() {
            let reaper = self.attachment.reaper.clone();
            reaper.reap(async { _ = closing.await });
        }
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("thread", &self.thread)
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}
