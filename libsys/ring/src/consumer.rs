//! The receiving half: takes messages out, gives their slots back, waits for more.
//!
//! It reads the producer's position once for a whole batch, and believes it only if it lies between what it has seen before
//! and a full ring. A message is copied out before anything looks at it.

use anax_abi::Message;

use crate::block::{SharedBlock, Slot};
use crate::doorbell::{self, Doorbell, Sleep};
use crate::layout::{Epoch, Geometry, Side, stamped, value_in};
use crate::sync::{AtomicU64, Ordering};
use crate::{Misbehaved, OpenError, wire};

/// The receiving half of one side's channel, used by one thread.
#[derive(Debug)]
pub struct Consumer<'a> {
    slots: &'a [Slot],
    own: &'a AtomicU64,
    peer: &'a AtomicU64,
    asleep: &'a AtomicU64,
    room: &'a AtomicU64,
    epoch: Epoch,
    /// The next slot to take.
    next: u32,
    /// Where the ring is empty, as far as known; `next` when poisoned, so that the fast path needs no other test.
    available: u32,
    /// What the peer has been told of.
    released: u32,
    /// The producer's position as it was read last, for a look that finds nothing new to be short.
    seen: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The flag "asleep" is up.
    Waiting,
    /// Another may go on in its place.
    Suspended,
    Poisoned,
}

impl<'a> Consumer<'a> {
    pub(crate) fn new(
        block: SharedBlock<'a>,
        geometry: Geometry,
        side: Side,
        epoch: Epoch,
    ) -> Result<Self, OpenError> {
        let ring = geometry.ring(side.peer());
        Ok(Self {
            slots: block.slots(ring.slots, geometry.slots(side.peer()))?,
            own: block.word(ring.consumer)?,
            peer: block.word(ring.producer)?,
            asleep: block.word(ring.asleep)?,
            room: block.word(ring.room)?,
            epoch,
            next: 0,
            available: 0,
            released: 0,
            seen: 0,
            state: State::Open,
        })
    }

    /// Slots of the ring.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Begins anew with an empty ring in `epoch`, poisoned or not. What was sent in the old epoch and not taken is not
    /// delivered any more.
    ///
    /// Only when the supervisor has bound a successor: in the same epoch the peer would see positions go back.
    pub fn rebind(&mut self, epoch: Epoch) {
        self.epoch = epoch;
        (self.next, self.available, self.released) = (0, 0, 0);
        // Of an earlier epoch, whatever it was: nothing is known.
        self.seen = 0;
        self.state = State::Open;
        doorbell::withdraw(self.asleep, epoch);
        self.own.store(stamped(epoch, 0), Ordering::Release);
    }

    /// Where it stands: all before it has been taken.
    pub(crate) const fn position(&self) -> u32 {
        self.next
    }

    /// Takes nothing more until [`Self::resume`], after [`Self::show`]. Whoever goes on looks first, so no doorbell is asked for.
    pub(crate) fn suspend(&mut self) {
        self.stay_awake();
        if self.state == State::Open {
            self.state = State::Suspended;
            self.available = self.next;
        }
    }

    pub(crate) fn resume(&mut self) {
        if self.is_suspended() {
            self.state = State::Open;
            // Whatever came meanwhile was not looked at.
            self.seen = 0;
        }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.state == State::Suspended
    }

    /// Goes on behind `next` messages that another took and released. Writes nothing; none if the words don't say that it did.
    pub(crate) fn adopt(&mut self, next: u32) -> Option<()> {
        if self.own.load(Ordering::Acquire) != stamped(self.epoch, next) {
            return None;
        }
        (self.next, self.available, self.released) = (next, next, next);
        self.learn().ok()
    }

    /// Takes the next message, or none if there is none. Its slot is free for the peer after [`Self::release`].
    ///
    /// # Errors
    /// [`Misbehaved`] if the peer's position can't be true or the slot holds no message, now or earlier.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Message>, Misbehaved> {
        if self.next == self.available && (self.is_still_empty() || !self.look_for_more()) {
            return self.nothing();
        }
        let place = self.next as usize & self.slots.len().wrapping_sub(1);
        let Some(message) = self.slots.get(place).and_then(wire::load) else { return Err(self.poison()) };
        self.next = self.next.wrapping_add(1);
        Ok(Some(message))
    }

    /// Whether the producer stands where it stood, for one that has taken all there was, is awake and was not lied to.
    #[inline]
    fn is_still_empty(&self) -> bool {
        self.state == State::Open && self.peer.load(Ordering::Relaxed) == self.seen
    }

    /// What there is when there is no message.
    #[inline]
    fn nothing(&self) -> Result<Option<Message>, Misbehaved> {
        if self.state == State::Poisoned { Err(Misbehaved) } else { Ok(None) }
    }

    /// Whether there is a message; none if the peer has misbehaved, now or earlier.
    #[inline]
    fn look_for_more(&mut self) -> bool {
        if matches!(self.state, State::Poisoned | State::Suspended) {
            return false;
        }
        self.stay_awake();
        self.learn().is_ok() && self.next != self.available
    }

    /// Reads the producer's position, once.
    #[inline]
    fn learn(&mut self) -> Result<(), Misbehaved> {
        // Acquire: the producer has written the slots that it shows.
        let word = self.peer.load(Ordering::Acquire);
        if let Some(mut index) = value_in(self.epoch, word) {
            let ahead = index.wrapping_sub(self.next);
            // A position that went back is a huge one here.
            let believable = ahead <= self.capacity() && ahead >= self.available.wrapping_sub(self.next);
            if !believable && cfg!(not(bite = "ring-index-unchecked")) {
                return Err(self.poison());
            }
            if cfg!(bite = "ring-index-read-twice") {
                index = value_in(self.epoch, self.peer.load(Ordering::Acquire)).unwrap_or(index);
            }
            self.available = index;
            self.seen = word;
        }
        Ok(())
    }

    /// Gives the slots of all messages taken back to the peer, and says whether it has to be rung.
    ///
    /// After each batch: a peer with a full ring waits for it.
    ///
    /// # Errors
    /// [`Misbehaved`] if the peer's flag is none, or it misbehaved earlier.
    #[inline]
    pub fn release(&mut self) -> Result<Doorbell, Misbehaved> {
        if !self.show()? {
            return Ok(Doorbell::Quiet);
        }
        doorbell::full_fence();
        self.answer()
    }

    /// The first step of releasing: moves the position, and says whether it moved. The fence and [`Self::answer`] follow.
    #[inline]
    pub(crate) fn show(&mut self) -> Result<bool, Misbehaved> {
        if self.state == State::Poisoned {
            return Err(Misbehaved);
        }
        if self.next == self.released {
            return Ok(false);
        }
        // Release: the slots have been read.
        self.own.store(stamped(self.epoch, self.next), Ordering::Release);
        self.released = self.next;
        Ok(true)
    }

    /// The last step of releasing.
    #[inline]
    pub(crate) fn answer(&mut self) -> Result<Doorbell, Misbehaved> {
        doorbell::answer(self.room, self.epoch).map_err(|_| self.poison())
    }

    /// Asks to be rung when there is a message; the caller then waits if it [may](Sleep::MaySleep).
    ///
    /// # Errors
    /// As for [`Self::pop`] and [`Self::release`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        match self.release()? {
            Doorbell::Ring => Ok(Sleep::RingFirst),
            Doorbell::Quiet => self.ask_to_be_rung(),
        }
    }

    /// What is left of preparing to sleep when everything taken has been released.
    #[inline]
    fn ask_to_be_rung(&mut self) -> Result<Sleep, Misbehaved> {
        if self.next != self.available {
            return Ok(Sleep::MoreToDo);
        }
        self.raise();
        doorbell::full_fence();
        self.look_again()
    }

    /// Puts the flag up before the fence; [`Self::look_again`] or [`Self::stay_awake`] is to follow it.
    #[inline]
    pub(crate) fn raise(&mut self) {
        self.state = State::Waiting;
        doorbell::raise(self.asleep, self.epoch);
    }

    /// Whether everything known of has been taken.
    #[inline]
    pub(crate) fn is_exhausted(&self) -> bool {
        self.next == self.available
    }

    /// Looks again after the flag is up and the fence behind.
    #[inline]
    pub(crate) fn look_again(&mut self) -> Result<Sleep, Misbehaved> {
        let again = cfg!(not(bite = "ring-doorbell-not-rechecked"));
        if again && self.peer.load(Ordering::Relaxed) != self.seen {
            self.learn()?;
            if self.next != self.available {
                self.stay_awake();
                return Ok(Sleep::MoreToDo);
            }
        }
        Ok(Sleep::MaySleep)
    }

    /// Stays awake after all, though it was told that it may sleep.
    #[inline]
    pub(crate) fn stay_awake(&mut self) {
        if self.state == State::Waiting {
            doorbell::withdraw(self.asleep, self.epoch);
            self.state = State::Open;
        }
    }

    #[cold]
    pub(crate) fn poison(&mut self) -> Misbehaved {
        self.state = State::Poisoned;
        self.available = self.next;
        Misbehaved
    }
}
