//! Paths that were looked up, and the numbers by which the VFS server knows them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use anax_files::{Attributes, Failure, Node};

/// The root directory.
pub(crate) const ROOT: Node = Node(1);

/// What is known of one.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Names with slashes before them; nothing for the root.
    pub(crate) path: Vec<u8>,
    pub(crate) attributes: Attributes,
    /// Bytes that were read in order without an error: up to there places can be found without reading.
    pub(crate) sound: u64,
    answers: u64,
}

/// All that are known.
#[derive(Debug)]
pub(crate) struct Nodes {
    all: BTreeMap<Node, Known>,
    by_path: BTreeMap<Vec<u8>, Node>,
    next: u64,
}

impl Nodes {
    pub(crate) fn new(root: Attributes) -> Self {
        let known = Known { path: Vec::new(), attributes: root, sound: 0, answers: 1 };
        Self { all: BTreeMap::from([(ROOT, known)]), by_path: BTreeMap::from([(Vec::new(), ROOT)]), next: 2 }
    }

    /// One of them.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn get(&mut self, node: Node) -> Result<&mut Known, Failure> {
        self.all.get_mut(&node).ok_or(Failure::NotFound)
    }

    /// Which has that path.
    pub(crate) fn at(&self, path: &[u8]) -> Option<Node> {
        self.by_path.get(path).copied()
    }

    /// The node of a path, answered once more. `attributes` are those of one that is not known.
    pub(crate) fn admit(&mut self, path: Vec<u8>, attributes: Attributes) -> Attributes {
        let node = self.at(&path).unwrap_or_else(|| {
            let node = Node(self.next);
            self.next += 1;
            self.by_path.insert(path.clone(), node);
            let attributes = Attributes { node, ..attributes };
            self.all.insert(node, Known { path, attributes, sound: 0, answers: 0 });
            node
        });
        self.all.get_mut(&node).map_or(attributes, |known| {
            known.answers = known.answers.saturating_add(1);
            known.attributes
        })
    }

    /// So many answers less. Whether it is not known any more.
    pub(crate) fn forget(&mut self, node: Node, count: u64) -> bool {
        let Some(known) = self.all.get_mut(&node).filter(|_| node != ROOT) else { return false };
        known.answers = known.answers.saturating_sub(count);
        if known.answers > 0 {
            return false;
        }
        if let Some(known) = self.all.remove(&node) {
            self.by_path.remove(&known.path);
        }
        true
    }
}
