//! The pairing heap itself.

use core::cell::Cell;
use core::fmt;
use core::ptr;

use crate::node::Timed;

/// The deadlines of one CPU or thread, the earliest at hand.
pub struct Heap<'a, T> {
    root: Cell<Option<&'a T>>,
}

impl<'a, T: Timed<'a>> Heap<'a, T> {
    /// No deadlines.
    #[must_use]
    pub const fn new() -> Self {
        Self { root: Cell::new(None) }
    }

    /// The earliest deadline.
    #[inline]
    #[must_use]
    pub fn earliest(&self) -> Option<u64> {
        self.root.get().map(|root| root.node().at.get())
    }

    /// Adds `item` with the deadline `at`; if it is in this heap already, with another one, it is moved. O(1), and a removal in that
    /// case. It must not be in another heap.
    #[inline]
    pub fn set(&self, item: &'a T, at: u64) {
        if item.node().is_set() {
            self.cancel(item);
        }
        item.node().at.set(at);
        self.root.set(Some(match self.root.get() {
            None => item,
            Some(root) => meld(root, item),
        }));
        self.mark_root();
    }

    /// Takes `item` out; false if it was in no heap. It must not be in another one. O(1) if nothing has been found to be due after
    /// it, else amortised O(log n).
    #[inline]
    pub fn cancel(&self, item: &'a T) -> bool {
        let node = item.node();
        let Some(previous) = node.previous.get() else { return false };
        if cfg!(bite = "timers-cancel-leaves") && !ptr::eq(previous, item) {
            return true;
        }
        if ptr::eq(previous, item) {
            self.root.set(None);
        } else {
            let next = node.next.get();
            let before = previous.node();
            if before.child.get().is_some_and(|child| ptr::eq(child, item)) {
                before.child.set(next);
            } else {
                before.next.set(next);
            }
            if let Some(next) = next {
                next.node().previous.set(Some(previous));
            }
        }
        node.previous.set(None);
        if let Some(child) = node.child.get() {
            self.adopt(item, child);
        }
        true
    }

    /// Takes the earliest out if its deadline is not after `now`. Of equal ones any may come first.
    #[inline]
    pub fn take_due(&self, now: u64) -> Option<&'a T> {
        let due = self.root.get().filter(|root| root.node().at.get() <= now)?;
        self.cancel(due);
        Some(due)
    }

    /// Brings the children of `parent`, of whom `first` is the first, back after it has left. Out of line, so that the usual case,
    /// without any, needs no registers for the loops.
    #[inline(never)]
    fn adopt(&self, parent: &'a T, first: &'a T) {
        parent.node().child.set(None);
        let orphans = merge(first);
        self.root.set(Some(match self.root.get() {
            None => orphans,
            Some(root) => meld(root, orphans),
        }));
        self.mark_root();
    }

    #[inline]
    fn mark_root(&self) {
        if let Some(root) = self.root.get() {
            root.node().previous.set(Some(root));
        }
    }
}

impl<'a, T: Timed<'a>> Default for Heap<'a, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a, T: Timed<'a>> fmt::Debug for Heap<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").field("earliest", &self.earliest()).finish_non_exhaustive()
    }
}

/// Makes the later of two roots the first child of the other, which is returned.
#[inline]
fn meld<'a, T: Timed<'a>>(one: &'a T, other: &'a T) -> &'a T {
    let other_is_earlier = other.node().at.get() < one.node().at.get();
    let (parent, child) =
        if other_is_earlier != cfg!(bite = "timers-order") { (other, one) } else { (one, other) };
    let eldest = parent.node().child.replace(Some(child));
    if let Some(eldest) = eldest {
        eldest.node().previous.set(Some(child));
    }
    child.node().next.set(eldest);
    child.node().previous.set(Some(parent));
    parent
}

/// Makes one tree of a row of siblings: neighbours in pairs from the first to the last, then the pairs from the last to the first,
/// which is what keeps the cost logarithmic. Needs no memory: pairs wait in a stack linked by `next`.
fn merge<'a, T: Timed<'a>>(first: &'a T) -> &'a T {
    let mut whole = first;
    let mut rest = Some(first);
    let mut pairs = None;
    while let Some(one) = rest {
        rest = one.node().next.get();
        let pair = match rest {
            None => one,
            Some(other) => {
                rest = other.node().next.get();
                meld(one, other)
            }
        };
        pair.node().next.set(pairs.replace(pair));
        whole = pair;
    }
    let mut rest = whole.node().next.get();
    if cfg!(bite = "timers-merge-drops") {
        rest = None;
    }
    while let Some(pair) = rest {
        rest = pair.node().next.get();
        whole = meld(whole, pair);
    }
    whole
}
