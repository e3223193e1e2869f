//! The answering side: takes requests, replies in any order, to each once.
//!
//! With each request comes a ticket that can't be copied and is used up by the reply. It knows its channel and its epoch, so
//! a reply never reaches a client that did not ask.

use anax_abi::{Flags, Message};

use crate::{Doorbell, Endpoint, Epoch, Misbehaved, PushError, ReplyError, Sleep};

/// The answering side of a channel, used by one thread.
#[derive(Debug)]
pub struct Responder<'a> {
    endpoint: Endpoint<'a>,
    /// Requests taken and not replied to.
    outstanding: u32,
}

/// The right to reply to one request, once.
///
/// One that is dropped leaves the client waiting; to refuse, reply with an error.
#[derive(Debug)]
#[must_use = "each request is to be replied to"]
pub struct Ticket {
    token: u64,
    epoch: Epoch,
    /// The address of the channel's epoch, which tells channels apart.
    channel: usize,
}

/// What [`Responder::take`] finds.
#[derive(Debug)]
#[must_use = "each request is to be replied to"]
pub enum Taken {
    /// A request, as foreign as any, and the right to reply. The token in it is zero: it means something to the client only.
    Request(Message, Ticket),
    /// Another client has taken over, in this epoch. Nothing that the old one set up holds for it; tickets of the old one are
    /// stale.
    NewPeer(Epoch),
    /// Nothing yet.
    Nothing,
}

impl<'a> Responder<'a> {
    /// The answering side over an endpoint, from which nothing was sent.
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>) -> Self {
        Self { endpoint, outstanding: 0 }
    }

    /// Requests taken and not replied to.
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// The epoch that this side lives in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.endpoint.epoch()
    }

    /// The next event. A loop that takes them until [`Taken::Nothing`], replies, flushes, then sleeps, misses none.
    ///
    /// # Errors
    /// [`Misbehaved`] if the client broke the protocol, now or earlier; also if it has more requests in flight than there is
    /// room for replies.
    #[inline(always)]
    pub fn take(&mut self) -> Result<Taken, Misbehaved> {
        if let Some(epoch) = self.endpoint.moved()? {
            self.rebind(epoch);
            return Ok(Taken::NewPeer(epoch));
        }
        let Some(request) = self.endpoint.consumer.pop().map_err(|_| self.endpoint.poison())? else {
            return Ok(Taken::Nothing);
        };
        if self.outstanding >= self.endpoint.producer.capacity() {
            return Err(self.endpoint.poison());
        }
        self.outstanding += 1;
        let ticket =
            Ticket { token: request.token, epoch: self.epoch(), channel: self.endpoint.watch.address() };
        Ok(Taken::Request(Message { token: 0, ..request }, ticket))
    }

    /// Replies with `reply`'s result and words; the client sees it after [`Self::flush`].
    ///
    /// # Errors
    /// [`ReplyError`]. Whichever it is, nothing more is to be done for the request.
    #[inline(always)]
    pub fn reply(&mut self, ticket: Ticket, reply: &Message) -> Result<(), ReplyError> {
        if ticket.channel != self.endpoint.watch.address() {
            return Err(ReplyError::WrongChannel);
        }
        if ticket.epoch != self.epoch() && cfg!(not(bite = "ring-ticket-unchecked")) {
            return Err(ReplyError::Stale);
        }
        self.outstanding = self.outstanding.saturating_sub(1);
        match self.endpoint.producer.push_as(reply, ticket.token, reply.flags.with(Flags::REPLY)) {
            Ok(()) => Ok(()),
            // It did not reserve what it asked for.
            Err(PushError::Full | PushError::Misbehaved) => Err(self.endpoint.poison().into()),
        }
    }

    /// Shows the client all replies, gives its request slots back, and says whether it has to be rung.
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Self::take`].
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        self.endpoint.flush().map_err(|_| self.endpoint.poison())
    }

    /// Flushes, and asks to be rung for the next event; the caller then waits if it [may](Sleep::MaySleep).
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Self::take`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        self.endpoint.prepare_to_sleep().map_err(|_| self.endpoint.poison())
    }

    /// Goes on with another client in an epoch that the kernel named, as [`Taken::NewPeer`] does by itself. The same epoch
    /// again does nothing.
    pub fn rebind(&mut self, epoch: Epoch) {
        if epoch != self.endpoint.epoch() {
            self.endpoint.rebind(epoch);
            self.outstanding = 0;
        }
    }
}
