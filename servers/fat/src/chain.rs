//! Where the clusters of a file or directory are: what the table has told so far, as runs, so that neither a file that is read to its end nor one that is read
//! here and there is walked through again and again.
//!
//! A chain of very many runs keeps a part of them, each second one if there are too many, and walks from the nearest.
//!
//! What the table says behind the clusters that a file's size needs is never followed, if it was there before: after a cut of power such links can lead to clusters that are
//! somebody else's by now. Clusters that this program has put there are another thing: that is how those that are not needed wait to be freed.

use alloc::vec::Vec;

use anax_files::Failure;
use anax_sectors::Disk;

use crate::layout::Cluster;
use crate::volume::{Link, Volume};

/// Runs that are kept.
const MOST_RUNS: usize = 1024;
/// As long as there are so few, each new cluster is compared with all: a circle is found at once.
const FEW_RUNS: usize = 64;

/// Clusters in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Which one of the chain the first is.
    pub(crate) index: u32,
    pub(crate) cluster: Cluster,
    pub(crate) count: u32,
}

impl Run {
    const fn end(&self) -> u32 {
        self.index + self.count
    }

    const fn last(&self) -> Cluster {
        self.cluster.after(self.count - 1)
    }

    const fn from(&self, index: u32) -> Self {
        let skipped = index - self.index;
        Self { index, cluster: self.cluster.after(skipped), count: self.count - skipped }
    }

    const fn has(&self, cluster: Cluster) -> bool {
        cluster.0 >= self.cluster.0 && cluster.0 - self.cluster.0 < self.count
    }
}

/// A chain, as far as it is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chain {
    first: Option<Cluster>,
    /// By their indices. The last one is as far as the table was read.
    runs: Vec<Run>,
    /// Of a file as it was found: clusters that its size needs. Nothing behind them is its.
    limit: Option<u32>,
    /// How many clusters, once the end was seen.
    length: Option<u32>,
    /// A cluster that was seen, and at which index the next one takes its place: if it comes again, the chain is a circle (R. Brent, 1980).
    trap: Option<(Cluster, u32)>,
}

impl Chain {
    /// Of a file that needs so many clusters for its size.
    pub(crate) fn file(first: Option<Cluster>, clusters: u32) -> Self {
        Self { first: first.filter(|_| clusters > 0), limit: Some(clusters), ..Self::default() }
    }

    /// From that cluster on.
    pub(crate) fn new(first: Option<Cluster>) -> Self {
        Self { first, ..Self::default() }
    }

    pub(crate) const fn first(&self) -> Option<Cluster> {
        self.first
    }

    /// The run in which the cluster of that index is, from there on: at least one, more than `wanted` perhaps. Nothing behind the chain's end.
    ///
    /// # Errors
    /// `Damaged`, `Medium`.
    pub(crate) fn at<D: Disk>(
        &mut self,
        volume: &mut Volume<D>,
        index: u32,
        wanted: u32,
    ) -> Result<Option<Run>, Failure> {
        let Some(first) = self.first else { return Ok(None) };
        if self.runs.is_empty() {
            if !volume.layout.has(first) {
                return Err(Failure::Damaged);
            }
            self.runs.push(Run { index: 0, cluster: first, count: 1 });
            self.trap = Some((first, 1));
        }
        if self.length.is_some_and(|length| index >= length) {
            return Ok(None);
        }
        let place = self.runs.partition_point(|run| run.index <= index) - 1;
        if place + 1 == self.runs.len() {
            return self.explore(volume, index, wanted);
        }
        let run = self.runs[place];
        if index < run.end() {
            return Ok(Some(run.from(index)));
        }
        // Between two that were kept.
        let (mut here, mut at) = (run.last(), run.end() - 1);
        while at < index {
            here = volume.next(here)?.ok_or(Failure::Damaged)?;
            at += 1;
        }
        let mut found = Run { index, cluster: here, count: 1 };
        while found.count < wanted && volume.next(found.last())? == Some(found.last().after(1)) {
            found.count += 1;
        }
        Ok(Some(found))
    }

    /// How many clusters it has.
    ///
    /// # Errors
    /// As [`at`](Self::at); `Damaged` if its size needs more.
    pub(crate) fn length<D: Disk>(&mut self, volume: &mut Volume<D>) -> Result<u32, Failure> {
        self.at(volume, u32::MAX, 1)?;
        let length = self.length.unwrap_or(0);
        if self.limit.take().is_some_and(|limit| length < limit) {
            return Err(Failure::Damaged);
        }
        Ok(length)
    }

    /// How many clusters are to be freed when nobody has it any more: all up to its end, if that is not known.
    pub(crate) fn most(&self) -> u32 {
        self.length.or(self.limit).unwrap_or(u32::MAX)
    }

    /// Makes it at least so many clusters long. What they hold is not changed.
    ///
    /// # Errors
    /// `NoSpace`: it may have become longer all the same. `Damaged`, `Medium`.
    pub(crate) fn lengthen<D: Disk>(&mut self, volume: &mut Volume<D>, length: u32) -> Result<(), Failure> {
        let mut have = self.length(volume)?;
        while have < length {
            let last = self.runs.last().map(Run::last);
            let (first, count) = volume.allocate(last, length - have)?;
            self.append(volume, first, count)?;
            have += count;
        }
        Ok(())
    }

    /// Appends clusters that are a chain. The length is known.
    ///
    /// # Errors
    /// `Medium`.
    pub(crate) fn append<D: Disk>(
        &mut self,
        volume: &mut Volume<D>,
        first: Cluster,
        count: u32,
    ) -> Result<(), Failure> {
        let have = self.length.unwrap_or(0);
        if let Some(last) = self.runs.last() {
            volume.set_link(last.last(), Link::Next(first))?;
        } else {
            self.first = Some(first);
        }
        self.push(first, have, count);
        self.length = Some(have + count);
        Ok(())
    }

    /// Frees all clusters but the first `keep`.
    ///
    /// # Errors
    /// As [`at`](Self::at).
    pub(crate) fn cut<D: Disk>(&mut self, volume: &mut Volume<D>, keep: u32) -> Result<(), Failure> {
        let length = self.length(volume)?;
        if keep >= length {
            return Ok(());
        }
        let Some(before) = keep.checked_sub(1) else {
            let first = core::mem::take(self).first;
            return first.map_or(Ok(()), |first| volume.free_chain(first, length));
        };
        let last = self.at(volume, before, 1)?.ok_or(Failure::Damaged)?.cluster;
        let next = volume.next(last)?.ok_or(Failure::Damaged)?;
        volume.set_link(last, Link::End)?;
        self.runs.retain(|run| run.index < keep);
        if let Some(run) = self.runs.last_mut() {
            run.count = run.count.min(keep - run.index);
            if run.end() < keep {
                self.runs.push(Run { index: keep - 1, cluster: last, count: 1 });
            }
        }
        self.length = Some(keep);
        volume.free_chain(next, length - keep)
    }

    /// As [`at`](Self::at), from the last run on.
    fn explore<D: Disk>(
        &mut self,
        volume: &mut Volume<D>,
        index: u32,
        wanted: u32,
    ) -> Result<Option<Run>, Failure> {
        loop {
            let Some(last) = self.runs.last().copied() else { return Ok(None) };
            if index < last.end() && (last.end() - index >= wanted || self.length.is_some()) {
                return Ok(Some(last.from(index)));
            }
            if self.length.is_some() {
                return Ok(None);
            }
            if self.limit.is_some_and(|limit| last.end() >= limit) {
                self.length = Some(last.end());
                continue;
            }
            let most = self.limit.map_or(u32::MAX, |limit| limit - last.end());
            let row = volume.row(last.last(), most)?;
            if row > 0 && self.meet_row(last.last().after(1), row, volume.layout.clusters) {
                continue;
            }
            let Some(next) = volume.next(last.last())? else {
                self.length = Some(last.end());
                continue;
            };
            self.meet(next, last.end(), volume.layout.clusters)?;
            self.push(next, last.end(), 1);
            // The run has ended.
            if index < last.end() && next != last.last().after(1) {
                return Ok(Some(last.from(index)));
            }
        }
    }

    /// Whether a chain can go on with that cluster.
    fn meet(&mut self, next: Cluster, index: u32, clusters: u32) -> Result<(), Failure> {
        let was_met = self.runs.len() <= FEW_RUNS && self.runs.iter().any(|run| run.has(next));
        let is_trapped = self.trap.is_some_and(|(trapped, _)| trapped == next);
        if was_met || is_trapped || index >= clusters {
            return Err(Failure::Damaged);
        }
        if self.trap.is_none_or(|(_, at)| index >= at) {
            self.trap = Some((next, index.saturating_mul(2)));
        }
        Ok(())
    }

    /// The last run goes on with so many clusters in a row, if there can be no circle in them: else each is looked at by itself.
    fn meet_row(&mut self, first: Cluster, count: u32, clusters: u32) -> bool {
        let row = Run { index: 0, cluster: first, count };
        let is_other = |run: &Run| !run.has(first) && !row.has(run.cluster);
        let is_trapped = self.trap.is_some_and(|(trapped, _)| row.has(trapped));
        let Some(end) = self.runs.last().map(|last| last.end() + count) else { return false };
        if self.runs.len() > FEW_RUNS || is_trapped || end > clusters || !self.runs.iter().all(is_other) {
            return false;
        }
        if self.trap.is_none_or(|(_, at)| end > at) {
            self.trap = Some((row.last(), (end - 1).saturating_mul(2)));
        }
        self.runs.last_mut().into_iter().for_each(|last| last.count += count);
        true
    }

    fn push(&mut self, first: Cluster, index: u32, count: u32) {
        if let Some(last) = self.runs.last_mut()
            && last.last().after(1) == first
        {
            last.count += count;
            return;
        }
        if self.runs.len() >= MOST_RUNS {
            // The first and the last one stay.
            let (mut places, last) = (0.., self.runs.len() - 1);
            let mut stays = |place: usize| place == 0 || place == last || !place.is_multiple_of(2);
            self.runs.retain(|_| places.next().is_some_and(&mut stays));
        }
        self.runs.push(Run { index, cluster: first, count });
    }
}
