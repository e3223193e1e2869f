//! A call as a future: waits for a place, sends, waits for the reply.

use alloc::boxed::Box;
use alloc::rc::Rc;
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};

use anax_abi::{Error, Flags, Message, MessageNumber, WORDS};
use anax_sys::{Beside, Target};

use crate::kernel::{Arrived, Handles};
use crate::permits::Waiter;
use crate::shared::Shared;
use crate::slots::Key;

/// A reply that says yes. Handles in it are the caller's to close.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The result.
    pub result: u64,
    /// The words.
    pub words: [u64; WORDS],
    /// What came beside it.
    pub handles: Handles,
}

/// A call, and what it owns while it is under way. It ends with both.
#[must_use = "nothing is sent before it is polled"]
pub struct Call<T: 'static> {
    shared: Rc<Shared>,
    target: Target,
    message: Message,
    beside: Option<Beside>,
    state: State<T>,
}

enum State<T> {
    /// Not sent yet.
    Waiting {
        place: Option<Rc<Waiter>>,
        owned: T,
    },
    /// The reply is due.
    UnderWay {
        key: Key,
        number: MessageNumber,
    },
    Ended,
}

/// What is owned is never pinned here.
impl<T> Unpin for Call<T> {}

impl<T: 'static> Call<T> {
    pub(crate) const fn new(
        shared: Rc<Shared>,
        target: Target,
        message: Message,
        beside: Option<Beside>,
        owned: T,
    ) -> Self {
        Self { shared, target, message, beside, state: State::Waiting { place: None, owned } }
    }

    /// Whether its message was sent: not before it is first polled, and not while others are before it in line.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        matches!(self.state, State::UnderWay { .. } | State::Ended)
    }

    /// A place in the table is kept for it: sends.
    fn send(&mut self, owned: T) -> Result<(), (Error, T)> {
        let calls = &self.shared.calls;
        let key = match calls.claim(Box::new(owned)) {
            Ok(key) => key,
            Err(owned) => return Err((Error::Full, *owned.downcast().expect("what was put in just now"))),
        };
        let flags = self.message.flags.with(Flags::ABORTABLE);
        let message = Message { token: key.to_token(), flags, ..self.message };
        match self.shared.kernel.send(self.target, &message, self.beside.take()) {
            Ok(number) => {
                self.state = State::UnderWay { key, number };
                Ok(())
            }
            Err(error) => {
                let owned = calls.unsend(key).and_then(|owned| owned.downcast().ok());
                Err((error, *owned.expect("what was put in just now")))
            }
        }
    }
}

impl<T: 'static> Future for Call<T> {
    type Output = (Result<Reply, Error>, T);

    /// # Panics
    /// If it has ended before.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let call = &mut *self;
        if let State::Waiting { place, .. } = &mut call.state {
            if call.shared.calls.permits.poll(place, context).is_pending() {
                return Poll::Pending;
            }
            if let State::Waiting { owned, .. } = mem::replace(&mut call.state, State::Ended)
                && let Err((error, owned)) = call.send(owned)
            {
                return Poll::Ready((Err(error), owned));
            }
        }
        let State::UnderWay { key, .. } = call.state else { panic!("a call that has ended was polled") };
        let Poll::Ready((reply, owned)) = call.shared.calls.poll(key, context) else { return Poll::Pending };
        call.state = State::Ended;
        let owned = owned.downcast().expect("what this call put in");
        Poll::Ready((answer(&call.shared, &reply), *owned))
    }
}

fn answer(shared: &Shared, reply: &Arrived) -> Result<Reply, Error> {
    match u64::try_from(reply.result) {
        Ok(result) => Ok(Reply { result, words: reply.words, handles: reply.handles }),
        Err(_) => {
            shared.close_all(reply.handles);
            Err(Error::from_code(reply.result))
        }
    }
}

impl<T: 'static> Drop for Call<T> {
    fn drop(&mut self) {
        match mem::replace(&mut self.state, State::Ended) {
            State::Waiting { place: Some(place), .. } => self.shared.calls.permits.leave(&place),
            State::UnderWay { key, number } => match self.shared.calls.abandon(key) {
                None if cfg!(bite = "task-abort-unsaid") => {}
                None => {
                    // Its reply may be on the way already: then there is nothing to abort.
                    let _ended = self.shared.kernel.abort(number);
                }
                Some(reply) => self.shared.close_all(reply.handles),
            },
            State::Waiting { place: None, .. } | State::Ended => {}
        }
    }
}

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Waiting { .. } => "waiting",
            State::UnderWay { .. } => "under way",
            State::Ended => "ended",
        };
        f.debug_struct("Call").field("target", &self.target).field("state", &state).finish_non_exhaustive()
    }
}
