//! Answers that are given later: how a server serves others while somebody waits.

use core::marker::PhantomData;

use crate::beside::Gifts;
use crate::fixed::{Failure, Fixed, Writer};
use crate::message::Reply;

/// The right to answer one request, once, whenever that is. As an argument of a method, in place of what it returns:
/// `fn wait(&mut self, name: Name, later: Later<Gift, Error>)`. Whoever drops it leaves a client waiting for ever.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "somebody waits for the answer"]
pub struct Later<V, E> {
    ticket: u64,
    answer: PhantomData<fn() -> Result<V, E>>,
}

/// An answer to be sent: by `anax_service::send`, and by a test as it likes.
#[derive(Clone, Copy, Debug)]
#[must_use = "somebody waits for the answer"]
pub struct Answered {
    /// Which request it answers.
    pub ticket: u64,
    /// The answer.
    pub reply: Reply,
    /// The handles that go with it.
    pub gifts: Gifts,
}

impl<V: Fixed, E: Failure> Later<V, E> {
    /// For the request of that ticket. Used by generated dispatchers.
    #[inline]
    pub const fn new(ticket: u64) -> Self {
        Self { ticket, answer: PhantomData }
    }

    /// By what it can be told from others.
    #[must_use]
    pub const fn ticket(&self) -> u64 {
        self.ticket
    }

    /// The answer.
    pub fn answer(self, answer: Result<V, E>) -> Answered {
        let (reply, gifts) = match answer {
            Ok(value) => {
                let mut writer = Writer::default();
                value.put(&mut writer);
                let (words, gifts) = writer.finish_with();
                (Reply { code: 0, words, length: 0 }, gifts)
            }
            Err(failure) => (Reply::failed(failure.code().min(-1)), Gifts::NONE),
        };
        Answered { ticket: self.ticket, reply, gifts }
    }
}
