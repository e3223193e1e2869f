//! Streams.

use alloc::boxed::Box;

use anax_proto::Later;
use anax_socket::ring::Ring;
use anax_socket::{Failure, MOST_WAITING, Progress, Question, Standing};
use anax_tcp::{Closed, ConnectionId, Event, Tuple};
use smallvec::SmallVec;

use super::{Host, Role, Shard};
use crate::pieces::Pieces;
use crate::session::Arena;

/// Who waits for a socket to be further than it knows of. There are thousands of these, so it is three words.
#[derive(Debug)]
pub(super) struct Waiter {
    received: u64,
    /// With [`KNOWS_END`].
    taken: u64,
    pub(super) later: Later<Progress, Failure>,
}

/// It knows that the peer has closed: above what can be taken.
const KNOWS_END: u64 = 1 << 63;
/// More than is ever taken.
const NEVER: u64 = KNOWS_END - 1;

impl Waiter {
    /// One that waits for more than that, unless it is [`u64::MAX`]; and for the peer's end, unless it knows of that.
    pub(super) fn new(received: u64, taken: u64, knows_end: bool, later: Later<Progress, Failure>) -> Self {
        let known = if knows_end { KNOWS_END } else { 0 };
        Self { received, taken: taken.min(NEVER) | known, later }
    }

    /// Whether there is something that it does not know of.
    pub(super) const fn is_due(&self, progress: &Progress) -> bool {
        let (taken, knows_end) = (self.taken & NEVER, self.taken & KNOWS_END != 0);
        (self.received != u64::MAX && progress.received > self.received)
            || (taken != NEVER && progress.taken > taken)
            || (progress.standing.peer_closed && !knows_end)
    }
}

/// Those of one socket, [`MOST_WAITING`] at most; mostly one, which lies in the socket itself.
#[derive(Debug, Default)]
pub(super) struct Waiters(SmallVec<[Waiter; 1]>);

impl Waiters {
    pub(super) const fn new() -> Self {
        Self(SmallVec::new_const())
    }

    /// One more. If there are too many, the one that has waited longest comes back.
    pub(super) fn push(&mut self, waiter: Waiter) -> Option<Waiter> {
        let oldest = (self.0.len() == MOST_WAITING).then(|| self.0.remove(0));
        // There are thousands of sockets: no room that is not used.
        self.0.reserve_exact(1);
        self.0.push(waiter);
        oldest
    }

    pub(super) fn get(&self, place: usize) -> Option<&Waiter> {
        self.0.get(place)
    }

    pub(super) fn remove(&mut self, place: usize) -> Waiter {
        self.0.remove(place)
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Waiter> {
        self.0.into_iter()
    }
}

/// A stream's state, beside the engine's.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) connection: ConnectionId,
    pub(super) tuple: Tuple,
    /// As the program says.
    pub(super) written: u64,
    pub(super) room: u64,
    pub(super) progress: Progress,
    pub(super) ended: Option<Closed>,
    pub(super) connecting: Option<Later<(), Failure>>,
    /// The program is done with it: it is told when its rings are free, if it asks. What was written goes out.
    pub(super) closing: Option<Option<Later<(), Failure>>>,
    pub(super) waiters: Waiters,
    /// What of it does not lie in its ring, if anything ever did.
    pub(super) pieces: Option<Box<Pieces>>,
}

impl Stream {
    pub(super) fn new(connection: ConnectionId, tuple: Tuple, room: u64) -> Self {
        Self {
            connection,
            tuple,
            written: 0,
            room,
            progress: Progress::default(),
            ended: None,
            connecting: None,
            closing: None,
            waiters: Waiters::new(),
            pieces: None,
        }
    }

    /// What has ended it, for whoever asks afterwards; nothing where all is told by the stream's end.
    pub(super) const fn failure(&self) -> Option<Failure> {
        match self.ended {
            None => None,
            Some(closed) => failure(closed),
        }
    }
}

pub(super) const fn failure(closed: Closed) -> Option<Failure> {
    match closed {
        Closed::Done => None,
        Closed::Reset => Some(Failure::Reset),
        Closed::Refused => Some(Failure::Refused),
        Closed::TimedOut => Some(Failure::TimedOut),
        Closed::Aborted => Some(Failure::Aborted),
        Closed::Unreachable => Some(Failure::Unreachable),
    }
}

impl<H: Host> Shard<H> {
    /// Takes what the engine tells, and makes the sockets' progress of it.
    pub(super) fn events(&mut self) {
        while let Some(event) = self.engine.event() {
            match event {
                Event::Accepted { listener, connection, tuple } => self.accepted(listener, connection, tuple),
                Event::Connected(connection) => self.of(connection, |stream| {
                    let later = stream.connecting.take();
                    later.map(|later| later.answer(Ok(())))
                }),
                Event::Received { connection, upto } => {
                    if let Some(early) = self.early.get_mut(&connection) {
                        early.received = upto;
                    }
                    self.of(connection, |stream| {
                        stream.progress.received = upto;
                        None
                    });
                }
                Event::Acknowledged { connection, upto } => self.of(connection, |stream| {
                    stream.progress.taken = upto;
                    if let Some(pieces) = &mut stream.pieces
                        && pieces.taken(upto)
                    {
                        stream.pieces = None;
                    }
                    None
                }),
                Event::PeerClosed(connection) => {
                    if let Some(early) = self.early.get_mut(&connection) {
                        early.peer_closed = true;
                    }
                    self.of(connection, |stream| {
                        stream.progress.standing = Standing { peer_closed: true };
                        None
                    });
                }
                Event::Ended { connection, how } => self.ended(connection, how),
            }
        }
    }

    /// Does something with a connection's stream, if it has one, which may be an answer.
    fn of(
        &mut self,
        connection: ConnectionId,
        what: impl FnOnce(&mut Stream) -> Option<anax_proto::Answered>,
    ) {
        let Some(index) = self.of_connection.get(connection) else { return };
        let place = &mut self.sockets[index as usize];
        let Some(Role::Stream(stream)) = place.socket.as_mut().map(|open| &mut open.role) else { return };
        let answered = what(stream);
        self.touch(index);
        if let Some(answered) = answered {
            self.answer(&answered);
        }
    }

    fn ended(&mut self, connection: ConnectionId, how: anax_tcp::Closed) {
        if self.early.contains_key(&connection) {
            self.early_ended(connection, how);
            return;
        }
        self.of(connection, |stream| {
            stream.ended = Some(how);
            stream.pieces = None;
            let later = stream.connecting.take();
            later.map(|later| later.answer(Err(failure(how).unwrap_or(Failure::Reset))))
        });
        self.of_connection.remove(connection);
    }

    /// Answers whoever waits for what is there now, and lets go of what is over.
    pub(super) fn look_at_stream(&mut self, index: u32) {
        let place = &mut self.sockets[index as usize];
        let Some(open) = &mut place.socket else { return };
        let Role::Stream(stream) = &mut open.role else { return };
        let (progress, failed, is_over) = (stream.progress, stream.failure(), stream.ended.is_some());
        let mut answers = arrayvec::ArrayVec::<_, MOST_WAITING>::new();
        let mut place = 0;
        while let Some(waiter) = stream.waiters.get(place) {
            if is_over || waiter.is_due(&progress) {
                let waiter = stream.waiters.remove(place);
                answers.push(waiter.later.answer(outcome(waiter.received, progress, failed)));
            } else {
                place += 1;
            }
        }
        let is_free = stream.closing.is_some() && (is_over || progress.taken >= stream.written);
        let closing = if is_free { stream.closing.take().flatten() } else { None };
        answers.iter().for_each(|answered| self.answer(answered));
        if is_free {
            if let Some(later) = closing {
                self.answer(&later.answer(Ok(())));
            }
            self.let_go(index);
        }
    }

    /// The socket's place is free; its connection, if there still is one, is nobody's.
    pub(super) fn let_go(&mut self, index: u32) {
        if let Some(open) = &self.sockets[index as usize].socket
            && let Role::Stream(stream) = &open.role
        {
            self.of_connection.remove(stream.connection);
        }
        self.remove(index);
    }

    /// What `exchange` does with a stream.
    pub(super) fn exchange_stream(
        &mut self,
        index: u32,
        question: Question,
        (written, room): (u64, u64),
        (received, taken): (u64, u64),
        later: Later<Progress, Failure>,
    ) {
        let Some(open) = &mut self.sockets[index as usize].socket else { return };
        let (send, receive) = (open.rings.send().1, open.rings.receive().1);
        let Role::Stream(stream) = &mut open.role else { return };
        let can_be = written >= stream.written
            && written - stream.progress.taken <= send
            && room.saturating_sub(stream.progress.received) <= receive;
        if !can_be || stream.closing.is_some() {
            let answered = later.answer(Err(Failure::BadArgument));
            return self.answer(&answered);
        }
        let (connection, is_over) = (stream.connection, stream.ended.is_some());
        let mut refused = None;
        if written > stream.written && !is_over {
            if self.engine.write(connection, written, self.now).is_ok() {
                stream.written = written;
            } else {
                refused = Some(Failure::BadState);
            }
        }
        if room > stream.room && !is_over {
            stream.room = room;
            // One that has just ended is told of by its event.
            let _ = self.engine.make_room(connection, room, self.now);
        }
        let waiter = Waiter::new(received, taken, question.knows_end, later);
        let progress = stream.progress;
        if let Some(failure) = refused {
            let answered = waiter.later.answer(Err(failure));
            return self.answer(&answered);
        }
        if is_over || waiter.is_due(&progress) {
            let failed = stream.failure();
            let answered = waiter.later.answer(outcome(received, progress, failed));
            return self.answer(&answered);
        }
        let oldest = stream.waiters.push(waiter);
        if let Some(oldest) = oldest {
            let answered = oldest.later.answer(Ok(progress));
            self.answer(&answered);
        }
    }

    /// The ring of a stream to which received bytes go, or from which those to be sent come.
    pub(super) fn ring(&self, connection: ConnectionId, is_send: bool) -> Option<Ring<'_>> {
        let index = self.of_connection.get(connection)?;
        let open = self.sockets[index as usize].socket.as_ref()?;
        let place = if is_send { open.rings.send() } else { open.rings.receive() };
        Ring::new(open.session.arena.bytes(), place).ok()
    }
}

/// What somebody who asks about a stream that is over, or is further, is told: first all that there is to be had, then what has ended it.
const fn outcome(received: u64, progress: Progress, failed: Option<Failure>) -> Result<Progress, Failure> {
    let has_more = received != u64::MAX && progress.received > received;
    match failed {
        Some(failure) if !has_more => Err(failure),
        _ => Ok(progress),
    }
}
