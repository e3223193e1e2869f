//! Which nodes the VFS server knows, and how often it was told of them.

use alloc::vec::Vec;

use anax_files::{Node, Nodes};

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Known(Nodes<u64>);

impl Known {
    /// A node was answered once more.
    pub(crate) fn answered(&mut self, node: Node) {
        *self.0.entry(node).or_default() += 1;
    }

    pub(crate) fn contains(&self, node: Node) -> bool {
        self.0.contains_key(&node)
    }

    /// So many answers are of no use any more. Whether none is left; more than there were count as all.
    pub(crate) fn forget(&mut self, node: Node, count: u64) -> bool {
        let Some(left) = self.0.get_mut(&node) else { return false };
        *left = left.saturating_sub(count);
        let is_gone = *left == 0;
        if is_gone {
            self.0.remove(&node);
        }
        is_gone
    }

    /// All of them: nobody is there any more who knows them.
    pub(crate) fn take(&mut self) -> Vec<Node> {
        self.0.drain().map(|(node, _)| node).collect()
    }
}
