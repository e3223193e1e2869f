//! The asking side: requests go out, each comes back exactly once.
//!
//! What is in flight is known from a private table alone. A reply that names no request in flight is a lie. When the peer dies,
//! or lies, each request in flight ends once with an error from that table; or it is taken back and, if doing it twice does no
//! harm, submitted to the successor.
//!
//! No more requests are in flight than the reply ring has slots, so a server never waits for room to reply.

mod table;

use anax_abi::{Error, Flags, Message};

use crate::{Doorbell, Endpoint, Epoch, Misbehaved, Sleep, SubmitError};
use table::Table;

/// The asking side of a channel with up to `N` requests in flight, used by one thread.
#[derive(Debug)]
pub struct Requester<'a, const N: usize> {
    endpoint: Endpoint<'a>,
    table: Table<N>,
    /// The most that may be in flight.
    limit: u32,
}

/// What [`Requester::complete`] finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completion {
    /// A request has ended. Command and token are the request's, whatever the peer wrote; [`Message::outcome`] says how it
    /// ended, with [`Error::PeerDied`] or [`Error::PeerMisbehaved`] if its reply will never come.
    Reply(Message),
    /// A successor has taken over, in this epoch. The requests that were in flight come next, each once, with
    /// [`Error::PeerDied`], unless [`Requester::take_lost`] takes them back first. New ones can be submitted at once.
    NewPeer(Epoch),
    /// Nothing yet.
    Nothing,
}

impl<'a, const N: usize> Requester<'a, N> {
    /// The asking side over an endpoint, from which nothing was sent.
    #[must_use]
    pub fn new(endpoint: Endpoint<'a>) -> Self {
        let replies =
            if cfg!(bite = "ring-reply-unreserved") { u32::MAX } else { endpoint.consumer.capacity() };
        Self { limit: replies.min(N as u32), endpoint, table: Table::new() }
    }

    /// Requests that have not ended yet.
    #[must_use]
    pub const fn in_flight(&self) -> u32 {
        self.table.in_flight()
    }

    /// The epoch that this side lives in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.endpoint.epoch()
    }

    /// Puts a request in the ring; the peer sees it after [`Self::flush`]. Its token is the caller's own and needn't be
    /// unique; whoever serves it never sees it.
    ///
    /// # Errors
    /// [`SubmitError`]; the request was not taken.
    #[inline(always)]
    pub fn submit(&mut self, request: &Message) -> Result<(), SubmitError> {
        if self.table.in_flight() >= self.limit {
            return Err(SubmitError::Full);
        }
        self.endpoint.producer.reserve().map_err(|error| self.seen(error))?;
        let token = self.table.claim(request).ok_or(SubmitError::Full)?;
        Ok(self.endpoint.producer.push_as(request, token, request.flags)?)
    }

    /// The next event. A loop that takes them until [`Completion::Nothing`], then flushes, then sleeps, misses none.
    ///
    /// # Errors
    /// [`Misbehaved`] once when the peer is caught. From then on each request in flight comes back once with
    /// [`Error::PeerMisbehaved`], and then this error again until there is a new epoch.
    #[inline(always)]
    pub fn complete(&mut self) -> Result<Completion, Misbehaved> {
        if self.table.lost() > 0 {
            return Ok(self.complete_lost());
        }
        match self.endpoint.moved() {
            Ok(None) => {}
            Ok(Some(epoch)) => {
                self.rebind(epoch);
                return Ok(Completion::NewPeer(epoch));
            }
            Err(error) => return Err(self.seen(error)),
        }
        match self.endpoint.consumer.pop() {
            Ok(Some(reply)) => match self.table.finish(reply.token) {
                Some(request) => {
                    let (token, command) = (request.token, request.command);
                    Ok(Completion::Reply(Message {
                        token,
                        command,
                        flags: reply.flags.with(Flags::REPLY),
                        ..reply
                    }))
                }
                None => Err(self.seen(Misbehaved)),
            },
            Ok(None) => Ok(Completion::Nothing),
            Err(error) => Err(self.seen(error)),
        }
    }

    /// Takes back the lost request that was submitted first, as it was submitted, instead of having it completed with an
    /// error: for requests that may safely be done twice, to be submitted again. Call it after [`Completion::NewPeer`], until
    /// it has no more.
    pub fn take_lost(&mut self) -> Option<Message> {
        self.table.take_lost().map(|(request, _)| request)
    }

    /// Shows the peer all that was submitted and taken, and says whether it has to be rung.
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Self::complete`].
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        self.endpoint.flush().map_err(|error| self.seen(error))
    }

    /// Flushes, and asks to be rung for the next event; the caller then waits if it [may](Sleep::MaySleep).
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Self::complete`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        if self.table.lost() > 0 {
            return Ok(Sleep::MoreToDo);
        }
        self.endpoint.prepare_to_sleep().map_err(|error| self.seen(error))
    }

    /// Goes on with a successor in an epoch that the kernel named. What is in flight counts as lost, as after
    /// [`Completion::NewPeer`], which does the same by itself when the epoch is posted. The same epoch again does nothing.
    pub fn rebind(&mut self, epoch: Epoch) {
        if epoch != self.endpoint.epoch() {
            self.endpoint.rebind(epoch);
            self.table.lose_all(Error::PeerDied);
        }
    }

    #[cold]
    fn complete_lost(&mut self) -> Completion {
        let Some((request, reason)) = self.table.take_lost() else { return Completion::Nothing };
        #[cfg(bite = "ring-epoch-from-shared")]
        let request = Message { token: self.endpoint.producer.token_in_slot(0), ..request };
        Completion::Reply(Message {
            result: reason.code(),
            flags: Flags::REPLY,
            handles: 0,
            words: Default::default(),
            ..request
        })
    }

    /// Hands on an error. If the peer misbehaved, nothing more is believed, and what is in flight is lost.
    #[cold]
    fn seen<E: Copy + PartialEq + From<Misbehaved>>(&mut self, error: E) -> E {
        if error == Misbehaved.into() {
            self.endpoint.poison();
            self.table.lose_all(Error::PeerMisbehaved);
        }
        error
    }
}
