//! What an owner brings to have a deadline: links in cells, reached through a shared reference by the one thread or CPU that the heap
//! belongs to.

use core::cell::Cell;
use core::fmt;

/// The place of a `T` in a [`Heap`](crate::Heap): its deadline and its neighbours. It is in one heap at most.
pub struct Node<'a, T> {
    pub(crate) at: Cell<u64>,
    /// The first of its children, none of which is due before it.
    pub(crate) child: Cell<Option<&'a T>>,
    /// The next of its parent's children.
    pub(crate) next: Cell<Option<&'a T>>,
    /// The previous of its parent's children; of the first the parent; of the root itself. None: it is in no heap.
    pub(crate) previous: Cell<Option<&'a T>>,
}

impl<T> Node<'_, T> {
    /// In no heap.
    #[must_use]
    pub const fn new() -> Self {
        Self { at: Cell::new(0), child: Cell::new(None), next: Cell::new(None), previous: Cell::new(None) }
    }

    /// The deadline it was last set to.
    #[must_use]
    pub fn at(&self) -> u64 {
        self.at.get()
    }

    /// Whether it is in a heap.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.previous.get().is_some()
    }
}

impl<T> Default for Node<'_, T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Without its neighbours: they have it as theirs.
impl<T> fmt::Debug for Node<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("at", &self.at()).field("is_set", &self.is_set()).finish_non_exhaustive()
    }
}

/// Something that has a deadline.
pub trait Timed<'a>: Sized + 'a {
    /// Its node: the same one every time.
    fn node(&self) -> &Node<'a, Self>;
}
