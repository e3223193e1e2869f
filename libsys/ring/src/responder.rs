//! The answering side: takes requests, replies in any order, to each once.
//!
//! With each request comes a ticket that can't be copied and is used up by the reply. It knows its channel and its epoch, so
//! a reply never reaches a client that did not ask.

use anax_abi::{Flags, Message};

use crate::{
    AdoptError, Doorbell, Endpoint, Epoch, Misbehaved, PushError, ReplyError, Sleep, Suspended, TicketWords,
};

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

impl Ticket {
    /// For [`Responder::adopt`] in another program, which replies in this one's place.
    #[must_use]
    pub const fn to_words(&self) -> TicketWords {
        TicketWords { token: self.token, epoch: self.epoch.number() }
    }
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

    /// Goes on where another responder was [suspended](Self::suspend), in the same epoch: the client notices nothing. `tickets` are
    /// those of all its requests that are not answered; they come back restored, in the same order.
    ///
    /// Believes neither: the channel's words have to say the same, and each ticket has to be there once. The endpoint is one that has
    /// not [arrived](Endpoint::unarrived). Whoever was suspended must not go on after this.
    ///
    /// # Errors
    /// [`AdoptError`]; nothing was written to the channel.
    pub fn adopt<I>(
        mut endpoint: Endpoint<'a>,
        state: Suspended,
        tickets: I,
    ) -> Result<(Self, impl Iterator<Item = Ticket> + use<'a, I>), AdoptError>
    where
        I: ExactSizeIterator<Item = TicketWords> + Clone,
    {
        let epoch = endpoint.epoch();
        if state.epoch != epoch || endpoint.moved() != Ok(None) {
            return Err(AdoptError::Stale);
        }
        let outstanding = state.outstanding();
        if outstanding > endpoint.producer.capacity() {
            return Err(AdoptError::Positions);
        }
        endpoint.consumer.adopt(state.taken).ok_or(AdoptError::Positions)?;
        endpoint.producer.adopt(state.replied).ok_or(AdoptError::Positions)?;
        let all = tickets.len() == outstanding as usize;
        if !all || !TicketWords::are_distinct(tickets.clone()) {
            return Err(AdoptError::Tickets);
        }
        let foreign = |ticket: TicketWords| ticket.epoch != epoch.number();
        if tickets.clone().any(foreign) && cfg!(not(bite = "ring-old-ticket-restored")) {
            return Err(AdoptError::Tickets);
        }
        let channel = endpoint.watch.address();
        let restored = tickets.map(move |ticket| Ticket { token: ticket.token, epoch, channel });
        Ok((Self { endpoint, outstanding }, restored))
    }

    /// Stops here, so that a successor can [adopt](Self::adopt) the channel: shows what was replied and gives back what was taken. Until
    /// [`Self::resume`] nothing is taken, and no reply is sent. Says whether the client has to be rung.
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Self::take`]: there is nothing to go on with.
    pub fn suspend(&mut self) -> Result<(Suspended, Doorbell), Misbehaved> {
        let doorbell = self.flush()?;
        if cfg!(not(bite = "ring-suspended-works")) {
            self.endpoint.consumer.suspend();
            self.endpoint.producer.suspend();
        }
        let (taken, replied) = (self.endpoint.consumer.position(), self.endpoint.producer.position());
        Ok((Suspended { epoch: self.epoch(), taken, replied }, doorbell))
    }

    /// Goes on after [`Self::suspend`], as if nothing had happened. Only if no successor has begun, or ever will.
    pub fn resume(&mut self) {
        self.endpoint.consumer.resume();
        self.endpoint.producer.resume();
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
            if self.endpoint.consumer.is_suspended() {
                return Ok(Taken::Nothing);
            }
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
            Err(PushError::Full) if self.endpoint.consumer.is_suspended() => {
                self.outstanding += 1;
                Err(ReplyError::Suspended)
            }
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
        if self.endpoint.consumer.is_suspended() {
            return Ok(Sleep::MaySleep);
        }
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
