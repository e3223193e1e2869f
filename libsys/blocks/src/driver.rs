//! The driver's side: takes jobs, checks what they name, answers them.
//!
//! A client can lend the same buffer twice, write into it while it is lent, or ask for overlapping writes: that garbles its own data
//! and nothing else. What it can't do is to name memory outside of its pool, or sectors that the disk doesn't have.

use anax_abi::{Error, Message};
use anax_ring::{
    AdoptError, Doorbell, Endpoint, Epoch, Misbehaved, Payload, ReplyError, Responder, Sleep, Suspended,
    Taken, Ticket,
};

use crate::pool::check;
use crate::{ABOUT, Access, DONE, Disk, FAILED, FLUSH, READ, Sectors, WRITE};

/// The driver's side of a channel, used by one thread.
#[derive(Debug)]
pub struct DriverSide<'a> {
    responder: Responder<'a>,
    pool_bytes: u64,
    disk: Disk,
}

/// Sectors and the memory they go to or come from, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Which sectors: the disk has them.
    pub sectors: Sectors,
    /// Bytes from the pool's beginning, a multiple of 512.
    pub offset: u64,
    /// Bytes: those of the sectors, at most [`MAX_TRANSFER`](crate::MAX_TRANSFER).
    pub length: u32,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Read from the disk into the pool.
    Read(Transfer),
    /// Write from the pool to the disk. It has to be done, as far as other requests can tell, before it is answered.
    Write(Transfer),
    /// Make all writes last that were answered before this was taken.
    Flush,
}

impl What {
    /// The sectors and the memory, if it moves any.
    #[must_use]
    pub const fn transfer(self) -> Option<Transfer> {
        match self {
            Self::Read(transfer) | Self::Write(transfer) => Some(transfer),
            Self::Flush => None,
        }
    }
}

/// Something to be done and then answered once: its part of the pool is the driver's until then.
#[derive(Debug)]
#[must_use = "each job is to be answered"]
pub struct Job {
    ticket: Ticket,
    /// What.
    pub what: What,
}

/// A question about the disk, to be answered once.
#[derive(Debug)]
#[must_use = "each question is to be answered"]
pub struct Question(Ticket);

/// What [`DriverSide::take`] finds.
#[derive(Debug)]
#[must_use = "each request is to be answered"]
pub enum Asked {
    /// Something to do.
    Job(Job),
    /// What disk is it?
    About(Question),
    /// Something that can't be done, which has been refused.
    Refused,
    /// Another client has taken over. All jobs are void, and the device has to be stopped before it does any more of them.
    NewClient(Epoch),
    /// Nothing yet.
    Nothing,
}

impl<'a> DriverSide<'a> {
    /// Over an endpoint from which nothing was sent, for a pool of so many bytes and this disk.
    #[must_use]
    pub const fn new(endpoint: Endpoint<'a>, pool_bytes: u64, disk: Disk) -> Self {
        Self { responder: Responder::new(endpoint), pool_bytes, disk }
    }

    /// Goes on where another driver of the same disk was [suspended](Self::suspend) with no job, in the same epoch. As for
    /// [`Responder::adopt`], nobody is believed, and the endpoint has not arrived.
    ///
    /// # Errors
    /// [`AdoptError`]. Nothing was written to the channel.
    pub fn adopt(
        endpoint: Endpoint<'a>,
        pool_bytes: u64,
        disk: Disk,
        state: Suspended,
    ) -> Result<Self, AdoptError> {
        let (responder, _) = Responder::adopt(endpoint, state, core::iter::empty())?;
        Ok(Self { responder, pool_bytes, disk })
    }

    /// As [`Responder::suspend`]: nothing more is taken or answered, so that a successor can [adopt](Self::adopt) the channel.
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
    /// [`Misbehaved`], as for [`Responder::take`]. Jobs stay the driver's until its device is done with them.
    #[inline]
    pub fn take(&mut self) -> Result<Asked, Misbehaved> {
        let (request, ticket) = match self.responder.take()? {
            Taken::Request(request, ticket) => (request, ticket),
            Taken::NewPeer(epoch) => return Ok(Asked::NewClient(epoch)),
            Taken::Nothing => return Ok(Asked::Nothing),
        };
        let what = match request.command {
            READ => self.transfer(&request).map(What::Read),
            WRITE if self.disk.access == Access::ReadOnly => Err(Error::NoRights),
            WRITE => self.transfer(&request).map(What::Write),
            FLUSH => Ok(What::Flush),
            ABOUT => return Ok(Asked::About(Question(ticket))),
            _ => Err(Error::BadCommand),
        };
        match what {
            Ok(what) => Ok(Asked::Job(Job { ticket, what })),
            Err(reason) => {
                self.reply(ticket, reason.code())?;
                Ok(Asked::Refused)
            }
        }
    }

    /// Was done.
    ///
    /// # Errors
    /// [`Misbehaved`] if the client has left no room for replies. That the client is gone is none.
    #[inline]
    pub fn done(&mut self, job: Job) -> Result<(), Misbehaved> {
        self.reply(job.ticket, DONE)
    }

    /// The disk could not do it.
    ///
    /// # Errors
    /// As for [`Self::done`].
    pub fn failed(&mut self, job: Job) -> Result<(), Misbehaved> {
        self.reply(job.ticket, FAILED)
    }

    /// Gives a job back that this driver won't do, for its successor: the client submits nothing more before there is one.
    ///
    /// # Errors
    /// As for [`Self::done`].
    pub fn hand_back(&mut self, job: Job) -> Result<(), Misbehaved> {
        self.reply(job.ticket, Error::Aborted.code())
    }

    /// Says which disk it is.
    ///
    /// # Errors
    /// As for [`Self::done`].
    pub fn answer(&mut self, question: Question) -> Result<(), Misbehaved> {
        self.send(question.0, &Message::new(0, self.disk.to_words()))
    }

    /// The disk.
    #[must_use]
    pub const fn disk(&self) -> Disk {
        self.disk
    }

    /// Bytes of the pool: no transfer goes beyond.
    #[must_use]
    pub const fn pool_bytes(&self) -> u64 {
        self.pool_bytes
    }

    /// The epoch that this side lives in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.responder.epoch()
    }

    /// Jobs and questions that are not answered.
    #[must_use]
    pub const fn outstanding(&self) -> u32 {
        self.responder.outstanding()
    }

    /// As [`Responder::flush`]: shows the client what was answered.
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

    fn transfer(&self, request: &Message) -> Result<Transfer, Error> {
        let [place, offset, first, ..] = request.words;
        let payload = Payload::from_words([place, offset]);
        let sector = self.disk.sector;
        if cfg!(not(bite = "blocks-pool-unchecked")) {
            check(payload, self.pool_bytes, sector).map_err(|_| Error::BadArgument)?;
        }
        let sectors = Sectors::new(first, payload.length / sector.bytes()).ok_or(Error::BadArgument)?;
        if !self.disk.holds(sectors) && cfg!(not(bite = "blocks-disk-end-unchecked")) {
            return Err(Error::BadArgument);
        }
        Ok(Transfer { sectors, offset: payload.offset, length: payload.length })
    }

    #[inline]
    fn reply(&mut self, ticket: Ticket, result: i64) -> Result<(), Misbehaved> {
        self.send(ticket, &Message { result, ..Message::default() })
    }

    #[inline]
    fn send(&mut self, ticket: Ticket, reply: &Message) -> Result<(), Misbehaved> {
        match self.responder.reply(ticket, reply) {
            Ok(()) | Err(ReplyError::Stale | ReplyError::WrongChannel | ReplyError::Suspended) => Ok(()),
            Err(ReplyError::Misbehaved) => Err(Misbehaved),
        }
    }
}
