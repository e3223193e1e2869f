//! A queue of what links itself: urgent entries, in their order, before all others, in theirs.
//!
//! Entries live for ever, and their links belong to whoever owns the queue that they are in.

use core::cell::Cell;

/// An entry's links.
#[derive(Debug)]
pub struct Links<T: 'static> {
    /// The one behind it; free for other use while it is in no queue.
    pub next: Cell<Option<&'static T>>,
    previous: Cell<Option<&'static T>>,
}

impl<T> Links<T> {
    /// Of an entry that is in no queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { next: Cell::new(None), previous: Cell::new(None) }
    }
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// What can be queued.
pub trait Linked: Sized + 'static {
    /// Its links.
    fn links(&self) -> &Links<Self>;
}

/// The queue.
#[derive(Debug)]
pub struct TwoClassQueue<T: 'static> {
    head: Cell<Option<&'static T>>,
    tail: Cell<Option<&'static T>>,
    /// The last of the urgent ones.
    urgent: Cell<Option<&'static T>>,
    length: Cell<u32>,
}

impl<T: Linked> TwoClassQueue<T> {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self { head: Cell::new(None), tail: Cell::new(None), urgent: Cell::new(None), length: Cell::new(0) }
    }

    /// How many wait.
    #[inline]
    #[must_use]
    pub fn length(&self) -> u32 {
        self.length.get()
    }

    /// The next one.
    #[inline(always)]
    #[must_use]
    pub fn first(&self) -> Option<&'static T> {
        self.head.get()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> {
        core::iter::successors(self.head.get(), |entry| entry.links().next.get())
    }

    /// Puts an entry in that is in no queue: behind all urgent ones if it is urgent, else behind all.
    pub fn enqueue(&self, entry: &'static T, urgent: bool) {
        let before = if urgent { self.urgent.get() } else { self.tail.get() };
        let behind_nothing = if urgent { self.head.get() } else { None };
        let after = before.map_or(behind_nothing, |before| before.links().next.get());
        entry.links().previous.set(before);
        entry.links().next.set(after);
        match before {
            Some(before) => before.links().next.set(Some(entry)),
            None => self.head.set(Some(entry)),
        }
        match after {
            Some(after) => after.links().previous.set(Some(entry)),
            None => self.tail.set(Some(entry)),
        }
        if urgent {
            self.urgent.set(Some(entry));
        }
        self.length.set(self.length.get() + 1);
    }

    /// Takes an entry out that is in this queue.
    pub fn unlink(&self, entry: &'static T) {
        let (before, after) = (entry.links().previous.take(), entry.links().next.take());
        match before {
            Some(before) => before.links().next.set(after),
            None => self.head.set(after),
        }
        match after {
            Some(after) => after.links().previous.set(before),
            None => self.tail.set(before),
        }
        // Whoever is before the last urgent one is urgent, too.
        if self.urgent.get().is_some_and(|urgent| core::ptr::eq(urgent, entry)) {
            self.urgent.set(before);
        }
        self.length.set(self.length.get() - 1);
    }
}

impl<T: Linked> Default for TwoClassQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    extern crate std;

    use super::*;
    use std::boxed::Box;
    use std::vec::Vec;

    struct Entry {
        number: u32,
        urgent: bool,
        links: Links<Self>,
    }

    impl Linked for Entry {
        fn links(&self) -> &Links<Self> {
            &self.links
        }
    }

    /// Against two plain lists, by pseudo-random use.
    #[test]
    fn urgent_ones_first_each_class_in_its_order() {
        let queue = TwoClassQueue::new();
        let (mut urgent, mut others) = (Vec::new(), Vec::new());
        let mut random = 0x2545_f491_u32;
        for number in 0..3000 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            if random % 5 < 3 {
                let entry = Entry { number, urgent: random & 64 != 0, links: Links::new() };
                let entry: &'static Entry = Box::leak(Box::new(entry));
                queue.enqueue(entry, entry.urgent);
                if entry.urgent { urgent.push(entry) } else { others.push(entry) }
            } else if !urgent.is_empty() || !others.is_empty() {
                let place = random as usize % (urgent.len() + others.len());
                let gone = if place < urgent.len() {
                    urgent.remove(place)
                } else {
                    others.remove(place - urgent.len())
                };
                queue.unlink(gone);
            }
            let expected = urgent.iter().chain(&others).map(|entry| entry.number);
            assert!(queue.iter().map(|entry| entry.number).eq(expected));
            assert_eq!(queue.length() as usize, urgent.len() + others.len());
            assert_eq!(
                queue.first().map(|entry| entry.number),
                urgent.first().or(others.first()).map(|entry| entry.number)
            );
        }
    }
}
