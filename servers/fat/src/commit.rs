//! What is freed, and when: nothing before the names that led to it are gone from the disk.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use anax_files::{Failure, Node};
use anax_sectors::Disk;

use crate::directory::Body;
use crate::layout::Cluster;
use crate::system::Fat;

/// What may wait.
const MOST: usize = 256;

/// What waits to be freed.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    /// Chains that nobody has any more.
    chains: Vec<(Cluster, u32)>,
    /// Files that have more clusters than they need.
    surplus: BTreeSet<Node>,
}

impl Waiting {
    pub(crate) fn chain(&mut self, first: Cluster, most: u32) {
        self.chains.push((first, most));
    }

    pub(crate) fn surplus(&mut self, node: Node) {
        self.surplus.insert(node);
    }

    fn is_empty(&self) -> bool {
        self.chains.is_empty() && self.surplus.is_empty()
    }
}

impl<D: Disk> Fat<D> {
    /// Writes all that has changed, and then frees what waited for it.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    pub(crate) fn commit(&mut self) -> Result<(), Failure> {
        self.volume.cache.flush()?;
        if self.volume.is_damaged || self.waiting.is_empty() {
            return Ok(());
        }
        self.volume.begin()?;
        while let Some((first, most)) = self.waiting.chains.last().copied() {
            self.volume.free_chain(first, most)?;
            self.waiting.chains.pop();
        }
        while let Some(node) = self.waiting.surplus.first().copied() {
            self.trim(node)?;
            self.waiting.surplus.remove(&node);
            self.end(node);
        }
        Ok(())
    }

    /// The same if anything waits.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub(crate) fn with_nothing_waiting(&mut self) -> Result<(), Failure> {
        if self.waiting.is_empty() { Ok(()) } else { self.commit() }
    }

    /// The same if much waits.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    pub(crate) fn commit_some(&mut self) -> Result<(), Failure> {
        if self.waiting.chains.len() + self.waiting.surplus.len() > MOST {
            return self.commit();
        }
        Ok(())
    }

    /// Does something that needs clusters; when there are none, frees what waits and does it again.
    ///
    /// # Errors
    /// Those of `work`, and of [`commit`](Self::commit).
    pub(crate) fn with_space<R>(
        &mut self,
        mut work: impl FnMut(&mut Self) -> Result<R, Failure>,
    ) -> Result<R, Failure> {
        match work(self) {
            Err(Failure::NoSpace) if !self.waiting.is_empty() => {
                self.commit()?;
                work(self)
            }
            outcome => outcome,
        }
    }

    /// Ends a node that nobody has; a chain of its waits from then on.
    pub(crate) fn end(&mut self, node: Node) {
        if let Some((first, most)) = self.nodes.end(node) {
            self.waiting.surplus.remove(&node);
            self.waiting.chain(first, most);
        }
    }

    /// Frees the clusters beyond a file's size.
    fn trim(&mut self, node: Node) -> Result<(), Failure> {
        let Ok(known) = self.nodes.get(node) else { return Ok(()) };
        known.has_surplus = false;
        let keep = self.volume.layout.clusters_for(known.size.into());
        let first = known.first();
        let Body::Chain(chain) = &mut known.body else { return Ok(()) };
        let cut = chain.cut(&mut self.volume, keep);
        let now = known.first();
        self.nodes.move_first(node, first, now);
        cut
    }
}
