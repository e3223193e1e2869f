//! Rings between threads: one for each pair and direction, without locks, and one bell for each thread.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering, fence};

use crossbeam_queue::ArrayQueue;

/// Items that a ring holds: what does not fit waits at its sender.
const SLOTS: usize = 256;

/// Wakes a thread.
pub trait Bell: Send + Sync {
    /// Rings it.
    fn ring(&self);
}

struct Place<T, B> {
    /// From each thread.
    rings: Vec<ArrayQueue<T>>,
    is_asleep: AtomicBool,
    bell: B,
}

/// All rings.
pub struct Crossbar<T, B>(Arc<Vec<Place<T, B>>>);

impl<T, B> Clone for Crossbar<T, B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// One thread's end.
pub struct Port<T, B> {
    places: Arc<Vec<Place<T, B>>>,
    own: usize,
    /// What does not fit yet.
    outbox: Vec<VecDeque<T>>,
    /// To whom something was put since they were last rung.
    touched: Vec<bool>,
    next: usize,
}

impl<T: Send, B: Bell> Crossbar<T, B> {
    /// For as many threads as there are bells.
    #[must_use]
    pub fn new(bells: Vec<B>) -> Self {
        let count = bells.len();
        let place = |bell| {
            let rings = (0..count).map(|_| ArrayQueue::new(SLOTS)).collect();
            Place { rings, is_asleep: AtomicBool::new(false), bell }
        };
        Self(Arc::new(bells.into_iter().map(place).collect()))
    }

    /// A thread's end, to be taken once.
    #[must_use]
    pub fn port(&self, thread: u32) -> Port<T, B> {
        let count = self.0.len();
        Port {
            places: self.0.clone(),
            own: thread as usize,
            outbox: (0..count).map(|_| VecDeque::new()).collect(),
            touched: alloc::vec![false; count],
            next: 0,
        }
    }
}

impl<T: Send, B: Bell> Port<T, B> {
    /// How many threads there are.
    #[must_use]
    pub fn threads(&self) -> u32 {
        self.places.len() as u32
    }

    /// This thread's number.
    #[must_use]
    pub const fn own(&self) -> u32 {
        self.own as u32
    }

    /// Hands something to another thread, in order with all that was handed to it before; it sees it at the [flush](Self::flush) at the latest.
    pub fn send(&mut self, thread: u32, item: T) {
        let thread = thread as usize;
        let (Some(place), Some(outbox)) = (self.places.get(thread), self.outbox.get_mut(thread)) else {
            return;
        };
        self.touched[thread] = true;
        if outbox.is_empty() {
            if let Err(item) = place.rings[self.own].push(item) {
                outbox.push_back(item);
            }
        } else {
            outbox.push_back(item);
        }
    }

    /// How many items wait for another thread to take others.
    #[must_use]
    pub fn backlog(&self, thread: u32) -> usize {
        self.outbox.get(thread as usize).map_or(0, VecDeque::len)
    }

    /// Puts what did not fit, and wakes those that sleep and have something. Whether all has fitted.
    pub fn flush(&mut self) -> bool {
        let mut fits = true;
        for (thread, place) in self.places.iter().enumerate() {
            let outbox = &mut self.outbox[thread];
            let is_new = core::mem::take(&mut self.touched[thread]) || !outbox.is_empty();
            while let Some(item) = outbox.pop_front() {
                if let Err(item) = place.rings[self.own].push(item) {
                    outbox.push_front(item);
                    fits = false;
                    break;
                }
            }
            if is_new {
                // Either this sees the flag, or the other thread sees what was put: see `may_sleep`.
                fence(Ordering::SeqCst);
                if place.is_asleep.load(Ordering::Relaxed) && place.is_asleep.swap(false, Ordering::AcqRel) {
                    place.bell.ring();
                }
            }
        }
        fits
    }

    /// The next item for this thread, of all senders in turn.
    pub fn take(&mut self) -> Option<T> {
        let rings = &self.places[self.own].rings;
        for _ in 0..rings.len() {
            let from = self.next;
            self.next = (self.next + 1) % rings.len();
            if let Some(item) = rings[from].pop() {
                return Some(item);
            }
        }
        None
    }

    /// Says that this thread is about to sleep; false: something has come. A bell may have rung for it all the same.
    #[must_use]
    pub fn may_sleep(&self) -> bool {
        let place = &self.places[self.own];
        place.is_asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let is_empty = place.rings.iter().all(ArrayQueue::is_empty);
        if !is_empty {
            place.is_asleep.store(false, Ordering::Relaxed);
        }
        is_empty
    }

    /// It is awake again.
    pub fn awake(&self) {
        self.places[self.own].is_asleep.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::sync::atomic::AtomicU32;
    use std::thread;

    use super::*;

    #[derive(Debug, Default)]
    struct Count(AtomicU32);

    impl Bell for Arc<Count> {
        fn ring(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn order_holds_past_full_rings_and_sleepers_are_woken() {
        const ITEMS: u64 = 20_000;
        let bells: Vec<_> = (0..3).map(|_| Arc::new(Count::default())).collect();
        let crossbar = Crossbar::new(bells.clone());
        let threads = (0..3).map(|own| {
            let mut port = crossbar.port(own);
            let bell = bells[own as usize].clone();
            thread::spawn(move || {
                let mut expected = [0; 3];
                let mut sent = 0;
                loop {
                    let mut did = false;
                    while let Some((from, number)) = port.take() {
                        assert_eq!(expected[from as usize], number);
                        expected[from as usize] += 1;
                        did = true;
                    }
                    for _ in 0..32 {
                        if sent < ITEMS {
                            for other in (0..3).filter(|other| *other != own) {
                                port.send(other, (own, sent));
                            }
                            sent += 1;
                            did = true;
                        }
                    }
                    let fits = port.flush();
                    let all = (0..3).filter(|other| *other != own);
                    if fits && sent == ITEMS && all.clone().all(|other| expected[other as usize] == ITEMS) {
                        return;
                    }
                    if !did && fits {
                        let rung = bell.0.load(Ordering::Relaxed);
                        if port.may_sleep() {
                            let begun = std::time::Instant::now();
                            while bell.0.load(Ordering::Relaxed) == rung {
                                assert!(begun.elapsed().as_secs() < 60, "a wake-up was lost");
                                thread::yield_now();
                            }
                        }
                        port.awake();
                    }
                }
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}
