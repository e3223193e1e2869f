//! Loss recovery: when something counts as lost, and what is sent again.
//!
//! Without SACK it is NewReno's (RFC 6582) with Limited Transmit (RFC 3042), with SACK RFC 6675's. After a time-out both send again from the first
//! unacknowledged byte on, what is known to have arrived left out. How much may be under way is [`Congestion`]'s business.

use alloc::boxed::Box;

use crate::congestion::Congestion;
use crate::ranges::{Range, Ranges};

/// Ranges that the other end has, at most. What it says beyond that is not believed to be there, which costs a needless retransmission at most.
const MOST_BLOCKS: usize = 32;
/// Duplicates that make a loss of a gap (RFC 5681).
const THRESHOLD: u32 = 3;

/// What has been sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    /// The first that is not acknowledged.
    pub(crate) una: u64,
    /// What is sent next.
    pub(crate) nxt: u64,
    /// Behind the last that was ever sent.
    pub(crate) max: u64,
    /// Bytes of a segment.
    pub(crate) mss: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is known to be lost.
    Open,
    /// Fast recovery.
    Fast,
    /// Since the timer ran out.
    Timeout,
}

/// What to send in fast recovery with SACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// That again.
    Again(Range),
    /// What was never sent.
    New,
}

/// What has been lost and is being repaired.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    phase: Phase,
    duplicates: u32,
    /// Recovery ends when that is acknowledged; no other begins before.
    recover: u64,
    /// By how much the window is larger for segments that have left the network, or smaller for those that an acknowledgement covers. Without SACK.
    inflation: i64,
    /// Everything before that was sent again in this recovery. With SACK.
    again_upto: u64,
    /// The one retransmission beyond what is surely lost was made (RFC 6675: rescue).
    rescued: bool,
    /// The first hole is to be sent again, whatever the window.
    due: bool,
    /// An acknowledgement of a part has come.
    was_partial: bool,
    board: Option<Box<Ranges<MOST_BLOCKS>>>,
}

impl Recovery {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Open,
            duplicates: 0,
            recover: 0,
            inflation: 0,
            again_upto: 0,
            rescued: false,
            due: false,
            was_partial: false,
            board: None,
        }
    }

    /// Whether fast recovery goes on.
    pub(crate) fn is_fast(&self) -> bool {
        self.phase == Phase::Fast
    }

    /// Whether the other end has told of ranges that it has.
    pub(crate) fn knows(&self) -> bool {
        self.board.is_some()
    }

    fn sacked(&self, from: u64, to: u64) -> u64 {
        self.board.as_ref().map_or(0, |board| board.count(from, to))
    }

    /// Notes ranges that the other end has, within what was sent; whether one of them is news.
    pub(crate) fn note(&mut self, sent: &Sent, blocks: impl Iterator<Item = Range>) -> bool {
        let mut news = false;
        for block in blocks {
            // What it can't have is none (a block beyond what was sent; one below is a duplicate that it has seen: RFC 2883).
            if block.from >= block.to || block.from <= sent.una || block.to > sent.max {
                continue;
            }
            let board = self.board.get_or_insert_default();
            if !board.covers(block) {
                news |= board.insert(block).is_some();
            }
        }
        news
    }

    /// A duplicate acknowledgement has come, `flight` bytes being under way. True: it has shown a loss, and fast recovery begins.
    pub(crate) fn duplicate(&mut self, sent: &Sent, congestion: &mut impl Congestion) -> bool {
        self.duplicates = self.duplicates.saturating_add(1);
        let one = i64::from(sent.mss);
        match self.phase {
            Phase::Fast => {
                if !self.knows() {
                    self.inflation += one;
                }
                return false;
            }
            // Those that a needless retransmission draws.
            _ if sent.una <= self.recover => return false,
            _ => {}
        }
        let is_lost = self.knows() && self.is_lost(sent, sent.una);
        if self.duplicates < THRESHOLD && !is_lost {
            return false;
        }
        // What Limited Transmit has sent, beyond the window, does not count (RFC 5681, 3.2 step 2).
        let flight = u32::try_from(sent.max - sent.una).unwrap_or(u32::MAX).min(congestion.window());
        congestion.lost(flight);
        (self.phase, self.recover, self.due) = (Phase::Fast, sent.max, true);
        (self.again_upto, self.rescued, self.was_partial) = (sent.una, false, false);
        self.inflation = if self.knows() { 0 } else { 3 * one };
        true
    }

    /// `acked` bytes were acknowledged that were not before; `sent` is as it is then. True: the timer begins anew.
    pub(crate) fn advanced(
        &mut self,
        sent: &Sent,
        acked: u64,
        was_limited: bool,
        congestion: &mut impl Congestion,
    ) -> bool {
        self.duplicates = 0;
        if let Some(board) = &mut self.board {
            board.remove_below(sent.una);
            if board.is_empty() && self.phase == Phase::Open {
                self.board = None;
            }
        }
        let acked32 = u32::try_from(acked).unwrap_or(u32::MAX);
        match self.phase {
            Phase::Fast if sent.una < self.recover => {
                if self.knows() {
                    self.again_upto = self.again_upto.max(sent.una);
                } else {
                    // RFC 6582, 3.2 step 3 (2): the next hole at once; the window shrinks by what has arrived and grows by what is sent.
                    self.due = true;
                    self.inflation += i64::from(sent.mss).min(acked.cast_signed()) - acked.cast_signed();
                }
                let is_first = !self.was_partial;
                self.was_partial = true;
                is_first || self.knows()
            }
            Phase::Fast => {
                congestion.recovered((sent.max - sent.una) as u32);
                self.end();
                true
            }
            phase => {
                congestion.acknowledged(acked32, was_limited, phase == Phase::Timeout);
                if phase == Phase::Timeout && sent.una >= self.recover {
                    self.end();
                }
                true
            }
        }
    }

    fn end(&mut self) {
        (self.phase, self.inflation, self.due) = (Phase::Open, 0, false);
        if self.board.as_ref().is_some_and(|board| board.is_empty()) {
            self.board = None;
        }
    }

    /// The timer has run out.
    pub(crate) fn timed_out(&mut self, sent: &Sent, is_first: bool, congestion: &mut impl Congestion) {
        congestion.timed_out(self.under_way(sent) as u32, is_first);
        (self.phase, self.recover, self.inflation) = (Phase::Timeout, sent.max, 0);
        (self.duplicates, self.due, self.again_upto) = (0, false, sent.una);
        // An end that has taken back what it had shows its first range where the hole should be (RFC 2018, section 8); and after a second time-out nothing is
        // believed any more.
        if !is_first || self.board.as_ref().is_some_and(|board| board.at(sent.una).is_some()) {
            self.board = None;
        }
    }

    /// Whether what begins there is lost: three ranges, or more than two segments, beyond it have arrived (RFC 6675, IsLost).
    fn is_lost(&self, sent: &Sent, at: u64) -> bool {
        let Some(board) = &self.board else { return false };
        let beyond = board.iter().filter(|range| range.from > at);
        beyond.count() >= THRESHOLD as usize
            || board.count(at, u64::MAX) > u64::from((THRESHOLD - 1) * sent.mss)
    }

    /// Bytes that are thought to be in the network (RFC 6675, pipe, where ranges are known).
    pub(crate) fn under_way(&self, sent: &Sent) -> u64 {
        let Some(board) = self.board.as_ref().filter(|_| self.phase == Phase::Fast) else {
            return (sent.nxt - sent.una) - self.sacked(sent.una, sent.nxt);
        };
        let (mut at, mut pipe) = (sent.una, 0);
        while at < sent.max {
            let hole = board.hole_from(at);
            let (from, to) = (hole.from.min(sent.max), hole.to.min(sent.max));
            if from < to {
                if !self.is_lost(sent, from) {
                    pipe += to - from;
                }
                pipe += self.again_upto.min(to).saturating_sub(from);
            }
            at = to.max(at + 1);
        }
        pipe
    }

    /// Bytes that may be sent now beyond what is under way.
    pub(crate) fn allowance(&self, sent: &Sent, congestion: &impl Congestion) -> u64 {
        let limited = match self.phase {
            // One segment for each of the first two duplicates (RFC 3042).
            Phase::Open if !self.knows() => self.duplicates.min(2) * sent.mss,
            _ => 0,
        };
        let window = i64::from(congestion.window()) + i64::from(limited) + self.inflation;
        window.max(i64::from(sent.mss)).cast_unsigned().saturating_sub(self.under_way(sent))
    }

    /// What is to be sent again at once, whatever the window: the first hole's first segment.
    pub(crate) fn take_due(&mut self, sent: &Sent) -> Option<Range> {
        if !core::mem::take(&mut self.due) || sent.una == sent.max {
            return None;
        }
        let to = self.board.as_ref().map_or(sent.max, |board| board.hole_from(sent.una).to.min(sent.max));
        let range = Range { from: sent.una, to: to.min(sent.una + u64::from(sent.mss)) };
        self.again_upto = self.again_upto.max(range.to);
        Some(range)
    }

    /// What to send next in fast recovery with SACK (RFC 6675, NextSeg), if that may be a segment; `new`: whether there is something never sent that
    /// may be.
    pub(crate) fn next(&mut self, sent: &Sent, new: bool) -> Option<Next> {
        let board = self.board.as_ref().filter(|_| self.phase == Phase::Fast)?;
        let cut = |hole: Range| {
            let to = hole.to.min(sent.max).min(hole.from + u64::from(sent.mss));
            (hole.from < to).then_some(Range { from: hole.from, to })
        };
        let hole = cut(board.hole_from(self.again_upto.max(sent.una)));
        let is_below = |hole: &Range| board.end().is_some_and(|end| hole.from < end);
        if let Some(hole) = hole.filter(is_below).filter(|hole| self.is_lost(sent, hole.from)) {
            self.again_upto = hole.to;
            return Some(Next::Again(hole));
        }
        if new {
            return Some(Next::New);
        }
        if let Some(hole) = hole.filter(is_below) {
            self.again_upto = hole.to;
            return Some(Next::Again(hole));
        }
        // The last segment, once, so that its acknowledgement says what is missing.
        let end = sent.max;
        let from = board.end().unwrap_or(sent.una).max(sent.una).max(end.saturating_sub(sent.mss.into()));
        if !self.rescued && from < end {
            self.rescued = true;
            self.again_upto = self.again_upto.max(end);
            return Some(Next::Again(Range { from, to: end }));
        }
        None
    }

    /// Where something is to be sent that may be sent again: `at`, or behind what the other end has; and where to stop.
    pub(crate) fn skip(&self, at: u64) -> Range {
        match &self.board {
            Some(board) if cfg!(not(bite = "tcp-go-back")) => board.hole_from(at),
            _ => Range { from: at, to: u64::MAX },
        }
    }
}
