//! The connections of one protocol thread.

mod calls;
mod handshake;
mod input;
mod keep;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::BuildHasher;
use core::time::Duration;

use hashbrown::HashMap;
use siphasher::sip::SipHasher13;
use smoltcp::wire::IpAddress;

use crate::config::Config;
use crate::connection::{Around, Common, Connection, Snapshot, State};
use crate::counters::Counters;
use crate::event::{Closed, ConnectionId, Event, ListenerId, Place};
use crate::index::{Ends, Index};
use crate::isn::{Keys, Purpose};
use crate::listener::Listener;
use crate::owner::owner;
use crate::segment::Outgoing;
use crate::syncache::Openings;
use crate::timewait::TimeWait;
use crate::tuple::Tuple;
use crate::wheel::Wheel;

/// Answers that wait to be sent, at most: more are not given.
const MOST_REPLIES: usize = 256;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is no such connection or listener any more.
    Gone,
    /// Somebody has these ends, or this port, already.
    InUse,
    /// There are as many as there may be.
    Full,
    /// The ends can't be a connection's.
    BadAddress,
    /// It belongs to another protocol thread: this one.
    NotMine(u32),
    /// The stream was shut down, or was written further already.
    Shut,
}

/// What became of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It was looked at.
    Here,
    /// It is this protocol thread's, and nothing has changed here.
    NotMine(u32),
}

/// Keyed, so that nobody can choose what collides.
#[derive(Clone, Copy, Debug)]
struct Keyed([u8; 16]);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_key(&self.0)
    }
}

impl Ends for Vec<Slot> {
    #[inline]
    fn of(&self, number: u32) -> Option<&Tuple> {
        self.get(number as usize)?.connection.as_deref().map(|connection| &connection.tuple)
    }
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
    /// Whether it is on the list of those that have changed.
    is_changed: bool,
}

/// Something that may be done so often a second.
#[derive(Clone, Copy, Debug, Default)]
struct Budget {
    second: u64,
    used: u32,
}

impl Budget {
    fn take(&mut self, now: Duration, most: u32) -> bool {
        if self.second != now.as_secs() {
            *self = Self { second: now.as_secs(), used: 0 };
        }
        self.used += 1;
        self.used <= most || cfg!(bite = "tcp-challenges-all")
    }
}

/// Has a connection called at its deadline, or before.
#[inline]
fn arm(connection: &mut Connection, index: u32, wheel: &mut Wheel) {
    if connection.armed.is_none() || connection.may_be_due_sooner() {
        connection.is_sooner = false;
        if let Some(deadline) = connection.deadline()
            && connection.armed.is_none_or(|armed| deadline < armed)
        {
            connection.armed = Some(deadline);
            wheel.set(index, deadline);
        }
    }
    let is_in_time = |at| connection.armed.is_some_and(|armed| armed <= at);
    debug_assert!(connection.deadline().is_none_or(is_in_time));
}

/// The invariant of partitioning: a connection is its owner's, and nobody else touches it. Looked at when one begins; in debug builds at every touch.
fn is_owned(tuple: &Tuple, config: &Config) -> bool {
    let (own, count) = config.owner;
    owner(tuple, count) == own
}

/// The connections of one protocol thread. See the crate.
///
/// What is called with a time is to be called with times that never go back. After each call, or some of them ([`Engine::transmit`] merges what
/// they lead to), [`Engine::place`] is to be asked until there is nothing, before the segment's memory is used for something else; then
/// [`Engine::event`] and [`Engine::transmit`].
#[derive(Debug)]
pub struct Engine {
    common: Common,
    keys: Keys,
    slots: Vec<Slot>,
    free: Vec<u32>,
    connections: Index,
    listeners: Vec<(u32, Option<Listener>)>,
    /// Who of them has a port, of an address or of all.
    ports: HashMap<(u16, Option<IpAddress>), ListenerId, Keyed>,
    openings: Openings<Keyed>,
    waiting: TimeWait<Keyed>,
    wheel: Wheel,
    ready: VecDeque<u32>,
    challenges: Budget,
    changed: Vec<u32>,
}

impl Engine {
    /// One without connections. What nobody else is to guess comes from `seed`.
    #[must_use]
    pub fn new(config: Config, seed: [u8; 32]) -> Self {
        let keys = Keys::new(seed);
        let hasher = Keyed(*keys.key(Purpose::Table));
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            connections: Index::new(keys.key(Purpose::Table)),
            keys,
            listeners: Vec::new(),
            ports: HashMap::with_hasher(hasher),
            openings: Openings::new(hasher, config.most_openings),
            waiting: TimeWait::new(hasher, config.most_waiting),
            wheel: Wheel::new(),
            ready: VecDeque::new(),
            challenges: Budget::default(),
            changed: Vec::new(),
            common: Common::new(config),
        }
    }

    /// Bytes of a segment that was handed in, to be copied now; in the order in which they came.
    pub fn place(&mut self) -> Option<Place> {
        self.common.places.pop_front()
    }

    /// What has happened, the earliest first.
    pub fn event(&mut self) -> Option<Event> {
        self.common.events.pop_front()
    }

    /// The next segment to send, if there is one now. Connections that have something to send take turns.
    pub fn transmit(&mut self, now: Duration) -> Option<Outgoing> {
        if let Some(reply) = self.common.replies.pop_front() {
            self.common.counters.segments_out += 1;
            return Some(reply);
        }
        while let Some(index) = self.ready.pop_front() {
            let slot = &mut self.slots[index as usize];
            let Some(connection) = slot.connection.as_deref_mut() else { continue };
            let id = ConnectionId { index, generation: slot.generation };
            let segment = connection.output(&mut self.common.around(id, now));
            // It comes again, behind the others, if it has sent something and may have more.
            connection.is_ready = segment.is_some() && connection.wants_to_send();
            if connection.is_ready {
                self.ready.push_back(index);
            }
            arm(connection, index, &mut self.wheel);
            if segment.is_some() {
                if !core::mem::replace(&mut slot.is_changed, true) {
                    self.changed.push(index);
                }
                self.common.counters.segments_out += 1;
                return segment;
            }
        }
        None
    }

    /// Does what is due at `now`.
    pub fn poll(&mut self, now: Duration) {
        while let Some(index) = self.wheel.expire(now) {
            self.with(index, now, |connection, around| {
                connection.armed = None;
                connection.tick(around);
            });
        }
        self.waiting.expire(now);
        while let Some((tuple, opening)) = self.openings.due(now, self.common.config.initial_timeout) {
            self.answer(tuple, &opening);
        }
    }

    /// When [`Engine::poll`] is to be called again at the latest.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        [self.wheel.next(), self.waiting.next(), self.openings.next()].into_iter().flatten().min()
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.common.counters
    }

    /// How many there are: connections, openings that are not confirmed, records of TIME-WAIT.
    #[must_use]
    pub fn population(&self) -> [usize; 3] {
        [self.connections.len(), self.openings.len(), self.waiting.len()]
    }

    /// From now on so many bytes of payload may be in one [`Outgoing`] (see [`Config::tso`]).
    pub fn set_tso(&mut self, bytes: u32) {
        self.common.config.tso = bytes;
    }

    /// Whether somebody has these ends: a connection, an opening, or a record of TIME-WAIT.
    #[must_use]
    pub fn has(&self, tuple: &Tuple) -> bool {
        self.number_of(tuple).is_some()
            || self.openings.get(tuple).is_some()
            || self.waiting.get(tuple).is_some()
    }

    /// A connection as it is now.
    #[must_use]
    pub fn snapshot(&self, connection: ConnectionId) -> Option<Snapshot> {
        self.find(connection).map(|connection| connection.snapshot(&self.common.config))
    }

    /// The place of the connection between these ends.
    #[inline]
    fn number_of(&self, tuple: &Tuple) -> Option<u32> {
        self.connections.get(tuple, &self.slots)
    }

    fn find(&self, id: ConnectionId) -> Option<&Connection> {
        let slot = self.slots.get(id.index as usize).filter(|slot| slot.generation == id.generation)?;
        slot.connection.as_deref()
    }

    /// Does something with a connection, and what follows from it.
    fn with<R>(
        &mut self,
        index: u32,
        now: Duration,
        what: impl FnOnce(&mut Connection, &mut Around<'_>) -> R,
    ) -> Option<R> {
        let slot = self.slots.get_mut(index as usize)?;
        let connection = slot.connection.as_deref_mut()?;
        let id = ConnectionId { index, generation: slot.generation };
        debug_assert!(is_owned(&connection.tuple, &self.common.config), "another thread's connection");
        let done = what(connection, &mut self.common.around(id, now));
        if !core::mem::replace(&mut slot.is_changed, true) {
            self.changed.push(index);
        }
        if matches!(connection.state, State::TimeWait | State::Closed) {
            self.leave(id, now);
        } else {
            if !connection.is_ready && connection.wants_to_send() {
                connection.is_ready = true;
                self.ready.push_back(index);
            }
            arm(connection, index, &mut self.wheel);
        }
        self.common.replies.truncate(MOST_REPLIES);
        Some(done)
    }

    /// A connection has ended: what is left of it is a record, if anything.
    #[cold]
    fn leave(&mut self, id: ConnectionId, now: Duration) {
        self.connections.remove(id.index, &self.slots);
        let slot = &mut self.slots[id.index as usize];
        let Some(mut connection) = slot.connection.take() else { return };
        slot.generation = slot.generation.wrapping_add(1);
        if connection.state == State::TimeWait {
            let last = connection.last_words(&mut self.common.around(id, now));
            self.common.replies.extend(last);
            let rest = connection.rest(now, &self.common.config);
            let evicted = self.waiting.put(connection.tuple, rest);
            self.common.counters.waiting_evicted += u64::from(evicted);
            self.common.events.push_back(Event::Ended { connection: id, how: Closed::Done });
        }
        self.wheel.cancel(id.index);
        self.free.push(id.index);
    }

    /// Adds a connection that `make` makes.
    fn add(
        &mut self,
        tuple: Tuple,
        now: Duration,
        make: impl FnOnce(&Around<'_>) -> Connection,
    ) -> Result<ConnectionId, Error> {
        if self.connections.len() >= self.common.config.most_connections {
            return Err(Error::Full);
        }
        assert!(is_owned(&tuple, &self.common.config), "another thread's connection");
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() as u32 - 1
        });
        let slot = &mut self.slots[index as usize];
        let id = ConnectionId { index, generation: slot.generation };
        slot.connection = Some(Box::new(make(&self.common.around(id, now))));
        self.connections.insert(index, &self.slots);
        // It is armed, and asked for what it sends.
        self.with(index, now, |_, _| ());
        Ok(id)
    }

    fn own_mss(&self, tuple: &Tuple) -> u16 {
        match tuple.local.address {
            IpAddress::Ipv4(_) => self.common.config.mss_v4,
            IpAddress::Ipv6(_) => self.common.config.mss_v6,
        }
    }

    fn listener(&mut self, id: ListenerId) -> Option<&mut Listener> {
        let (generation, listener) = self.listeners.get_mut(id.index as usize)?;
        listener.as_mut().filter(|_| *generation == id.generation)
    }
}
