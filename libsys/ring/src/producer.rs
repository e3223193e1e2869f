//! The sending half: puts messages in slots, publishes them, waits for room.
//!
//! Its own state is private and only copied out to shared memory; from there it reads the consumer's position, which can
//! free slots that were published and not yet freed, and nothing else. Between looks it goes by the last one.

use anax_abi::{Flags, Message};

use crate::block::{SharedBlock, Slot};
use crate::doorbell::{self, Doorbell, Sleep};
use crate::layout::{Epoch, Geometry, Side, stamped, value_in};
use crate::sync::{AtomicU64, Ordering};
use crate::{Misbehaved, OpenError, PushError, wire};

/// The sending half of one side's channel, used by one thread.
#[derive(Debug)]
pub struct Producer<'a> {
    slots: &'a [Slot],
    own: &'a AtomicU64,
    peer: &'a AtomicU64,
    asleep: &'a AtomicU64,
    room: &'a AtomicU64,
    epoch: Epoch,
    /// The next slot to fill.
    next: u32,
    /// Where the ring is full, as far as known; `next` when poisoned, so that the fast path needs no other test.
    limit: u32,
    /// What the peer has been told of.
    published: u32,
    /// The consumer's index, last time it was looked at.
    freed: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The flag "wants room" is up.
    Waiting,
    /// Another may go on in its place.
    Suspended,
    Poisoned,
}

impl<'a> Producer<'a> {
    pub(crate) fn new(
        block: SharedBlock<'a>,
        geometry: Geometry,
        side: Side,
        epoch: Epoch,
    ) -> Result<Self, OpenError> {
        let ring = geometry.ring(side);
        Ok(Self {
            slots: block.slots(ring.slots, geometry.slots(side))?,
            own: block.word(ring.producer)?,
            peer: block.word(ring.consumer)?,
            asleep: block.word(ring.asleep)?,
            room: block.word(ring.room)?,
            epoch,
            next: 0,
            limit: 0,
            published: 0,
            freed: 0,
            state: State::Open,
        })
    }

    /// Slots of the ring.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Begins anew with an empty ring in `epoch`, poisoned or not. What was pushed before and not taken is gone.
    ///
    /// Only when the supervisor has bound a successor: in the same epoch the peer would see positions go back.
    pub fn rebind(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        (self.next, self.published, self.freed) = (0, 0, 0);
        self.limit = self.capacity();
        self.state = State::Open;
        doorbell::withdraw(self.room, epoch);
        self.own.store(stamped(epoch, 0), Ordering::Release);
    }

    /// Where it stands: all before it has been filled.
    pub(crate) const fn position(&self) -> u32 {
        self.next
    }

    /// Goes on behind `next` messages that another published. Writes nothing; none if the words don't say that it did, or that the
    /// peer has taken what a ring does not hold of them.
    pub(crate) fn adopt(&mut self, next: u32) -> Option<()> {
        if self.own.load(Ordering::Acquire) != stamped(self.epoch, next) {
            return None;
        }
        // A peer that has not arrived has taken nothing.
        let freed = value_in(self.epoch, self.peer.load(Ordering::Acquire)).unwrap_or(0);
        if next.wrapping_sub(freed) > self.capacity() {
            return None;
        }
        (self.next, self.published, self.freed) = (next, next, freed);
        self.limit = freed.wrapping_add(self.capacity());
        Some(())
    }

    /// Finds no room until [`Self::resume`], after [`Self::show`]. Whoever goes on looks first, so no doorbell is asked for.
    pub(crate) fn suspend(&mut self) {
        if self.state == State::Waiting {
            doorbell::withdraw(self.room, self.epoch);
        }
        if self.state != State::Poisoned {
            self.state = State::Suspended;
            self.limit = self.next;
        }
    }

    pub(crate) fn resume(&mut self) {
        if self.state == State::Suspended {
            self.state = State::Open;
            self.limit = self.freed.wrapping_add(self.capacity());
        }
    }

    /// Puts a message in the ring; the peer sees it after [`Self::publish`].
    ///
    /// # Errors
    /// [`PushError::Full`] if there is no slot: publish, then [`Self::prepare_to_sleep`] or do something else.
    /// [`PushError::Misbehaved`] if the peer's position can't be true, now or earlier.
    #[inline]
    pub fn push(&mut self, message: &Message) -> Result<(), PushError> {
        self.push_as(message, message.token, message.flags)
    }

    /// Puts in as many of the messages as there is room for, in order, and returns how many.
    ///
    /// # Errors
    /// [`Misbehaved`] as for [`Self::push`].
    pub fn push_all(&mut self, messages: &[Message]) -> Result<usize, Misbehaved> {
        for (count, message) in messages.iter().enumerate() {
            match self.push(message) {
                Ok(()) => {}
                Err(PushError::Full) => return Ok(count),
                Err(PushError::Misbehaved) => return Err(Misbehaved),
            }
        }
        Ok(messages.len())
    }

    /// Pushes under another name.
    #[inline]
    pub(crate) fn push_as(&mut self, message: &Message, token: u64, flags: Flags) -> Result<(), PushError> {
        self.reserve()?;
        let place = self.next as usize & self.slots.len().wrapping_sub(1);
        let Some(slot) = self.slots.get(place) else { return Err(PushError::Full) };
        if cfg!(bite = "ring-publish-early") {
            self.own.store(stamped(self.epoch, self.next.wrapping_add(1)), Ordering::Release);
        }
        wire::store(slot, message, token, flags);
        self.next = self.next.wrapping_add(1);
        Ok(())
    }

    /// Makes sure that the next push finds a slot.
    #[inline]
    pub(crate) fn reserve(&mut self) -> Result<(), PushError> {
        if self.next != self.limit { Ok(()) } else { self.look_for_room() }
    }

    #[inline(never)]
    fn look_for_room(&mut self) -> Result<(), PushError> {
        match self.state {
            State::Poisoned => return Err(PushError::Misbehaved),
            State::Suspended => return Err(PushError::Full),
            State::Waiting => {
                doorbell::withdraw(self.room, self.epoch);
                self.state = State::Open;
            }
            State::Open => {}
        }
        self.learn()?;
        if self.next == self.limit { Err(PushError::Full) } else { Ok(()) }
    }

    /// Reads the consumer's position, once.
    #[inline]
    fn learn(&mut self) -> Result<(), Misbehaved> {
        // Acquire: the consumer has read the slots that it frees.
        if let Some(index) = value_in(self.epoch, self.peer.load(Ordering::Acquire)) {
            let unread = self.published.wrapping_sub(self.freed);
            if index.wrapping_sub(self.freed) > unread && cfg!(not(bite = "ring-index-unchecked")) {
                return Err(self.poison());
            }
            self.freed = index;
            self.limit = index.wrapping_add(self.capacity());
        }
        Ok(())
    }

    /// Shows the peer all that was pushed, and says whether it has to be rung.
    ///
    /// # Errors
    /// [`Misbehaved`] if the peer's flag is none, or it misbehaved earlier.
    #[inline]
    pub fn publish(&mut self) -> Result<Doorbell, Misbehaved> {
        if !self.show()? {
            return Ok(Doorbell::Quiet);
        }
        doorbell::full_fence();
        self.answer()
    }

    /// The first step of publishing: moves the position, and says whether it moved. The fence and [`Self::answer`] follow.
    #[inline]
    pub(crate) fn show(&mut self) -> Result<bool, Misbehaved> {
        if self.state == State::Poisoned {
            return Err(Misbehaved);
        }
        if self.next == self.published {
            return Ok(false);
        }
        // Release: the slots are written.
        self.own.store(stamped(self.epoch, self.next), Ordering::Release);
        self.published = self.next;
        Ok(true)
    }

    /// The last step of publishing.
    #[inline]
    pub(crate) fn answer(&mut self) -> Result<Doorbell, Misbehaved> {
        doorbell::answer(self.asleep, self.epoch).map_err(|_| self.poison())
    }

    /// Asks to be rung as soon as there is room; the caller then waits if it [may](Sleep::MaySleep).
    ///
    /// # Errors
    /// As for [`Self::push`] and [`Self::publish`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        if self.publish()? == Doorbell::Ring {
            return Ok(Sleep::RingFirst);
        }
        if self.next != self.limit {
            return Ok(Sleep::MoreToDo);
        }
        doorbell::raise(self.room, self.epoch);
        doorbell::full_fence();
        if cfg!(not(bite = "ring-room-not-rechecked")) {
            self.learn()?;
        }
        if self.next != self.limit {
            doorbell::withdraw(self.room, self.epoch);
            return Ok(Sleep::MoreToDo);
        }
        self.state = State::Waiting;
        Ok(Sleep::MaySleep)
    }

    #[cold]
    pub(crate) fn poison(&mut self) -> Misbehaved {
        self.state = State::Poisoned;
        self.limit = self.next;
        Misbehaved
    }
}

#[cfg(bite = "ring-epoch-from-shared")]
impl Producer<'_> {
    /// What the peer may have scribbled over.
    pub(crate) fn token_in_slot(&self, place: usize) -> u64 {
        self.slots.get(place).and_then(wire::load).map_or(0, |message| message.token)
    }
}
