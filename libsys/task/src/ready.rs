//! Which tasks can run: a bit each, set by wakers from any thread without a lock.
//!
//! A bit is the whole queue entry. So a task that is woken ten times is polled once, nothing can be full, a waker that outlives its task
//! costs one needless poll of whoever has the place by then, and waking allocates nothing: each place has one waker for ever.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::task::Waker;

#[cfg(not(loom))]
use core::sync::atomic::{AtomicU64, Ordering};
#[cfg(loom)]
use loom::sync::atomic::{AtomicU64, Ordering};

/// Places in a group: the bits of a word.
const GROUP: usize = u64::BITS as usize;
/// Most places, as many as one word of groups has.
pub(crate) const MOST: usize = GROUP * GROUP;

/// The bits. Only the executor has use for them; they are public for their model.
#[derive(Debug)]
pub struct Ready {
    /// A bit for each group in which there may be one.
    groups: AtomicU64,
    places: Box<[AtomicU64]>,
}

impl Ready {
    /// For places below `count`, at most 4096.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        let places = (0..count.min(MOST).div_ceil(GROUP)).map(|_| AtomicU64::new(0)).collect();
        Arc::new(Self { groups: AtomicU64::new(0), places })
    }

    /// One waker for each place below `count`.
    #[must_use]
    pub fn wakers(self: &Arc<Self>, count: usize) -> Box<[Waker]> {
        (0..count).map(|place| Waker::from(Arc::new(PlaceWaker { ready: self.clone(), place }))).collect()
    }

    /// The task in that place can run. From any thread; one that sleeps does not hear of it.
    pub fn mark(&self, place: usize) {
        let Some(word) = self.places.get(place / GROUP) else { return };
        #[cfg(bite = "task-group-first")]
        self.groups.fetch_or(1 << (place / GROUP), Ordering::AcqRel);
        // The place before its group: whoever sees the group's bit finds the place's. Released, so that what was written before the wake
        // is seen by the poll.
        word.fetch_or(1 << (place % GROUP), Ordering::AcqRel);
        #[cfg(not(bite = "task-group-first"))]
        self.groups.fetch_or(1 << (place / GROUP), Ordering::AcqRel);
    }

    /// Whether there may be one.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.groups.load(Ordering::Acquire) != 0
    }

    /// All that can run now, each once. The executor's alone.
    #[must_use]
    pub fn round(&self) -> Round<'_> {
        Round { ready: self, groups: self.groups.swap(0, Ordering::AcqRel), group: 0, places: 0 }
    }
}

/// The places of one round, in order. What is marked behind it comes in the next one, so that no task runs twice before every other one
/// that can run. What it has not handed out when it is dropped is marked again.
#[derive(Debug)]
pub struct Round<'a> {
    ready: &'a Ready,
    groups: u64,
    group: usize,
    places: u64,
}

impl Iterator for Round<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.places == 0 {
            if self.groups == 0 {
                return None;
            }
            self.group = self.groups.trailing_zeros() as usize;
            self.groups &= self.groups - 1;
            self.places = self.ready.places[self.group].swap(0, Ordering::AcqRel);
        }
        let place = self.places.trailing_zeros() as usize;
        self.places &= self.places - 1;
        Some(self.group * GROUP + place)
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        if self.places != 0 {
            self.ready.places[self.group].fetch_or(self.places, Ordering::AcqRel);
            self.groups |= 1 << self.group;
        }
        if self.groups != 0 {
            self.ready.groups.fetch_or(self.groups, Ordering::AcqRel);
        }
    }
}

struct PlaceWaker {
    ready: Arc<Ready>,
    place: usize,
}

impl Wake for PlaceWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.ready.mark(self.place);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn each_once_a_round_and_none_is_lost() {
        let ready = Ready::new(200);
        for place in [130, 3, 3, 64, 199] {
            ready.mark(place);
        }
        let mut round = ready.round();
        assert_eq!(round.next(), Some(3));
        ready.mark(3);
        drop(round);
        assert_eq!(ready.round().collect::<Vec<_>>(), [3, 64, 130, 199]);
        assert_eq!(ready.round().next(), None);
        assert!(!ready.is_any());
    }

    #[test]
    fn wakers_work_from_other_threads() {
        let ready = Ready::new(128);
        let wakers = ready.wakers(128);
        std::thread::scope(|scope| {
            for waker in &wakers {
                scope.spawn(|| waker.wake_by_ref());
            }
        });
        assert_eq!(ready.round().count(), 128);
    }
}
