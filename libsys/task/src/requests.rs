//! Requests as their servers see them: a stream, and in it one-shots that can't be forgotten.

use alloc::rc::Rc;
use core::fmt;
use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll};

use anax_abi::{Error, MessageNumber, WORDS};
use anax_sys::{Beside, Target};
use futures_core::Stream;

use crate::incoming::Held;
use crate::kernel::Handles;
use crate::shared::Shared;
use crate::waiters::SeatNumber;

/// The requests that come to the port, a stream without an end.
pub struct Requests {
    shared: Rc<Shared>,
    seat: SeatNumber,
}

impl Requests {
    pub(crate) fn new(shared: Rc<Shared>) -> Self {
        shared.incoming.open();
        let seat = shared.incoming.waiters.number();
        Self { shared, seat }
    }

    /// The next one.
    pub async fn next(&mut self) -> Request {
        poll_fn(|context| self.poll_request(context)).await
    }

    fn poll_request(&self, context: &Context<'_>) -> Poll<Request> {
        let incoming = &self.shared.incoming;
        let Some((arrived, held)) = incoming.take() else {
            incoming.waiters.wait(self.seat, context);
            return Poll::Pending;
        };
        Poll::Ready(Request {
            command: arrived.envelope.command(),
            badge: arrived.badge,
            words: arrived.words,
            handles: arrived.handles,
            due: Some(arrived.number),
            held,
            shared: self.shared.clone(),
        })
    }
}

impl Stream for Requests {
    type Item = Request;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        self.poll_request(context).map(Some)
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        self.shared.incoming.waiters.leave(self.seat);
        let refused = self.shared.incoming.leave();
        self.shared.refuse(refused);
    }
}

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").finish_non_exhaustive()
    }
}

/// A request: to be answered once. Dropped without, it is answered with `Aborted`, and its handles are closed.
#[must_use = "whoever asked waits for the answer"]
pub struct Request {
    /// What is asked.
    pub command: u32,
    /// The badge of the handle that it was asked by.
    pub badge: u64,
    /// Its words.
    pub words: [u64; WORDS],
    handles: Handles,
    /// Its number, until it is answered.
    due: Option<MessageNumber>,
    held: Rc<Held>,
    shared: Rc<Shared>,
}

impl Request {
    /// The handles that came along, the caller's from now on. Those that are not taken are closed.
    pub fn take_handles(&mut self) -> Handles {
        core::mem::take(&mut self.handles)
    }

    /// Whether whoever sent it has asked for its early end. It is to be answered all the same.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.held.is_aborted.get()
    }

    /// Waits until whoever sent it asks for its early end.
    pub async fn aborted(&self) {
        let seat = self.held.waiters.seat();
        poll_fn(|context| {
            if self.is_aborted() {
                return Poll::Ready(());
            }
            seat.wait(context);
            Poll::Pending
        })
        .await;
    }

    /// Answers it, with a result of at most `i64::MAX`.
    ///
    /// # Errors
    /// `BadHandle`: whoever asked has gone, or waits no longer.
    pub fn reply(self, result: Result<u64, Error>, words: [u64; WORDS]) -> Result<(), Error> {
        self.answer(result, words, None)
    }

    /// Answers it with a handle beside the answer.
    ///
    /// # Errors
    /// Those of [`Request::reply`], and what the handle is refused for: `NoSlot`, `NoRights`. It is answered with that error then.
    pub fn reply_with(
        self,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        beside: Beside,
    ) -> Result<(), Error> {
        self.answer(result, words, Some(beside))
    }

    fn answer(
        mut self,
        result: Result<u64, Error>,
        words: [u64; WORDS],
        beside: Option<Beside>,
    ) -> Result<(), Error> {
        let Some(number) = self.settle() else { return Err(Error::BadHandle) };
        let outcome = self.shared.kernel.reply(number, result, words, beside);
        if let Err(error) = outcome
            && beside.is_some()
        {
            let _gone = self.shared.kernel.reply(number, Err(error), [0; WORDS], None);
        }
        outcome
    }

    /// Passes it on to another server, which answers whoever sent it. Handles that came along stay here.
    ///
    /// # Errors
    /// As [`Target::forwardmsg`]: it is still to be answered here.
    pub fn forward(&mut self, target: Target, command: u32, words: [u64; WORDS]) -> Result<(), Error> {
        let number = self.due.ok_or(Error::BadHandle)?;
        self.shared.kernel.forward(target, number, command, words)?;
        let _passed_on = self.settle();
        Ok(())
    }

    /// It is not to be answered any more.
    fn settle(&mut self) -> Option<MessageNumber> {
        let number = self.due.take()?;
        self.shared.incoming.answered(number.to_word());
        Some(number)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(number) = self.settle()
            && cfg!(not(bite = "task-request-forgotten"))
        {
            let _gone = self.shared.kernel.reply(number, Err(Error::Aborted), [0; WORDS], None);
        }
        let handles = self.take_handles();
        self.shared.close_all(handles);
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("command", &self.command)
            .field("badge", &self.badge)
            .field("words", &self.words)
            .field("due", &self.due)
            .finish_non_exhaustive()
    }
}
