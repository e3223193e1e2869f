//! The client's side: owns the buffers, lends them, gets each back exactly once.
//!
//! A table of its own says what each buffer is used for; what a reply says is checked against it. When the driver is replaced,
//! buffers lent for receiving are lent again, and frames whose reply is missing are transmitted again, in their order: they may have been
//! sent before, which Ethernet allows. A frame that [`MAX_ATTEMPTS`] drivers have died of is given up.
//!
//! A frame in several buffers is shown when all are there. What is asked beside, [`questions`] keeps. While frames that come are long, buffers are lent
//! [`ROOM`] at a time, which costs as much as one.
//!
//! When the driver is caught lying, nothing comes back before there is a new epoch: its device may still be writing.

mod merging;
mod questions;
mod table;

use anax_abi::{Error, Message, WORDS};
use anax_ring::{
    Completion, Doorbell, Endpoint, Epoch, Misbehaved, Requester, SharedBytes, Sleep, SubmitError,
};

use crate::buffer::payload;
use crate::{
    About, Arrival, BUFFER_BYTES, Buffer, Coalescing, HEAD_BYTES, Link, MAX_PARTS, Offload, RECEIVE,
    Received, TRANSMIT,
};

use merging::{Merging, Part, Put};
use questions::{QUESTION, Questions, WATCHING};
use table::{Buffers, Use};

/// So many drivers are given a frame before it is suspected.
pub const MAX_ATTEMPTS: u8 = 3;

/// Buffers that are lent as one while frames are long, and bytes of the frames from which on they are.
const ROOM: usize = 16;
const LONG: usize = ROOM * BUFFER_BYTES / 2;
/// Frames that decide by how long they were, about.
const RECENT: usize = 8;

/// The client's side of a channel, over a pool of up to `N` buffers, used by one thread.
#[derive(Debug)]
pub struct ClientSide<'a, const N: usize> {
    requester: Requester<'a, N>,
    buffers: Buffers<'a, N>,
    lent: usize,
    /// How many buffers are to be lent for receiving; and how many this driver takes of them.
    wanted: usize,
    receive: usize,
    /// How many of them are lent at a time, at least.
    together: usize,
    /// Bytes of a frame received, on an average in which the last ones count most.
    usual: usize,
    /// Requests that came back without a reply, oldest first, to be submitted to a successor.
    waiting: [Message; N],
    waiting_count: usize,
    /// Whether they may be submitted: there is a successor.
    resumed: bool,
    given_up: usize,
    questions: Questions,
    /// What was received and is not the program's yet.
    merging: Merging,
    counters: Counters,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received.
    pub received: u64,
    /// Frames transmitted, by the driver's word.
    pub sent: u64,
    /// Transmissions that were begun again with a successor.
    pub resent: u64,
    /// Frames that the driver refused or did not survive.
    pub dropped: u64,
    /// Replies that can't be true.
    pub bad_replies: u64,
}

/// What [`ClientSide::event`] finds.
#[derive(Debug)]
#[must_use = "a received frame is a buffer that is to be released"]
pub enum Event<'a> {
    /// A frame, or a part of one.
    Received(Received<'a>),
    /// A transmission has ended; its buffer is free again.
    Sent {
        /// As handed in.
        token: u32,
        /// [`Error::PeerDied`] if several drivers died of it; else what the driver says against it.
        outcome: Result<(), Error>,
    },
    /// The answer to [`ClientSide::ask`].
    About(About),
    /// How the link is, for [`ClientSide::watch`].
    Link(Link),
    /// Another driver has taken over. Nothing is to be done for it.
    Replaced(Epoch),
    /// Nothing yet.
    Nothing,
}

/// Why there is no client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// The pool isn't a whole number of buffers from 1 to `N`.
    Pool,
    /// One of the rings has fewer slots than the pool has buffers.
    Rings,
}

/// A frame that was not taken.
#[derive(Debug)]
pub struct NotSent<'a> {
    /// Its buffer.
    pub buffer: Buffer<'a>,
    /// [`Error::Full`] if it may be tried later, [`Error::PeerMisbehaved`] if not before there is another driver,
    /// [`Error::BadArgument`] for a length that no frame has.
    pub reason: Error,
}

impl<'a, const N: usize> ClientSide<'a, N> {
    /// Over an endpoint from which nothing was sent and a pool that nobody uses, `receive` buffers of which are to be lent for
    /// receiving.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn new(endpoint: Endpoint<'a>, pool: SharedBytes<'a>, receive: usize) -> Result<Self, ClientError> {
        let buffers = Buffers::new(pool).ok_or(ClientError::Pool)?;
        let slots = endpoint.producer.capacity().min(endpoint.consumer.capacity());
        if (slots as usize) < buffers.count() {
            return Err(ClientError::Rings);
        }
        Ok(Self {
            requester: Requester::new(endpoint),
            buffers,
            lent: 0,
            wanted: receive,
            receive,
            together: 1,
            usual: 0,
            waiting: [Message::default(); N],
            waiting_count: 0,
            resumed: true,
            given_up: 0,
            questions: Questions::default(),
            merging: Merging::new(),
            counters: Counters::default(),
        })
    }

    /// From now on buffers to receive are lent so many at a time, since a driver that sleeps is woken for them.
    pub fn lend_together(&mut self, buffers: usize) {
        self.together = buffers.max(1);
    }

    /// A free buffer, if there is one.
    pub fn buffer(&mut self) -> Option<Buffer<'a>> {
        let number = self.buffers.take_free()?;
        self.buffers.set(number, Use::Held);
        self.buffers.bytes(number, 1).map(|bytes| Buffer { number, bytes })
    }

    /// `length` bytes or more, 1 at least, in free buffers that lie one behind the other: for a frame that is to be cut. Nothing if there are
    /// none such.
    pub fn buffer_of(&mut self, length: usize) -> Option<Buffer<'a>> {
        let count = length.div_ceil(BUFFER_BYTES);
        let number = self.buffers.take_run(count)?;
        self.buffers.bytes(number, count).map(|bytes| Buffer { number, bytes })
    }

    /// Buffers that are free.
    #[must_use]
    pub const fn free(&self) -> usize {
        self.buffers.free()
    }

    /// Whether buffers are lent to be transmitted, which come back without more to be done.
    #[must_use]
    pub fn is_sending(&self) -> bool {
        self.buffers.is_sending()
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Gives a buffer back to the pool.
    pub fn release(&mut self, buffer: Buffer<'a>) {
        if self.buffers.used(buffer.number) == Some(Use::Held) {
            self.buffers.set_free(buffer.number);
        }
    }

    /// Transmits the first `length` bytes of a buffer, after [`Self::flush`]. [`Event::Sent`] tells of its end, once.
    ///
    /// # Errors
    /// [`NotSent`], with the buffer.
    pub fn transmit(&mut self, buffer: Buffer<'a>, length: usize, token: u32) -> Result<(), NotSent<'a>> {
        self.transmit_with(buffer, length, None, token)
    }

    /// As [`Self::transmit`], with what the card is to do with the frame. One that [offers](About::offers) something else refuses it.
    ///
    /// # Errors
    /// [`NotSent`], with the buffer.
    pub fn transmit_with(
        &mut self,
        buffer: Buffer<'a>,
        length: usize,
        offload: Option<Offload>,
        token: u32,
    ) -> Result<(), NotSent<'a>> {
        let number = buffer.number;
        let fits = Offload::lengths(offload).contains(&length)
            && length <= buffer.bytes.len()
            && offload.is_none_or(|offload| offload.fits(length as u32));
        if !fits || self.buffers.used(number) != Some(Use::Held) {
            return Err(NotSent { buffer, reason: Error::BadArgument });
        }
        // Nobody overtakes those that wait for a successor.
        if self.waiting_count > 0 {
            let reason = if self.resumed { Error::Full } else { Error::PeerMisbehaved };
            return Err(NotSent { buffer, reason });
        }
        match self.submit(&lend(TRANSMIT, number, length, offload, token)) {
            Ok(()) => {
                self.buffers.set(number, Use::Sending { attempts: 1 });
                Ok(())
            }
            Err(SubmitError::Full) => Err(NotSent { buffer, reason: Error::Full }),
            Err(SubmitError::Misbehaved) => Err(NotSent { buffer, reason: Error::PeerMisbehaved }),
        }
    }

    /// Asks about the card; [`Event::About`] is the answer.
    pub fn ask(&mut self) {
        self.questions.ask(QUESTION);
        self.submit_questions();
    }

    /// Asks to be told of the link: [`Event::Link`] says how it is, and comes again when it is otherwise. Of one that changes and changes back
    /// nothing may be told.
    pub fn watch(&mut self) {
        self.questions.ask(WATCHING);
        self.submit_questions();
    }

    /// Takes frames that the card has put together out of several, of the kinds that it [offers](About::offers), and no others from now on. A card may
    /// be reset for it, and frames under way be lost, or sent twice. A driver that does not offer it goes on as it was.
    ///
    /// # Errors
    /// [`Error::BadArgument`]: fewer buffers are lent for receiving than the longest frame takes.
    pub fn accept(&mut self, what: Coalescing) -> Result<(), Error> {
        if what != Coalescing::NONE && self.wanted < MAX_PARTS {
            return Err(Error::BadArgument);
        }
        self.questions.accept(what);
        self.submit_questions();
        Ok(())
    }

    /// The next event. A loop that takes them until [`Event::Nothing`], then flushes, then sleeps, misses none.
    ///
    /// # Errors
    /// [`Misbehaved`], until there is a new epoch: all buffers that are lent stay so until then.
    pub fn event(&mut self) -> Result<Event<'a>, Misbehaved> {
        if self.given_up > 0
            && let Some(event) = self.tell_given_up()
        {
            return Ok(event);
        }
        if let Some(event) = self.tell_received() {
            return Ok(event);
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
                Ok(Completion::Nothing) => {
                    self.submit_waiting();
                    self.refill();
                    return Ok(Event::Nothing);
                }
                Err(error) => {
                    self.collect_lost();
                    return Err(error);
                }
            }
        }
    }

    /// As [`Requester::flush`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        let flushed = self.requester.flush();
        flushed.inspect_err(|_| self.collect_lost())
    }

    /// As [`Requester::prepare_to_sleep`].
    ///
    /// # Errors
    /// [`Misbehaved`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        if self.given_up > 0 || self.merging.has_more() {
            return Ok(Sleep::MoreToDo);
        }
        let sleep = self.requester.prepare_to_sleep();
        sleep.inspect_err(|_| self.collect_lost())
    }

    /// Goes on with a successor in an epoch that the kernel named, as [`Event::Replaced`] does by itself.
    pub fn rebind(&mut self, epoch: Epoch) {
        if epoch != self.requester.epoch() {
            self.requester.rebind(epoch);
            let _ = self.replaced(epoch);
        }
    }

    /// What a reply means; nothing if it is of no interest to the program.
    fn finish(&mut self, reply: &Message) -> Option<Event<'a>> {
        if reply.token == QUESTION {
            return reply.outcome().is_ok().then(|| Event::About(About::from_words(reply.words)));
        }
        if reply.token == WATCHING {
            return reply.outcome().ok().and_then(|_| self.questions.told(reply.words[0])).map(Event::Link);
        }
        if Questions::has(reply.token) {
            return None;
        }
        let number = reply.token as u32;
        match self.buffers.used(number)? {
            Use::Sending { .. } => {
                self.buffers.set_free(number);
                let outcome = reply.outcome().map(|_| ());
                let counter =
                    if outcome.is_ok() { &mut self.counters.sent } else { &mut self.counters.dropped };
                *counter += 1;
                Some(Event::Sent { token: (reply.token >> 32) as u32, outcome })
            }
            Use::Lent => {
                self.lent -= self.buffers.together(number);
                if reply.outcome().is_ok_and(|length| self.put(number, length, reply.words)) {
                    return self.tell_received();
                }
                // The driver has no room for so many, perhaps.
                match reply.outcome() {
                    Err(Error::Full) => self.receive = self.receive.min(self.lent),
                    _ => self.counters.bad_replies += 1,
                }
                self.buffers.set_free(number);
                None
            }
            Use::Free | Use::Held | Use::Follows | Use::GivenUp { .. } => None,
        }
    }

    /// A frame, or a part of one, has come in a buffer: whether that may be. Then it is the program's.
    fn put(&mut self, number: u32, length: u64, [first, second, third, ..]: [u64; WORDS]) -> bool {
        let arrival = Arrival::from_words([first, second, third]);
        let head = if matches!(arrival, Arrival::Next(_)) { HEAD_BYTES } else { 0 };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let part = Part { number, length, arrival, ..Part::default() };
        let is_first = matches!(arrival, Arrival::First { .. });
        if is_first && self.merging.is_partial() {
            self.counters.bad_replies += 1;
            self.drop_partial();
        }
        let put = match length {
            length if length > self.buffers.together(number) * BUFFER_BYTES + head => Put::Refused,
            _ if is_first => self.merging.begin(part, self.questions.accepted),
            _ => self.merging.go_on(part),
        };
        if put == Put::Kept {
            self.buffers.set(number, Use::Held);
            if let Some(bytes) = self.merging.whole() {
                self.usual = self.usual - self.usual / RECENT + bytes / RECENT;
            }
        } else {
            self.drop_partial();
        }
        put == Put::Kept
    }

    /// The rest of a frame will never come, or was a lie.
    fn drop_partial(&mut self) {
        self.merging.drop_partial().for_each(|number| self.buffers.set_free(number));
    }

    /// The next part for the program, if all of its frame are there.
    fn tell_received(&mut self) -> Option<Event<'a>> {
        let (Part { number, length, checked, arrival }, follow) = self.merging.tell()?;
        let (coalesced, head) = match arrival {
            Arrival::First { coalesced, .. } => {
                self.counters.received += 1;
                (coalesced, None)
            }
            Arrival::Next(head) => (None, Some(head)),
        };
        let head_bytes = head.map_or(0, |_| length.min(HEAD_BYTES));
        let (head, length) = (head.unwrap_or_default(), length - head_bytes);
        let bytes = self.buffers.bytes(number, self.buffers.together(number))?;
        let buffer = Buffer { number, bytes };
        Some(Event::Received(Received { buffer, length, checked, coalesced, follow, head, head_bytes }))
    }

    /// All that was lent is back, and goes to the successor.
    fn replaced(&mut self, epoch: Epoch) -> Event<'a> {
        self.collect_lost();
        self.drop_partial();
        self.questions.renew();
        self.resumed = true;
        if cfg!(not(bite = "frames-full-for-ever")) {
            // What one driver had no room for is none of its successor's.
            self.receive = self.wanted;
        }
        let count = core::mem::take(&mut self.waiting_count);
        for place in 0..count {
            let Some(&request) = self.waiting.get(place) else { break };
            let number = request.token as u32;
            match self.buffers.used(number) {
                Some(Use::Lent) => {
                    self.lent -= self.buffers.together(number);
                    self.buffers.set_free(number);
                }
                Some(Use::Sending { attempts })
                    if attempts >= MAX_ATTEMPTS && cfg!(not(bite = "frames-sent-for-ever")) =>
                {
                    self.buffers.set(number, Use::GivenUp { token: (request.token >> 32) as u32 });
                    self.given_up += 1;
                }
                Some(Use::Sending { attempts }) => {
                    self.buffers.set(number, Use::Sending { attempts: attempts + 1 });
                    self.counters.resent += 1;
                    self.wait(request);
                }
                _ => {}
            }
        }
        self.submit_waiting();
        self.refill();
        Event::Replaced(epoch)
    }

    /// Submits, and takes everything back if the driver is caught lying.
    fn submit(&mut self, request: &Message) -> Result<(), SubmitError> {
        let submitted = self.requester.submit(request);
        if submitted == Err(SubmitError::Misbehaved) {
            self.collect_lost();
        }
        submitted
    }

    /// Takes back, in order, what will get no reply. There is nothing to submit to until there is a successor.
    fn collect_lost(&mut self) {
        self.resumed = cfg!(bite = "frames-liar-believed");
        let younger = self.waiting_count;
        while let Some(request) = self.requester.take_lost() {
            if Questions::has(request.token) {
                self.questions.ask(request.token);
            } else {
                self.wait(request);
            }
        }
        if let Some(all) = self.waiting.get_mut(..self.waiting_count) {
            all.rotate_left(younger);
        }
    }

    fn wait(&mut self, request: Message) {
        if let Some(slot) = self.waiting.get_mut(self.waiting_count) {
            *slot = request;
            self.waiting_count += 1;
        }
    }

    /// One that finds no room is asked later.
    fn submit_questions(&mut self) {
        while self.resumed
            && let Some(question) = self.questions.next()
        {
            if self.submit(&question).is_err() {
                return self.questions.ask(question.token);
            }
        }
    }

    fn submit_waiting(&mut self) {
        if !self.resumed {
            return;
        }
        self.submit_questions();
        let mut submitted = 0;
        let waiting = self.waiting.iter().take(self.waiting_count);
        // The rings have a slot for each buffer: a driver that gives none back is waited for.
        let failed = waiting.map(|request| self.requester.submit(request)).find_map(|submitted_one| {
            submitted += usize::from(submitted_one.is_ok());
            submitted_one.err()
        });
        self.waiting.copy_within(submitted..self.waiting_count, 0);
        self.waiting_count -= submitted;
        if failed == Some(SubmitError::Misbehaved) {
            self.collect_lost();
        }
    }

    /// Lends as many buffers for receiving as there are to be; some together, since a driver that sleeps is woken for it.
    fn refill(&mut self) {
        if self.receive.saturating_sub(self.lent) < self.together.min(self.receive) {
            return;
        }
        while self.lent < self.receive && self.resumed {
            let Some((number, count)) = self.room() else { return };
            if self.submit(&lend(RECEIVE, number, count * BUFFER_BYTES, None, 0)).is_err() {
                self.buffers.set_free(number);
                return;
            }
            self.buffers.set(number, Use::Lent);
            self.lent += count;
        }
    }

    /// Room for a frame of those that are usual: its first buffer, and how many they are. Nothing if there is no such room now, and other for the longest frame.
    fn room(&mut self) -> Option<(u32, usize)> {
        if self.usual >= LONG {
            if self.lent + ROOM <= self.receive
                && let Some(number) = self.buffers.take_run(ROOM)
            {
                return Some((number, ROOM));
            }
            if self.lent >= MAX_PARTS {
                return None;
            }
        }
        self.buffers.take_free().map(|number| (number, 1))
    }

    fn tell_given_up(&mut self) -> Option<Event<'a>> {
        let (number, token) = self.buffers.given_up()?;
        self.given_up -= 1;
        self.counters.dropped += 1;
        self.buffers.set_free(number);
        Some(Event::Sent { token, outcome: Err(Error::PeerDied) })
    }
}

/// The request that lends the beginning of a buffer.
fn lend(command: u32, number: u32, length: usize, offload: Option<Offload>, token: u32) -> Message {
    let [first, second] = payload(number, length as u32).to_words();
    let token = u64::from(token) << 32 | u64::from(number);
    let offload = offload.map_or(0, Offload::to_word);
    Message { token, ..Message::new(command, [first, second, offload, 0, 0]) }
}
