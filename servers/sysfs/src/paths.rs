//! Numbers of paths: the same for the same path as long as somebody knows it.

use alloc::collections::BTreeMap;
use alloc::string::String;

use anax_files::Node;

/// Paths that nobody knows are kept up to so many, for those who list.
const LISTED: usize = 1024;

#[derive(Debug, Default)]
pub(crate) struct Paths {
    by_node: BTreeMap<Node, (String, bool)>,
    by_path: BTreeMap<String, Node>,
    last: u64,
    known: usize,
}

impl Paths {
    pub(crate) fn get(&self, node: Node) -> Option<&str> {
        self.by_node.get(&node).map(|(path, _)| &**path)
    }

    /// The number of a path, which somebody knows from now on if `is_known`.
    pub(crate) fn number(&mut self, path: &str, is_known: bool) -> Node {
        let node = match self.by_path.get(path) {
            Some(node) => *node,
            None => {
                self.last += 1;
                let node = Node(self.last);
                self.by_path.insert(path.into(), node);
                self.by_node.insert(node, (path.into(), false));
                node
            }
        };
        if let Some((_, known)) = self.by_node.get_mut(&node)
            && is_known
            && !core::mem::replace(known, true)
        {
            self.known += 1;
        }
        self.prune(node);
        node
    }

    /// Nobody knows it any more.
    pub(crate) fn forget(&mut self, node: Node) {
        if let Some((_, known)) = self.by_node.get_mut(&node)
            && core::mem::replace(known, false)
        {
            self.known -= 1;
        }
    }

    /// Drops the oldest of those that nobody knows.
    fn prune(&mut self, but: Node) {
        while self.by_node.len() - self.known > LISTED {
            let is_unknown = |(node, (_, known)): &(&Node, &(String, bool))| !*known && **node != but;
            let Some(node) = self.by_node.iter().find(is_unknown).map(|(node, _)| *node) else { return };
            if let Some((path, _)) = self.by_node.remove(&node) {
                self.by_path.remove(&path);
            }
        }
    }
}
