//! Several questions and one doorbell: each method of fixed layout gives a ticket, and the answers are there when all have come.

use core::marker::PhantomData;

use anax_abi::Error;

use crate::client::Transport;
use crate::fixed::{Failure, Fixed, Reader};
use crate::message::{Reply, Request};

/// What carries many questions at a time.
pub trait Batching: Transport {
    /// What was taken along and not collected is of no interest any more: its answers are never handed over.
    fn begin(&mut self);

    /// Takes a question of fixed layout along. The server hears of it with [`collect`](Self::collect) at the latest.
    ///
    /// # Errors
    /// `Full` if no more can be under way; what else the way there can fail with. It was not taken.
    fn submit(&mut self, request: &Request<'_>, token: u64) -> Result<(), Error>;

    /// Tells the server once, waits until nothing is under way any more, and hands over what came of each question, by its token, in whatever
    /// order: also that its answer will never come.
    fn collect(&mut self, each: impl FnMut(u64, Result<Reply, Error>));
}

/// Up to `N` questions that are asked together.
#[derive(Debug)]
pub struct Batch<'t, T, const N: usize> {
    transport: &'t mut T,
    used: usize,
}

/// A question's place among the answers.
#[derive(Debug)]
#[must_use = "its answer is asked for with it"]
pub struct Ticket<V, E> {
    place: usize,
    answer: PhantomData<fn() -> Result<V, E>>,
}

/// What came of a batch.
#[derive(Debug)]
pub struct Answers<const N: usize>([Option<Result<Reply, Error>>; N]);

impl<'t, T: Batching, const N: usize> Batch<'t, T, N> {
    /// Nothing asked yet. One that is dropped unfinished may have been asked all the same, and nobody hears the answers.
    #[inline(always)]
    pub fn new(transport: &'t mut T) -> Self {
        transport.begin();
        Self { transport, used: 0 }
    }

    /// Takes a question along. Used by generated clients.
    ///
    /// # Errors
    /// `Full` if there are `N`, and as [`Batching::submit`].
    #[inline(always)]
    pub fn ask<V: Fixed, E: Failure>(&mut self, request: &Request<'_>) -> Result<Ticket<V, E>, Error> {
        if self.used == N {
            return Err(Error::Full);
        }
        self.transport.submit(request, self.used as u64)?;
        self.used += 1;
        Ok(Ticket { place: self.used - 1, answer: PhantomData })
    }

    /// Asks all, and waits for all answers.
    #[inline(always)]
    pub fn finish(self) -> Answers<N> {
        let mut answers = [None; N];
        self.transport.collect(|token, answer| {
            let place = usize::try_from(token).ok().and_then(|token| answers.get_mut(token));
            place.into_iter().for_each(|place| *place = Some(answer));
        });
        Answers(answers)
    }
}

impl<const N: usize> Answers<N> {
    /// The answer for a ticket of this batch.
    ///
    /// # Errors
    /// What the method failed with; `PeerDied` if the server has died over it, for a batch is not asked again.
    #[inline(always)]
    pub fn take<V: Fixed, E: Failure>(&mut self, ticket: Ticket<V, E>) -> Result<V, E> {
        let reply = self.0.get_mut(ticket.place).and_then(Option::take).unwrap_or(Err(Error::PeerDied))?;
        if reply.code < 0 {
            return Err(E::from_code(reply.code));
        }
        V::take(&mut Reader::new(reply.words)).ok_or_else(|| Error::PeerMisbehaved.into())
    }
}
