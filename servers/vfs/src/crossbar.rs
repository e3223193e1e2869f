//! Between the server's threads: a queue for each of them, into which all others put, without a lock, and its bell.
//!
//! What goes through it is rare: mounts, and all of everything being stored. So it has as many places as there are operations under way, each of which somebody has asked for and waits for.

use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::SegQueue;

use crate::peers::Item;

/// Wakes a thread.
pub trait Bell: Send + Sync {
    /// Rings it.
    fn ring(&self);
}

struct Place<B> {
    items: SegQueue<Item>,
    /// It was rung since the thread has looked last.
    is_rung: AtomicBool,
    bell: B,
}

/// All queues.
pub struct Crossbar<B>(Arc<[Place<B>]>);

impl<B> Clone for Crossbar<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> core::fmt::Debug for Crossbar<B> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Crossbar").field(&self.0.len()).finish()
    }
}

impl<B: Bell> Crossbar<B> {
    /// For as many threads as there are bells.
    pub fn new(bells: impl IntoIterator<Item = B>) -> Self {
        let place = |bell| Place { items: SegQueue::new(), is_rung: AtomicBool::new(false), bell };
        Self(bells.into_iter().map(place).collect())
    }

    /// Hands something to a thread, behind all that was handed to it before.
    pub fn hand(&self, thread: u16, item: Item) {
        let Some(place) = self.0.get(usize::from(thread)) else { return };
        place.items.push(item);
        // Either this sees that the thread has looked, or the thread sees the item.
        if !place.is_rung.swap(true, Ordering::SeqCst) {
            place.bell.ring();
        }
    }

    /// What was handed to a thread, which alone asks that. It is rung for what it has not seen when there is nothing more.
    pub fn handed(&self, thread: u16) -> Option<Item> {
        let place = self.0.get(usize::from(thread))?;
        if let Some(item) = place.items.pop() {
            return Some(item);
        }
        place.is_rung.store(false, Ordering::SeqCst);
        place.items.pop()
    }
}
