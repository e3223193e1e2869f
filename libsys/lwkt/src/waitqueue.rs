//! Wait queues with generations: `block` and `signal` of the paper's Table I.
//!
//! A thread that finds nothing to do reads the queue's generation *before* it looks, and hands it to `block`. If a signal
//! came between, the generation has moved and `block` returns at once, so no wake-up is lost between the look and the
//! sleep. The paper's table leaves that argument out; without it the race cannot be closed.
//!
//! A queue has a home CPU, which alone changes it; a thread elsewhere reads the generation here and sends its `block` or
//! `signal` there as a crossbar message. The links that a queue uses are the home CPU's too: for a thread of another CPU the
//! kernel supplies a link that belongs to the queue's home.

use crate::list::{Links, List, Place, QueueKind, ThreadIndex};
use crate::sync::{AtomicU64, Ordering, const_unless_loom};

/// A queue's state at a moment: how many signals it has had. 64 bits never come round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitGeneration(pub u64);

/// The part of a wait queue that other CPUs may read.
#[derive(Debug)]
pub struct WaitCounter(AtomicU64);

impl WaitCounter {
    const_unless_loom! {
        /// Never signalled; fit for a static.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// The generation now. Read it, then test the condition, then block with it. From any CPU.
    #[must_use]
    pub fn generation(&self) -> WaitGeneration {
        WaitGeneration(self.0.load(Ordering::Acquire))
    }
}

impl Default for WaitCounter {
    fn default() -> Self {
        Self::new()
    }
}

/// What [`WaitQueue::block`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Block {
    /// The generation has moved on since: look again, do not sleep.
    Moved,
    /// It is queued: switch away.
    Queued,
}

/// A wait queue: first come, first woken. The counter is beside it so that other CPUs can reach that alone.
#[derive(Debug)]
pub struct WaitQueue {
    list: List,
}

impl WaitQueue {
    /// Nobody waits.
    #[must_use]
    pub const fn new() -> Self {
        Self { list: List::EMPTY }
    }

    /// Whether nobody waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Queues `thread` unless a signal came after `seen` was read. Only the home CPU may call it.
    ///
    /// # Panics
    /// If the thread is on a queue already: a defect in the caller.
    pub fn block<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        counter: &WaitCounter,
        thread: ThreadIndex,
        seen: WaitGeneration,
    ) -> Block {
        if counter.generation() != seen && cfg!(not(bite = "wait-no-generation")) {
            return Block::Moved;
        }
        self.list.push_back(links, thread, Place::new(QueueKind::Wait, 0));
        Block::Queued
    }

    /// Moves the generation on, also if nobody waits, and takes out up to `count` threads (`usize::MAX`: all), oldest first,
    /// handing each to `wake`; a thread of another CPU is woken by a crossbar message. Returns how many. Only the home CPU
    /// may call it; the time is that of the threads woken.
    pub fn signal<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        counter: &WaitCounter,
        count: usize,
        mut wake: impl FnMut(&mut L, ThreadIndex),
    ) -> usize {
        #[cfg(not(bite = "wait-generation-stays"))]
        counter.0.store(counter.0.load(Ordering::Relaxed) + 1, Ordering::Release);
        let mut woken = 0;
        while woken < count {
            let Some(thread) = self.list.first() else { break };
            self.list.remove(links, thread);
            woken += 1;
            wake(links, thread);
        }
        woken
    }

    /// Takes a thread out whose wait ends otherwise: time-out, abort, death. False if it does not wait (it was woken, and
    /// that wake-up stands). Only the home CPU may call it, and the thread must not be on another wait queue.
    pub fn remove<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex) -> bool {
        if links.link(thread).queued_on() != Some(QueueKind::Wait) {
            return false;
        }
        self.list.remove(links, thread);
        true
    }
}

impl Default for WaitQueue {
    fn default() -> Self {
        Self::new()
    }
}
