//! The client's side: owns the buffers, lends them, gets each back exactly once, with its request's end.
//!
//! A table of its own says what was asked; what a reply says is checked against it. What conflicts with something older waits
//! here, so what the driver has may be done in any order, and again. When the driver is replaced, the successor is asked first which
//! disk it has. Only the same disk is given what was in flight. A request that [`MAX_ATTEMPTS`] drivers had when they died is given up.
//!
//! When the driver is caught lying, nothing comes back before there is a new epoch: its device may still be at work.

mod event;
mod table;

use anax_abi::{Error, Message};
use anax_ring::{
    Completion, Doorbell, Endpoint, Epoch, Misbehaved, Requester, SharedBytes, Sleep, SubmitError,
};

use crate::pool::payload;
use crate::{ABOUT, Access, Buffer, DONE, Disk, FAILED, FLUSH, READ, Sectors, WRITE};

pub use event::{ClientError, Counters, Done, Event, Failure, Refused};
use table::{Place, Stage, Table, Wish};

/// So many drivers are given a request before it is suspected.
pub const MAX_ATTEMPTS: u8 = 3;
/// Flushes that can be asked for at once.
pub const FLUSHES: usize = 4;

/// The token of the question about the disk. No place has it.
const QUESTION: u64 = u64::MAX;

/// The client's side of a channel, over a pool of up to `N` buffers, used by one thread.
#[derive(Debug)]
pub struct ClientSide<'a, const N: usize> {
    requester: Requester<'a, N>,
    table: Table<'a, N>,
    driver: Driver,
    /// The disk, once it is known. It is the same for ever.
    disk: Option<Disk>,
    given_up: usize,
    counters: Counters,
}

/// What is known of the driver of this epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Driver {
    /// Nothing.
    Unknown,
    /// It was asked which disk it has.
    Asked,
    /// It has the disk.
    Ready,
    /// It works off what it has, and gets nothing more.
    Leaving,
    /// It lied.
    Liar,
}

impl<'a, const N: usize> ClientSide<'a, N> {
    /// Over an endpoint from which nothing was sent and a pool that nobody uses, of buffers of `buffer_bytes` bytes each.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(
        endpoint: Endpoint<'a>,
        pool: SharedBytes<'a>,
        buffer_bytes: usize,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            requester: Requester::new(endpoint),
            table: Table::new(pool, buffer_bytes).ok_or(ClientError::Pool)?,
            driver: Driver::Unknown,
            disk: None,
            given_up: 0,
            counters: Counters::default(),
        })
    }

    /// The disk, if it is known.
    #[must_use]
    pub const fn disk(&self) -> Option<Disk> {
        self.disk
    }

    /// A free buffer, if there is one. Before [`Event::Disk`] there is none: until the driver has answered, its device may still be at
    /// work for a client that had the pool before.
    pub fn buffer(&mut self) -> Option<Buffer<'a>> {
        if self.disk.is_none() && cfg!(not(bite = "blocks-buffer-too-early")) {
            return None;
        }
        let number = self.table.hold()?;
        self.table.bytes(number).map(|bytes| Buffer { number, bytes })
    }

    /// Buffers that are free.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.table.free()
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Gives a buffer back to the pool.
    pub fn release(&mut self, buffer: Buffer<'a>) {
        self.table.release(buffer.number);
    }

    /// Reads sectors to the beginning of a buffer, after [`Self::flush`]. [`Event::Read`] tells of its end, once. It sees all writes that
    /// were asked for before, and none that are asked for later.
    ///
    /// # Errors
    /// [`Refused`], with the buffer.
    pub fn read(&mut self, buffer: Buffer<'a>, sectors: Sectors, token: u32) -> Result<(), Refused<'a>> {
        self.ask(buffer, sectors, Wish::Read(sectors), token)
    }

    /// Writes sectors from the beginning of a buffer, after [`Self::flush`]. [`Event::Written`] tells of its end, once.
    ///
    /// # Errors
    /// [`Refused`], with the buffer.
    pub fn write(&mut self, buffer: Buffer<'a>, sectors: Sectors, token: u32) -> Result<(), Refused<'a>> {
        let access = self.disk.map(|disk| disk.access);
        if access == Some(Access::ReadOnly) {
            return Err(Refused { buffer, reason: Error::NoRights });
        }
        self.ask(buffer, sectors, Wish::Write(sectors), token)
    }

    /// Makes all writes last whose end was told of before; [`Event::Flushed`] says when, once. Others may last or not.
    ///
    /// # Errors
    /// [`Error::Full`] if [`FLUSHES`] are under way, [`Error::WouldBlock`] before [`Event::Disk`].
    pub fn flush_disk(&mut self, token: u32) -> Result<(), Error> {
        if self.disk.is_none() {
            return Err(Error::WouldBlock);
        }
        self.table.ask_flush(token).ok_or(Error::Full)
    }

    /// The next event. A loop that takes them until [`Event::Nothing`], then flushes, then sleeps, misses none.
    ///
    /// # Errors
    /// [`Misbehaved`], until there is a new epoch: all that was asked waits until then. A driver that comes with another disk is a liar, too.
    pub fn event(&mut self) -> Result<Event<'a>, Misbehaved> {
        if self.given_up > 0
            && let Some(place) = self.table.given_up()
        {
            self.given_up -= 1;
            let ended = self.end(place, Err(Failure::Driver(Error::PeerDied)));
            return Ok(ended.unwrap_or(Event::Nothing));
        }
        // Each turn ends a request that was in flight, none of which begins here.
        loop {
            match self.requester.complete() {
                Ok(Completion::Reply(reply)) => {
                    if let Some(event) = self.finish(&reply) {
                        return Ok(event);
                    }
                }
                Ok(Completion::NewPeer(epoch)) => return Ok(self.replaced(epoch)),
                Ok(Completion::Nothing) if self.driver == Driver::Liar => return Err(Misbehaved),
                Ok(Completion::Nothing) => {
                    self.submit_ready();
                    return Ok(Event::Nothing);
                }
                Err(error) => {
                    self.distrust();
                    return Err(error);
                }
            }
        }
    }

    /// Gives the driver all that it may have, and shows it, as [`Requester::flush`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        self.submit_ready();
        let flushed = self.requester.flush();
        flushed.inspect_err(|_| self.distrust())
    }

    /// As [`Requester::prepare_to_sleep`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        if self.given_up > 0 {
            return Ok(Sleep::MoreToDo);
        }
        self.submit_ready();
        let sleep = self.requester.prepare_to_sleep();
        sleep.inspect_err(|_| self.distrust())
    }

    /// Goes on with a successor in an epoch that the kernel named, as [`Event::Replaced`] does by itself.
    pub fn rebind(&mut self, epoch: Epoch) {
        if epoch != self.requester.epoch() {
            self.requester.rebind(epoch);
            let _ = self.replaced(epoch);
        }
    }

    fn ask(
        &mut self,
        buffer: Buffer<'a>,
        sectors: Sectors,
        wish: Wish,
        token: u32,
    ) -> Result<(), Refused<'a>> {
        let limit = self.table.buffer_bytes() as u64;
        let fits = self.disk.is_some_and(|disk| disk.bytes(sectors) <= limit && disk.holds(sectors));
        if !fits || !self.table.is_held(buffer.number) {
            return Err(Refused { buffer, reason: Error::BadArgument });
        }
        self.table.ask(buffer.number, wish, token);
        Ok(())
    }

    /// What a reply means; nothing if it is of no interest to the program.
    fn finish(&mut self, reply: &Message) -> Option<Event<'a>> {
        if reply.token == QUESTION {
            return self.introduced(reply);
        }
        let place = Place::from_token(reply.token);
        let outcome = match (reply.result, reply.outcome()) {
            (DONE, _) => Ok(()),
            (FAILED, _) => Err(Failure::Disk),
            (_, Ok(_)) => Err(Failure::Driver(Error::PeerMisbehaved)),
            (_, Err(Error::Aborted)) => {
                // Handed back for a successor. It didn't die of it.
                self.driver = Driver::Leaving;
                let pending = self.table.pending(place)?;
                let counted = u8::from(cfg!(not(bite = "blocks-leaver-suspected")));
                (pending.stage, pending.attempts) =
                    (Stage::Waiting, pending.attempts.saturating_sub(counted));
                return None;
            }
            (_, Err(error)) => Err(Failure::Driver(error)),
        };
        self.end(place, outcome)
    }

    /// The driver has said which disk it has.
    fn introduced(&mut self, reply: &Message) -> Option<Event<'a>> {
        let disk = if reply.result == DONE { Disk::from_words(reply.words) } else { None };
        let disk = disk.filter(|disk| disk.sector.bytes() as usize <= self.table.buffer_bytes());
        match (disk, self.disk) {
            (None, _) => self.driver = Driver::Liar,
            (Some(new), Some(known)) if new != known && cfg!(not(bite = "blocks-other-disk-trusted")) => {
                self.driver = Driver::Liar;
            }
            (Some(_), Some(_)) => self.driver = Driver::Ready,
            (Some(new), None) => {
                (self.driver, self.disk) = (Driver::Ready, Some(new));
                return Some(Event::Disk(new));
            }
        }
        None
    }

    /// Ends a request.
    fn end(&mut self, place: Place, outcome: Result<(), Failure>) -> Option<Event<'a>> {
        let pending = self.table.end(place)?;
        let token = pending.token;
        let counter = match (pending.wish, outcome) {
            (_, Err(_)) => &mut self.counters.failed,
            (Wish::Read(_), _) => &mut self.counters.read,
            (Wish::Write(_), _) => &mut self.counters.written,
            (Wish::Flush, _) => &mut self.counters.flushed,
        };
        *counter += 1;
        let done = |sectors| {
            let Place::Buffer(number) = place else { return None };
            let bytes = self.table.bytes(number)?;
            Some(Done { buffer: Buffer { number, bytes }, sectors, token, outcome })
        };
        match pending.wish {
            Wish::Read(sectors) => done(sectors).map(Event::Read),
            Wish::Write(sectors) => done(sectors).map(Event::Written),
            Wish::Flush => Some(Event::Flushed { token, outcome }),
        }
    }

    /// Everything in flight is back, and goes to the successor when it has shown its disk.
    fn replaced(&mut self, epoch: Epoch) -> Event<'a> {
        self.distrust();
        self.given_up += self.table.give_up();
        self.driver = Driver::Unknown;
        self.submit_ready();
        Event::Replaced(epoch)
    }

    /// Takes back what will get no reply. There is nothing to submit to until there is a successor.
    fn distrust(&mut self) {
        self.driver = Driver::Liar;
        while let Some(request) = self.requester.take_lost() {
            if cfg!(bite = "blocks-lost-forgotten") {
                continue;
            }
            if let Some(pending) = self.table.pending(Place::from_token(request.token)) {
                pending.stage = Stage::Waiting;
            }
        }
    }

    /// Submits all that the driver may have now.
    fn submit_ready(&mut self) {
        if self.driver == Driver::Unknown {
            let question = Message { token: QUESTION, ..Message::new(ABOUT, Default::default()) };
            match self.requester.submit(&question) {
                Ok(()) => self.driver = Driver::Asked,
                Err(SubmitError::Full) => {}
                Err(SubmitError::Misbehaved) => self.distrust(),
            }
        }
        if self.driver != Driver::Ready || !self.table.has_waiting() {
            return;
        }
        let mut from = 0;
        while let Some((place, at)) = self.table.next_ready(from) {
            let Some(request) = self.request(place) else { return };
            match self.requester.submit(&request) {
                Ok(()) => {}
                // Replies make room.
                Err(SubmitError::Full) => return,
                Err(SubmitError::Misbehaved) => return self.distrust(),
            }
            if let Some(pending) = self.table.pending(place) {
                self.counters.asked_again += u64::from(pending.attempts > 0);
                (pending.stage, pending.attempts) = (Stage::InFlight, pending.attempts + 1);
            }
            from = at;
        }
    }

    /// A request as the driver sees it.
    fn request(&mut self, place: Place) -> Option<Message> {
        let wish = self.table.pending(place)?.wish;
        let (command, sectors) = match wish {
            Wish::Read(sectors) => (READ, sectors),
            Wish::Write(sectors) => (WRITE, sectors),
            Wish::Flush => {
                return Some(Message { token: place.to_token(), ..Message::new(FLUSH, Default::default()) });
            }
        };
        let Place::Buffer(number) = place else { return None };
        let length = self.disk?.bytes(sectors) as u32;
        let [first, second] = payload(self.table.offset(number), length).to_words();
        let words = [first, second, sectors.first(), 0, 0];
        Some(Message { token: place.to_token(), ..Message::new(command, words) })
    }
}
