//! What has come of one packet.

use core::ops::Range;
use core::time::Duration;

use arrayvec::ArrayVec;

use super::{BufferId, PIECES};
use crate::Packet;

#[derive(Debug)]
pub(super) struct Set {
    pub(super) due: Duration,
    /// None if nothing of it is wanted any more.
    pub(super) buffer: Option<BufferId>,
    pub(super) first: Option<Packet>,
    /// What has come: in order, with gaps between them.
    pub(super) pieces: ArrayVec<Range<usize>, PIECES>,
    /// Behind the last byte that has come.
    pub(super) extent: usize,
    /// How long it will be.
    total: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    Duplicate,
    Overlaps,
    TooManyPieces,
}

impl Set {
    pub(super) const fn new(due: Duration, buffer: BufferId) -> Self {
        let pieces = ArrayVec::new_const();
        Self { due, buffer: Some(buffer), first: None, pieces, extent: 0, total: None }
    }

    /// Its length, if it is whole.
    pub(super) fn length(&self) -> Option<usize> {
        self.total.filter(|total| self.pieces.first() == Some(&(0..*total)))
    }

    /// Adds what has come, which is not empty.
    pub(super) fn add(&mut self, new: Range<usize>, more: bool) -> Fit {
        // The end is where it was said to be, and nothing is behind it.
        let is_beyond = self.total.is_some_and(|total| new.end > total || (!more && new.end != total));
        if is_beyond || (!more && new.end < self.extent) {
            return Fit::Overlaps;
        }
        // The first piece that ends behind the new one's beginning.
        let at = self.pieces.partition_point(|piece| piece.end <= new.start);
        let touches_before = at > 0 && self.pieces[at - 1].end == new.start;
        if let Some(piece) = self.pieces.get(at) {
            if piece.start <= new.start && new.end <= piece.end {
                return Fit::Duplicate;
            }
            if piece.start < new.end && !cfg!(bite = "inet-overlaps-taken") {
                return Fit::Overlaps;
            }
        }
        let touches_behind = self.pieces.get(at).is_some_and(|piece| piece.start <= new.end);
        match (touches_before, touches_behind) {
            (true, true) => {
                self.pieces[at - 1].end = self.pieces[at].end.max(new.end);
                self.pieces.remove(at);
            }
            (true, false) => self.pieces[at - 1].end = new.end,
            (false, true) => self.pieces[at].start = new.start,
            (false, false) => {
                if self.pieces.is_full() {
                    return Fit::TooManyPieces;
                }
                self.pieces.insert(at, new.clone());
            }
        }
        self.extent = self.extent.max(new.end);
        if !more {
            self.total = Some(new.end);
        }
        Fit::Fits
    }
}
