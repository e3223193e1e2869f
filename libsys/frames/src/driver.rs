//! The driver's side: takes loans, checks what they name, gives them back.
//!
//! A client can lend the same buffer twice, or write into it while it is lent: that garbles its own frames and nothing else. What it
//! can't do is to name memory outside of its pool.

use anax_abi::{Error, Message};
use anax_ring::{
    AdoptError, Doorbell, Endpoint, Epoch, Misbehaved, Payload, ReplyError, Responder, Sleep, Suspended,
    Taken, Ticket, TicketWords,
};

use crate::buffer::{check_frame, check_room, part};
use crate::{
    ABOUT, ACCEPT, About, Arrival, BUFFER_BYTES, Coalescing, HEAD_BYTES, Link, NoOffload, Offload, RECEIVE,
    TRANSMIT, WATCH,
};

/// The driver's side of a channel, used by one thread.
#[derive(Debug)]
pub struct DriverSide<'a> {
    responder: Responder<'a>,
    buffers: u32,
}

/// A part of a buffer, or of several one behind the other, that was lent, checked: it is to be given back once, when the device is done with it.
#[derive(Debug)]
#[must_use = "each loan is to be given back"]
pub struct Loan {
    ticket: Ticket,
    /// Bytes from the pool's beginning.
    pub offset: u64,
    /// Bytes: of the frame, or of room for one.
    pub length: u32,
    /// What is to be done with the frame.
    pub offload: Option<Offload>,
}

impl Loan {
    /// Its right to an answer, for a successor that gives it back in this program's place.
    #[must_use]
    pub const fn ticket(&self) -> TicketWords {
        self.ticket.to_words()
    }
}

/// A loan that a predecessor had, as plain numbers: ticket, bytes from the pool's beginning, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inherited {
    /// Its right to an answer.
    pub ticket: TicketWords,
    /// Bytes from the pool's beginning.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
    /// What was to be done with the frame.
    pub offload: Option<Offload>,
    /// Whether it is to be filled, or has a frame in it.
    pub purpose: Use,
}

/// What a loan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// A frame is to be transmitted.
    Transmit,
    /// A frame is to be received.
    Receive,
}

/// A question, to be answered once.
#[derive(Debug)]
#[must_use = "each question is to be answered"]
pub struct Question(Ticket);

/// What [`DriverSide::take`] finds.
#[derive(Debug)]
#[must_use = "each request is to be answered"]
pub enum Asked {
    /// Transmit this frame, whose [length](Offload::lengths) and offload fit together.
    Transmit(Loan),
    /// Receive into this, at least [`MAX_FRAME`](crate::MAX_FRAME) bytes.
    Receive(Loan),
    /// What card is it?
    About(Question),
    /// Frames put together out of several are taken, of these kinds.
    Accept(Question, Coalescing),
    /// To be answered as soon as the link is not what the client knows.
    Watch(Question, Option<Link>),
    /// Something that can't be done, which has been refused.
    Refused,
    /// Another client has taken over. All loans are void, and the device has to be stopped before it writes into any.
    NewClient(Epoch),
    /// Nothing yet.
    Nothing,
}

impl<'a> DriverSide<'a> {
    /// Over an endpoint from which nothing was sent, for a pool of so many buffers.
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>, buffers: u32) -> Self {
        Self { responder: Responder::new(endpoint), buffers }
    }

    /// Goes on where another driver was [suspended](Self::suspend), in the same epoch. `inherited` are all its loans; they come back in the same
    /// order. As for [`Responder::adopt`], nobody is believed, and the endpoint has not arrived.
    ///
    /// # Errors
    /// [`AdoptError`]; for a loan that [`Self::take`] would have refused, [`AdoptError::Tickets`]. Nothing was written to the channel.
    pub fn adopt<I>(
        endpoint: Endpoint<'a>,
        buffers: u32,
        state: Suspended,
        inherited: I,
    ) -> Result<(Self, impl Iterator<Item = Loan> + use<'a, I>), AdoptError>
    where
        I: ExactSizeIterator<Item = Inherited> + Clone,
    {
        let lent = |one: Inherited| {
            let part = part(one.offset, one.length);
            match one.purpose {
                Use::Transmit => check_frame(part, buffers, one.offload).is_ok(),
                Use::Receive => one.offload.is_none() && check_room(part, buffers).is_ok(),
            }
        };
        if !inherited.clone().all(lent) {
            return Err(AdoptError::Tickets);
        }
        let tickets = inherited.clone().map(|one| one.ticket);
        let (responder, tickets) = Responder::adopt(endpoint, state, tickets)?;
        let loans = tickets.zip(inherited);
        let loans = loans.map(|(ticket, one)| {
            let Inherited { offset, length, offload, .. } = one;
            Loan { ticket, offset, length, offload }
        });
        Ok((Self { responder, buffers }, loans))
    }

    /// As [`Responder::suspend`]: nothing more is taken or given back, so that a successor can [adopt](Self::adopt) the channel.
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn suspend(&mut self) -> Result<(Suspended, Doorbell), Misbehaved> {
        self.responder.suspend()
    }

    /// As [`Responder::resume`]. Only if no successor has begun, or ever will.
    pub fn resume(&mut self) {
        self.responder.resume();
    }

    /// The next event.
    ///
    /// # Errors
    /// [`Misbehaved`], as for [`Responder::take`]. Loans stay the driver's until its device gave them back.
    #[inline]
    pub fn take(&mut self) -> Result<Asked, Misbehaved> {
        let (request, ticket) = match self.responder.take()? {
            Taken::Request(request, ticket) => (request, ticket),
            Taken::NewPeer(epoch) => return Ok(Asked::NewClient(epoch)),
            Taken::Nothing => return Ok(Asked::Nothing),
        };
        let [first, second, offload, ..] = request.words;
        let payload = Payload::from_words([first, second]);
        let (checked, offload) = match request.command {
            TRANSMIT => match Offload::from_word(offload) {
                Ok(offload) => (check_frame(payload, self.buffers, offload), offload),
                Err(NoOffload) => return self.refuse_request(ticket, Error::BadArgument),
            },
            RECEIVE => (check_room(payload, self.buffers), None),
            ABOUT => return Ok(Asked::About(Question(ticket))),
            ACCEPT => return Ok(Asked::Accept(Question(ticket), Coalescing::from_word(first))),
            WATCH => return Ok(Asked::Watch(Question(ticket), Link::from_word(first))),
            _ => return self.refuse_request(ticket, Error::BadCommand),
        };
        if checked.is_err() && cfg!(not(bite = "frames-pool-unchecked")) {
            return self.refuse_request(ticket, Error::BadArgument);
        }
        let loan = Loan { ticket, offset: payload.offset, length: payload.length, offload };
        Ok(if request.command == TRANSMIT { Asked::Transmit(loan) } else { Asked::Receive(loan) })
    }

    /// The frame has been transmitted.
    ///
    /// # Errors
    /// [`Misbehaved`] if the client has left no room for replies. That the client is gone is none.
    #[inline]
    pub fn sent(&mut self, loan: Loan) -> Result<(), Misbehaved> {
        self.reply(loan.ticket, &Message::default())
    }

    /// A frame of `length` bytes, or a part of one, lies at the loan's beginning, and the card said so of it. All parts of a frame come one directly
    /// behind the other.
    ///
    /// # Errors
    /// As for [`Self::sent`].
    #[inline]
    pub fn received(&mut self, loan: Loan, length: u32, arrival: Arrival) -> Result<(), Misbehaved> {
        let [first, second, third] = arrival.to_words();
        let room = match arrival {
            Arrival::First { .. } => loan.length,
            Arrival::Next(_) => loan.length + HEAD_BYTES as u32,
        };
        let reply = Message::new(0, [first, second, third, 0, 0]);
        self.reply(loan.ticket, &Message { result: length.min(room).into(), ..reply })
    }

    /// Gives a loan back unused.
    ///
    /// # Errors
    /// As for [`Self::sent`].
    pub fn refuse(&mut self, loan: Loan, reason: Error) -> Result<(), Misbehaved> {
        self.reply(loan.ticket, &Message { result: reason.code(), ..Message::default() })
    }

    /// Answers a question.
    ///
    /// # Errors
    /// As for [`Self::sent`].
    pub fn answer(&mut self, question: Question, about: About) -> Result<(), Misbehaved> {
        self.reply(question.0, &Message::new(0, about.to_words()))
    }

    /// Answers whether frames put together are handed over.
    ///
    /// # Errors
    /// As for [`Self::sent`].
    pub fn answer_accept(&mut self, question: Question, answer: Result<(), Error>) -> Result<(), Misbehaved> {
        let result = answer.map_or_else(Error::code, |()| 0);
        self.reply(question.0, &Message { result, ..Message::default() })
    }

    /// Answers how the link is.
    ///
    /// # Errors
    /// As for [`Self::sent`].
    pub fn answer_link(&mut self, question: Question, link: Link) -> Result<(), Misbehaved> {
        self.reply(question.0, &Message::new(0, [link.to_word(), 0, 0, 0, 0]))
    }

    /// Bytes of the pool: all offsets of loans are below.
    #[must_use]
    pub const fn pool_bytes(&self) -> u64 {
        self.buffers as u64 * BUFFER_BYTES as u64
    }

    /// The epoch that this side lives in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.responder.epoch()
    }

    /// Loans and questions that are not answered.
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.responder.outstanding()
    }

    /// As [`Responder::flush`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        self.responder.flush()
    }

    /// As [`Responder::prepare_to_sleep`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        self.responder.prepare_to_sleep()
    }

    /// Goes on with another client in an epoch that the kernel named; as for [`Asked::NewClient`], the device comes first.
    pub fn rebind(&mut self, epoch: Epoch) {
        self.responder.rebind(epoch);
    }

    fn refuse_request(&mut self, ticket: Ticket, reason: Error) -> Result<Asked, Misbehaved> {
        self.reply(ticket, &Message { result: reason.code(), ..Message::default() })?;
        Ok(Asked::Refused)
    }

    #[inline]
    fn reply(&mut self, ticket: Ticket, reply: &Message) -> Result<(), Misbehaved> {
        match self.responder.reply(ticket, reply) {
            Ok(()) | Err(ReplyError::Stale | ReplyError::WrongChannel | ReplyError::Suspended) => Ok(()),
            Err(ReplyError::Misbehaved) => Err(Misbehaved),
        }
    }
}
