//! Making a channel, and binding a successor when one side has died.
//!
//! The supervisor (the kernel, or whoever it gave the channel to) keeps geometry and epoch to itself: what stands in the
//! block may be scribbled over by then. It clears the words of *both* sides, so that a dying server can't leave requests for
//! its successor in the client's name: a live side writes its own words again when it arrives in the new epoch.

use crate::layout::{
    CONTROL_LINES, EPOCH_WORD, Epoch, Geometry, LINE_WORDS, MAGIC, MAGIC_WORD, SLOTS_WORD, VERSION,
    VERSION_WORD,
};
use crate::sync::{AtomicU64, Ordering};
use crate::{OpenError, SharedBlock};

/// The one who makes a channel and replaces its sides.
#[derive(Debug)]
pub struct Supervisor<'a> {
    block: SharedBlock<'a>,
    posted: &'a AtomicU64,
    geometry: Geometry,
    epoch: Epoch,
}

impl<'a> Supervisor<'a> {
    /// Makes a channel in a block that nobody else has mapped yet, whatever is in it.
    ///
    /// # Errors
    /// [`OpenError::TooSmall`] if it has fewer than [`Geometry::words`] words.
    pub fn create(block: SharedBlock<'a>, geometry: Geometry) -> Result<Self, OpenError> {
        Self::posting(block, geometry, block.word(EPOCH_WORD)?)
    }

    /// The same, with the epoch posted in a word that no side can write, for [`Endpoint::watching`](crate::Endpoint::watching).
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub fn posting(
        block: SharedBlock<'a>,
        geometry: Geometry,
        posted: &'a AtomicU64,
    ) -> Result<Self, OpenError> {
        if block.words().len() < geometry.words() {
            return Err(OpenError::TooSmall);
        }
        let supervisor = Self { block, posted, geometry, epoch: Epoch::FIRST };
        supervisor.post()?;
        Ok(supervisor)
    }

    /// Takes a channel over from a supervisor that has died, in the epoch that it posted last: its sides go on.
    ///
    /// # Errors
    /// As for [`Self::create`].
    pub fn inherit(
        block: SharedBlock<'a>,
        geometry: Geometry,
        posted: &'a AtomicU64,
        epoch: Epoch,
    ) -> Result<Self, OpenError> {
        if block.words().len() < geometry.words() {
            return Err(OpenError::TooSmall);
        }
        Ok(Self { block, posted, geometry, epoch })
    }

    /// The epoch that was posted last.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The slot counts.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Posts a new epoch and returns it. The caller then rings *both* sides, whatever their flags say.
    ///
    /// Only when the replaced side can't write any more: all its mappings of the block are gone from every CPU. The
    /// successor opens the channel after this.
    ///
    /// # Errors
    /// None that a block which once was large enough can cause.
    pub fn rebind(&mut self) -> Result<Epoch, OpenError> {
        // A peer that was made to believe in a later epoch must see this one as new.
        let posted = self.posted.load(Ordering::Relaxed);
        let forged = u32::try_from(posted).ok().and_then(Epoch::from_number);
        let latest = forged.filter(|forged| forged.is_after(self.epoch)).unwrap_or(self.epoch);
        self.epoch = if cfg!(bite = "ring-forged-epoch-met") { self.epoch.next() } else { latest.next() };
        self.post()?;
        Ok(self.epoch)
    }

    fn post(&self) -> Result<(), OpenError> {
        let control = self.block.words().get(..CONTROL_LINES * LINE_WORDS).ok_or(OpenError::TooSmall)?;
        for word in control.iter().skip(LINE_WORDS) {
            word.store(0, Ordering::Relaxed);
        }
        let header = [
            (MAGIC_WORD, MAGIC),
            (VERSION_WORD, VERSION),
            (SLOTS_WORD, self.geometry.to_word()),
            (EPOCH_WORD, self.epoch.number().into()),
        ];
        for (number, value) in header {
            self.block.word(number)?.store(value, Ordering::Release);
        }
        // Release and last: who sees the epoch sees all the rest.
        self.posted.store(self.epoch.number().into(), Ordering::Release);
        Ok(())
    }
}
