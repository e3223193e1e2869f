//! One side of a channel: both halves and the watch over the epoch.
//!
//! The epoch in the header is what the supervisor posts when one side has died and a successor is bound. It lies in shared
//! memory, so a hostile peer can forge it; all it gains is to count as dead, which it could have had by dying. An epoch that
//! goes back is a lie. A side that was lied to goes on when the *kernel* names a new epoch: [`Endpoint::rebind`].

use crate::doorbell::{self, Doorbell, Sleep};
use crate::layout::{
    EPOCH_WORD, Epoch, Geometry, MAGIC, MAGIC_WORD, SLOTS_WORD, Side, VERSION, VERSION_WORD,
};
use crate::sync::{AtomicU64, Ordering};
use crate::{Consumer, Misbehaved, OpenError, Producer, SharedBlock};

/// One side of a channel. The parts may be taken out, to send and receive on two threads.
#[derive(Debug)]
pub struct Endpoint<'a> {
    /// Sends.
    pub producer: Producer<'a>,
    /// Receives.
    pub consumer: Consumer<'a>,
    /// Notices a successor.
    pub watch: EpochWatch<'a>,
}

/// Watches the channel's epoch.
#[derive(Debug)]
pub struct EpochWatch<'a> {
    posted: &'a AtomicU64,
    epoch: Epoch,
}

impl<'a> Endpoint<'a> {
    /// Opens a channel that a supervisor made, for `side`, and arrives in its epoch.
    ///
    /// Once a side and epoch: a program that is started again gets a new epoch from the supervisor. The header is read once;
    /// a program that knows geometry and epoch from the kernel uses [`Self::with`] and believes nobody.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(block: SharedBlock<'a>, side: Side) -> Result<Self, OpenError> {
        let read = |number| block.word(number).map(|word| word.load(Ordering::Acquire));
        if read(MAGIC_WORD)? != MAGIC {
            return Err(OpenError::NotAChannel);
        }
        if read(VERSION_WORD)? != VERSION {
            return Err(OpenError::Version);
        }
        let geometry = Geometry::from_word(read(SLOTS_WORD)?)?;
        let epoch = u32::try_from(read(EPOCH_WORD)?).ok().and_then(Epoch::from_number);
        Self::with(block, side, geometry, epoch.ok_or(OpenError::Epoch)?)
    }

    /// Opens a channel of known geometry and epoch.
    ///
    /// # Errors
    /// [`OpenError::TooSmall`] if the block is.
    pub fn with(
        block: SharedBlock<'a>,
        side: Side,
        geometry: Geometry,
        epoch: Epoch,
    ) -> Result<Self, OpenError> {
        Self::watching(block, side, geometry, epoch, block.word(EPOCH_WORD)?)
    }

    /// The same, with the epoch posted elsewhere: in memory that the peer can't write, nobody can forge it.
    ///
    /// # Errors
    /// [`OpenError::TooSmall`] if the block is.
    pub fn watching(
        block: SharedBlock<'a>,
        side: Side,
        geometry: Geometry,
        epoch: Epoch,
        posted: &'a AtomicU64,
    ) -> Result<Self, OpenError> {
        let mut endpoint = Self::unarrived(block, side, geometry, epoch, posted)?;
        endpoint.rebind(epoch);
        Ok(endpoint)
    }

    /// The same without arriving: the channel's words stay as they are. For [`Responder::adopt`](crate::Responder::adopt),
    /// which goes on where another was suspended.
    ///
    /// # Errors
    /// [`OpenError::TooSmall`] if the block is.
    pub fn unarrived(
        block: SharedBlock<'a>,
        side: Side,
        geometry: Geometry,
        epoch: Epoch,
        posted: &'a AtomicU64,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            producer: Producer::new(block, geometry, side, epoch)?,
            consumer: Consumer::new(block, geometry, side, epoch)?,
            watch: EpochWatch { posted, epoch },
        })
    }

    /// The epoch that this side lives in.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.watch.epoch
    }

    /// The new epoch, if one was posted. This side goes on in the old one until [`Self::rebind`].
    ///
    /// # Errors
    /// [`Misbehaved`] if what is posted can't be an epoch that follows; the whole endpoint is then poisoned.
    #[inline]
    pub fn moved(&mut self) -> Result<Option<Epoch>, Misbehaved> {
        self.watch.moved().map_err(|_| self.poison())
    }

    /// The handshake with a successor: begins anew in `epoch`, poisoned or not, with both rings empty.
    pub fn rebind(&mut self, epoch: Epoch) {
        self.watch.rebind(epoch);
        self.consumer.rebind(epoch);
        self.producer.rebind(epoch);
    }

    /// Publishes and releases everything at once, and says whether the peer has to be rung.
    ///
    /// # Errors
    /// As for [`Producer::publish`] and [`Consumer::release`].
    #[inline]
    pub fn flush(&mut self) -> Result<Doorbell, Misbehaved> {
        // In this order, so that a peer who sees new requests also sees the room for their replies.
        let released = self.consumer.show()?;
        let published = self.producer.show()?;
        if released || published {
            doorbell::full_fence();
        }
        self.answer(released, published)
    }

    /// Flushes, and asks to be rung when there is a message or a new epoch; the caller then waits if it
    /// [may](Sleep::MaySleep).
    ///
    /// # Errors
    /// As for [`Self::flush`], [`Self::moved`] and [`Consumer::pop`].
    pub fn prepare_to_sleep(&mut self) -> Result<Sleep, Misbehaved> {
        if !self.consumer.is_exhausted() {
            return Ok(if self.flush()? == Doorbell::Ring { Sleep::RingFirst } else { Sleep::MoreToDo });
        }
        // One fence for both: positions shown before flags are read, and the flag raised before positions are read again.
        let released = self.consumer.show()?;
        let published = self.producer.show()?;
        self.consumer.raise();
        doorbell::full_fence();
        if self.answer(released, published)? == Doorbell::Ring {
            self.consumer.stay_awake();
            return Ok(Sleep::RingFirst);
        }
        let sleep = self.consumer.look_again()?;
        if sleep == Sleep::MaySleep && self.moved()?.is_some() {
            self.consumer.stay_awake();
            return Ok(Sleep::MoreToDo);
        }
        Ok(sleep)
    }

    /// Whether the peer has to be rung for what was shown, after the fence.
    #[inline]
    fn answer(&mut self, released: bool, published: bool) -> Result<Doorbell, Misbehaved> {
        let mut news = |published| if published { self.producer.answer() } else { Ok(Doorbell::Quiet) };
        if released && self.consumer.answer()? == Doorbell::Ring {
            // Both flags are taken down for one doorbell.
            return news(published).map(|_| Doorbell::Ring);
        }
        news(published)
    }

    /// Believes nothing from the peer any more, until a successor is bound.
    #[cold]
    pub(crate) fn poison(&mut self) -> Misbehaved {
        self.producer.poison();
        self.consumer.poison()
    }
}

impl EpochWatch<'_> {
    /// The new epoch, if one was posted.
    ///
    /// # Errors
    /// [`Misbehaved`] if what is posted can't be an epoch that follows.
    #[inline]
    pub fn moved(&self) -> Result<Option<Epoch>, Misbehaved> {
        // Acquire: what the supervisor cleared before it posted the epoch is clear.
        let word = self.posted.load(Ordering::Acquire);
        if word == u64::from(self.epoch.number()) {
            return Ok(None);
        }
        let posted = u32::try_from(word).ok().and_then(Epoch::from_number).ok_or(Misbehaved)?;
        if posted.is_after(self.epoch) { Ok(Some(posted)) } else { Err(Misbehaved) }
    }

    /// The address of the posted word, which tells channels apart.
    pub(crate) fn address(&self) -> usize {
        core::ptr::from_ref(self.posted).addr()
    }

    /// Watches for what follows `epoch`.
    pub fn rebind(&mut self, epoch: Epoch) {
        self.epoch = epoch;
    }
}
