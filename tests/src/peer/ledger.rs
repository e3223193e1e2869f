//! The books: what is under way, and what became of the rest.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::frame::{Kind, Pattern};

/// What a run has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Frames sent.
    pub sent: u64,
    /// Frames that came back whole, each counted once.
    pub echoed: u64,
    /// Frames that did not.
    pub lost: u64,
    /// Frames that came back again.
    pub duplicates: u64,
    /// Frames that came back for the first time, but after one that was sent later.
    pub reordered: u64,
    /// Frames with a number of this run and something wrong in them.
    pub corrupted: u64,
    /// Datagrams that are no frame of this run.
    pub foreign: u64,
    /// Bytes that came back whole.
    pub bytes: u64,
    /// The longest time between two frames that came back: a restart shows as one. To be read, not judged: the host was busy, too.
    pub longest_pause: Duration,
}

impl Report {
    /// Each frame came back once, whole and in order.
    ///
    /// # Errors
    /// What happened instead.
    pub fn expect_perfect(&self) -> anyhow::Result<()> {
        self.expect_whole()?;
        ensure!(
            self.echoed == self.sent && self.lost == 0 && self.duplicates == 0 && self.reordered == 0,
            "not each frame came back once and in order: {self}"
        );
        Ok(())
    }

    /// What came back is what was sent: for a guest whose driver dies, which may lose and repeat frames.
    ///
    /// # Errors
    /// What happened instead.
    pub fn expect_whole(&self) -> anyhow::Result<()> {
        ensure!(self.echoed > 0, "no frame came back: {self}");
        ensure!(self.corrupted == 0, "frames came back corrupted: {self}");
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} frames sent, {} came back ({} bytes), {} lost, {} twice, {} out of order, {} corrupted, {} foreign; \
             longest pause {:.1?}",
            self.sent,
            self.echoed,
            self.bytes,
            self.lost,
            self.duplicates,
            self.reordered,
            self.corrupted,
            self.foreign,
            self.longest_pause
        )
    }
}

/// Keeps the books.
#[derive(Debug)]
pub(super) struct Ledger {
    report: Report,
    window: usize,
    patience: Duration,
    /// By number: since when.
    under_way: BTreeMap<u64, Instant>,
    lost: BTreeSet<u64>,
    /// The largest number that came back, and one.
    ahead: u64,
    /// When a frame came back last.
    last: Option<Instant>,
}

impl Ledger {
    pub(super) fn new(window: usize, patience: Duration) -> Self {
        let report = Report::default();
        Self {
            report,
            window,
            patience,
            under_way: BTreeMap::new(),
            lost: BTreeSet::new(),
            ahead: 0,
            last: None,
        }
    }

    /// So far; what is under way counts as nothing yet.
    pub(super) fn report(&self) -> Report {
        Report { lost: self.lost.len() as u64, ..self.report }
    }

    pub(super) fn has_room(&self) -> bool {
        self.under_way.len() < self.window
    }

    pub(super) fn under_way(&self) -> usize {
        self.under_way.len()
    }

    pub(super) fn sent(&mut self, number: u64, now: Instant) {
        self.under_way.insert(number, now);
        self.report.sent += 1;
    }

    /// Something came from the guest.
    pub(super) fn came(&mut self, pattern: &Pattern, bytes: &[u8], now: Instant) {
        let number = match pattern.read(bytes) {
            Some((Kind::Numbered, number)) if number < self.report.sent => number,
            // The answer to another call.
            Some((Kind::Call, _)) => return,
            _ => {
                self.report.foreign += 1;
                return;
            }
        };
        if !pattern.is_echo(number, bytes) {
            self.report.corrupted += 1;
            return;
        }
        // Lost ones may turn up after all.
        if self.under_way.remove(&number).is_none() && !self.lost.remove(&number) {
            self.report.duplicates += 1;
            return;
        }
        let pause = self.last.replace(now).map_or(Duration::ZERO, |last| now.saturating_duration_since(last));
        self.report.longest_pause = self.report.longest_pause.max(pause);
        self.report.echoed += 1;
        self.report.bytes += bytes.len() as u64;
        self.report.reordered += u64::from(number < self.ahead);
        self.ahead = self.ahead.max(number + 1);
    }

    /// Gives up what has been under way for too long.
    pub(super) fn give_up(&mut self, now: Instant) {
        let late = |since: &Instant| now.saturating_duration_since(*since) >= self.patience;
        while let Some(oldest) = self.under_way.first_entry().filter(|oldest| late(oldest.get())) {
            self.lost.insert(oldest.remove_entry().0);
        }
    }
}
