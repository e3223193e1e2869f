//! Tables by nodes: their numbers are spread by a product, since nobody has to be kept out who makes his own file system slow.

use core::hash::{BuildHasher, Hasher};

use crate::Node;

/// A table of what belongs to the nodes of one file system. Who chooses their numbers so that they meet in it makes his own file system slow.
pub type Nodes<V> = hashbrown::HashMap<Node, V, NodeHash>;

/// Makes [`NodeHasher`]s.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeHash;

impl BuildHasher for NodeHash {
    type Hasher = NodeHasher;

    fn build_hasher(&self) -> NodeHasher {
        NodeHasher(0)
    }
}

/// Spreads numbers by a product whose halves are folded into one: quick, and good where nobody is to be kept out.
#[derive(Clone, Copy, Debug)]
pub struct NodeHasher(u64);

impl Hasher for NodeHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u64(&mut self, number: u64) {
        // By the golden ratio's digits (D. Knuth, The Art of Computer Programming, volume 3, section 6.4).
        let product = u128::from(self.0 ^ number) * 0x9e37_79b9_7f4a_7c15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
