//! Who is known: nodes that the VFS server was told of and has not forgotten, and those that still have clusters to free.

use alloc::collections::BTreeMap;

use anax_files::{Attributes, Failure, Kind, Node};

use crate::chain::Chain;
use crate::directory::{Body, Found, Place};
use crate::entry::{READ_ONLY, Record};
use crate::layout::{Cluster, Layout, Root};
use crate::time::Stamp;

/// The root directory.
pub(crate) const ROOT: Node = Node(1);

/// A file or directory.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) kind: Kind,
    pub(crate) body: Body,
    /// Where its entry is; nowhere if it is the root, or was removed.
    pub(crate) place: Option<Place>,
    pub(crate) size: u32,
    pub(crate) attributes: u8,
    pub(crate) modified: Stamp,
    /// It has clusters beyond its size, which the next commit frees.
    pub(crate) has_surplus: bool,
    /// How often it was answered and not forgotten.
    answers: u64,
}

impl Known {
    pub(crate) fn attributes(&self, node: Node) -> Attributes {
        let size = if self.kind == Kind::File { self.size.into() } else { 0 };
        Attributes {
            modified: self.modified.seconds(),
            links: u32::from(self.place.is_some() || node == ROOT),
            is_read_only: self.attributes & READ_ONLY != 0,
            ..Attributes::new(node, self.kind, size)
        }
    }

    pub(crate) fn is_removed(&self, node: Node) -> bool {
        self.place.is_none() && node != ROOT
    }

    pub(crate) fn first(&self) -> Option<Cluster> {
        match &self.body {
            Body::Fixed { .. } => None,
            Body::Chain(chain) => chain.first(),
        }
    }
}

/// All that are known.
#[derive(Debug)]
pub(crate) struct Nodes {
    all: BTreeMap<Node, Known>,
    /// By the directory's number and the slot.
    by_place: BTreeMap<(u32, u32), Node>,
    /// By the first cluster: nobody shares it.
    by_cluster: BTreeMap<Cluster, Node>,
    next: u64,
}

impl Nodes {
    /// The root alone.
    pub(crate) fn new(layout: &Layout) -> Self {
        let body = match layout.root {
            Root::Fixed { first, slots } => Body::Fixed { first, slots },
            Root::Chain(first) => Body::of(Some(first)),
        };
        let root = Known {
            kind: Kind::Directory,
            body,
            place: None,
            size: 0,
            attributes: 0,
            modified: Stamp(0),
            has_surplus: false,
            answers: 1,
        };
        let by_cluster = root.first().map(|first| (first, ROOT)).into_iter().collect();
        Self { all: BTreeMap::from([(ROOT, root)]), by_place: BTreeMap::new(), by_cluster, next: 2 }
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn get(&mut self, node: Node) -> Result<&mut Known, Failure> {
        self.all.get_mut(&node).ok_or(Failure::NotFound)
    }

    /// Which has its entry there.
    pub(crate) fn at(&self, place: &Place) -> Option<Node> {
        self.by_place.get(&(place.directory, place.slot)).copied()
    }

    /// That entry's node, answered once more.
    ///
    /// # Errors
    /// `Damaged`: it begins where another begins.
    pub(crate) fn admit(&mut self, found: &Found, layout: &Layout) -> Result<Node, Failure> {
        let node = match self.at(&found.place) {
            Some(node) => node,
            None => self.add(&found.record, found.place, layout)?,
        };
        if let Some(known) = self.all.get_mut(&node) {
            known.answers = known.answers.saturating_add(1);
        }
        Ok(node)
    }

    fn add(&mut self, record: &Record, place: Place, layout: &Layout) -> Result<Node, Failure> {
        let node = Node(self.next);
        let (kind, size, chain) = if record.is_directory() {
            (Kind::Directory, 0, Chain::new(record.cluster()))
        } else {
            let clusters = layout.clusters_for(record.size().into());
            (Kind::File, record.size(), Chain::file(record.cluster(), clusters))
        };
        if let Some(first) = chain.first() {
            if self.by_cluster.contains_key(&first) {
                return Err(Failure::Damaged);
            }
            self.by_cluster.insert(first, node);
        }
        self.next += 1;
        let known = Known {
            kind,
            body: Body::Chain(chain),
            place: Some(place),
            size,
            attributes: record.attributes(),
            modified: record.modified(),
            has_surplus: false,
            answers: 0,
        };
        self.all.insert(node, known);
        self.by_place.insert((place.directory, place.slot), node);
        Ok(node)
    }

    /// Its first cluster is another one, or none any more.
    pub(crate) fn move_first(&mut self, node: Node, from: Option<Cluster>, to: Option<Cluster>) {
        if from == to {
            return;
        }
        if let Some(from) = from.filter(|from| self.by_cluster.get(from) == Some(&node)) {
            self.by_cluster.remove(&from);
        }
        if let Some(to) = to {
            self.by_cluster.insert(to, node);
        }
    }

    /// Its entry is somewhere else, or gone.
    pub(crate) fn move_to(&mut self, node: Node, to: Option<Place>) {
        let Some(known) = self.all.get_mut(&node) else { return };
        if let Some(from) = core::mem::replace(&mut known.place, to) {
            self.by_place.remove(&(from.directory, from.slot));
        }
        if let Some(to) = to {
            self.by_place.insert((to.directory, to.slot), node);
        }
    }

    /// So many answers less.
    pub(crate) fn forget(&mut self, node: Node, count: u64) {
        if node != ROOT
            && let Some(known) = self.all.get_mut(&node)
        {
            known.answers = known.answers.saturating_sub(count);
        }
    }

    /// Ends a node that nobody has and that has nothing to be done. Of one that was removed, the chain that is to be freed, and how much of it.
    pub(crate) fn end(&mut self, node: Node) -> Option<(Cluster, u32)> {
        let known = self.all.get(&node)?;
        let is_removed = known.is_removed(node);
        if known.answers > 0 || known.has_surplus && !is_removed {
            return None;
        }
        let known = self.all.remove(&node)?;
        let first = known.first();
        self.move_first(node, first, None);
        if let Some(place) = known.place {
            self.by_place.remove(&(place.directory, place.slot));
        }
        let Body::Chain(chain) = known.body else { return None };
        first.filter(|_| is_removed).map(|first| (first, chain.most()))
    }
}
