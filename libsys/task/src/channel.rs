//! A channel's asking side as futures: many requests in flight, at most one doorbell in a round of the executor's.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use anax_abi::{Error, Message, WORDS};
use anax_ring::{Completion, Doorbell, Requester, Sleep, SubmitError};
use anax_sys::object::Channel;

use crate::kernel::Kernel;
use crate::listeners::Kind;
use crate::permits::Waiter;
use crate::shared::Shared;
use crate::slots::{Key, Slots};

/// A channel as the loop sees it.
pub(crate) trait Pump {
    /// Takes what has come, puts in what was submitted, and rings once if the other side sleeps.
    fn turn(&self, kernel: &dyn Kernel);
    /// Whether nothing is left to do until the doorbell rings. It may have rung the other side, and is to be asked again then.
    fn may_sleep(&self, kernel: &dyn Kernel) -> bool;
    /// Whether nothing is under way.
    fn is_idle(&self) -> bool;
    /// The badge of its doorbell.
    fn badge(&self) -> u64;
}

struct Inner<const N: usize> {
    requester: RefCell<Requester<'static, N>>,
    /// Submitted and not in the ring yet, at most as many as there are slots.
    waiting: RefCell<VecDeque<Message>>,
    slots: Slots<Message>,
    channel: Channel,
    badge: u64,
    /// The peer was caught, and its epoch is not over.
    is_caught: Cell<bool>,
}

/// Asks by a channel, with up to `N` requests in flight; the next one waits in line. Copies are the same one. Its futures belong to tasks
/// of its own executor.
pub struct ChannelClient<const N: usize> {
    shared: Rc<Shared>,
    inner: Rc<Inner<N>>,
}

impl<const N: usize> Clone for ChannelClient<N> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone(), inner: self.inner.clone() }
    }
}

impl<const N: usize> ChannelClient<N> {
    pub(crate) fn new(
        shared: Rc<Shared>,
        requester: Requester<'static, N>,
        channel: Channel,
        badge: u64,
    ) -> Result<Self, Error> {
        let _heard_by_waking = shared.listeners.add(badge, Kind::Channel)?;
        let inner = Rc::new(Inner {
            requester: RefCell::new(requester),
            waiting: RefCell::default(),
            slots: Slots::new(N),
            channel,
            badge,
            is_caught: Cell::new(false),
        });
        shared.channels.borrow_mut().push(inner.clone());
        Ok(Self { shared, inner })
    }

    /// Asks, in the round in which it is first polled, and waits for the answer: result and words.
    ///
    /// It ends with what the answer says; `PeerDied` if the server died over it, and a successor may be there already;
    /// `PeerMisbehaved`.
    pub fn submit(
        &self,
        message: Message,
    ) -> impl Future<Output = Result<(u64, [u64; WORDS]), Error>> + use<N> {
        let submission = self.submit_with_buffers(message, ());
        async { submission.await.0 }
    }

    /// [`ChannelClient::submit`] of a request that reads or writes `owned` while it is under way. It comes back with the answer; if the
    /// future is dropped before, it is kept until the answer has come.
    pub fn submit_with_buffers<T: 'static>(&self, message: Message, owned: T) -> Submission<T, N> {
        Submission { client: self.clone(), message, state: State::Waiting { place: None, owned } }
    }

    /// Requests whose answer is due, whether or not somebody waits for it.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.inner.slots.in_flight()
    }
}

impl<const N: usize> Inner<N> {
    /// What has come. Bounded: no more can come than are in flight, but for epochs.
    fn take(&self, requester: &mut Requester<'static, N>) {
        for _ in 0..2 * N {
            match requester.complete() {
                Ok(Completion::Reply(reply)) => {
                    let _ended = self.slots.complete(reply.token, reply);
                }
                Ok(Completion::NewPeer(_)) => self.is_caught.set(false),
                Ok(Completion::Nothing) => break,
                // Said once when the peer is caught; then each request comes back with it.
                Err(_) if !self.is_caught.replace(true) => {}
                Err(_) => break,
            }
        }
    }

    fn put(&self, requester: &mut Requester<'static, N>, kernel: &dyn Kernel) {
        loop {
            // Not borrowed while a request is completed: what it owned is dropped there.
            let next = self.waiting.borrow_mut().pop_front();
            let Some(message) = next else { return };
            match requester.submit(&message) {
                Ok(()) if cfg!(bite = "task-doorbell-each") => self.show(requester, kernel),
                Ok(()) => {}
                // Whoever is asked has not taken what is in the ring; its answers will wake this thread.
                Err(SubmitError::Full) => return self.waiting.borrow_mut().push_front(message),
                Err(SubmitError::Misbehaved) => {
                    let lost = Message { result: Error::PeerMisbehaved.code(), ..message };
                    let _ended = self.slots.complete(message.token, lost);
                }
            }
        }
    }

    fn show(&self, requester: &mut Requester<'static, N>, kernel: &dyn Kernel) {
        if requester.flush() == Ok(Doorbell::Ring) {
            // A peer that is gone is told of by an epoch.
            let _gone = kernel.ring(self.channel);
        }
    }
}

impl<const N: usize> Pump for Inner<N> {
    fn turn(&self, kernel: &dyn Kernel) {
        let requester = &mut *self.requester.borrow_mut();
        self.take(requester);
        self.put(requester, kernel);
        self.show(requester, kernel);
    }

    fn may_sleep(&self, kernel: &dyn Kernel) -> bool {
        match self.requester.borrow_mut().prepare_to_sleep() {
            Ok(Sleep::MaySleep) => true,
            Ok(Sleep::MoreToDo) => false,
            Ok(Sleep::RingFirst) => {
                let _gone = kernel.ring(self.channel);
                false
            }
            // Caught: once the loss is told, only a new epoch helps, whose notice comes by the doorbell.
            Err(_) => self.is_caught.get(),
        }
    }

    fn is_idle(&self) -> bool {
        self.slots.in_flight() == 0
    }

    fn badge(&self) -> u64 {
        self.badge
    }
}

/// A request by a channel, and what it owns while it is under way. It ends with both.
#[must_use = "nothing is submitted before it is polled"]
pub struct Submission<T: 'static, const N: usize> {
    client: ChannelClient<N>,
    message: Message,
    state: State<T>,
}

enum State<T> {
    Waiting { place: Option<Rc<Waiter>>, owned: T },
    UnderWay(Key),
    Ended,
}

/// What is owned is never pinned here.
impl<T, const N: usize> Unpin for Submission<T, N> {}

impl<T: 'static, const N: usize> Future for Submission<T, N> {
    type Output = (Result<(u64, [u64; WORDS]), Error>, T);

    /// # Panics
    /// If it has ended before.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { client, message, state } = &mut *self;
        let slots = &client.inner.slots;
        if let State::Waiting { place, .. } = state {
            if slots.permits.poll(place, context).is_pending() {
                return Poll::Pending;
            }
            if let State::Waiting { owned, .. } = mem::replace(state, State::Ended) {
                let Ok(key) = slots.claim(Box::new(owned)) else { unreachable!("a permit is a place") };
                *state = State::UnderWay(key);
                // The loop puts it in the ring before it sleeps, with all others of this round.
                client.inner.waiting.borrow_mut().push_back(Message { token: key.to_token(), ..*message });
            }
        }
        let State::UnderWay(key) = *state else { panic!("a request that has ended was polled") };
        let Poll::Ready((reply, owned)) = slots.poll(key, context) else { return Poll::Pending };
        *state = State::Ended;
        let owned = owned.downcast().expect("what this request put in");
        Poll::Ready((reply.outcome().map(|result| (result, reply.words)), *owned))
    }
}

impl<T: 'static, const N: usize> Drop for Submission<T, N> {
    fn drop(&mut self) {
        let slots = &self.client.inner.slots;
        match mem::replace(&mut self.state, State::Ended) {
            State::Waiting { place: Some(place), .. } => slots.permits.leave(&place),
            State::UnderWay(key) => drop(slots.abandon(key)),
            State::Waiting { place: None, .. } | State::Ended => {}
        }
    }
}

impl<T, const N: usize> fmt::Debug for Submission<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("message", &self.message).finish_non_exhaustive()
    }
}

impl<const N: usize> fmt::Debug for ChannelClient<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelClient").field("in_flight", &self.in_flight()).finish_non_exhaustive()
    }
}
