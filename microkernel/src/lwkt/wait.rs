//! Waiting: queues with a generation, so that a signal between a look and going to sleep is not lost.

use core::cell::RefCell;

use arrayvec::ArrayVec;
use microkernel_core::list::ThreadIndex;
use microkernel_core::waitqueue::{Block, WaitCounter, WaitGeneration, WaitQueue};

use super::schedule;
use super::thread::{Thread, ThreadLinks, Wait, index_word, lwkt_schedule, thread};
use crate::arch::cpu::InterruptsOff;
use crate::crossbar;
use crate::percpu::{self, CpuId};

/// Threads woken before the queue is looked at again.
const BUNCH: usize = 16;

/// A wait queue of threads of any CPU. Its home alone changes it; others ask the home.
pub(crate) struct Waiters {
    home: CpuId,
    counter: WaitCounter,
    queue: RefCell<WaitQueue>,
}

// SAFETY: `queue` is used by the home CPU only, interrupts off; the rest is atomic or constant.
unsafe impl Sync for Waiters {}

impl Waiters {
    /// An empty queue at home on `home`.
    pub(crate) const fn new(home: CpuId) -> Self {
        Self { home, counter: WaitCounter::new(), queue: RefCell::new(WaitQueue::new()) }
    }

    /// How many signals there have been. Read it, then test the condition, then [`lwkt_block`] with it.
    pub(crate) fn generation(&self) -> WaitGeneration {
        self.counter.generation()
    }

    /// Queues a blocked thread, or wakes it at once if a signal came meanwhile. Home.
    fn enter(&'static self, waiter: &'static Thread, seen: WaitGeneration) {
        let mut queue = self.queue.borrow_mut();
        if queue.block(&mut ThreadLinks, &self.counter, waiter.index, seen) == Block::Moved {
            drop(queue);
            lwkt_schedule(waiter);
        }
    }
}

/// Sleeps until a signal comes; returns at once if one came since `seen` was read. (Table I: block.) Interrupts are on or off.
pub(crate) fn lwkt_block(waiters: &'static Waiters, seen: WaitGeneration) {
    let _off = InterruptsOff::new();
    let own = percpu::this();
    let running = own.thread();
    if waiters.home == own.id() {
        let mut queue = waiters.queue.borrow_mut();
        if queue.block(&mut ThreadLinks, &waiters.counter, running.index, seen) == Block::Moved {
            return;
        }
        drop(queue);
        running.set_waiting(Wait::None);
    } else {
        running.set_waiting(Wait::None);
        // From here on the home may wake this thread; the wake-up is a crossbar call, served after the switch.
        let words = [(&raw const *waiters).expose_provenance() as u64, index_word(running), seen.0];
        crossbar::at(waiters.home, enter_remotely, words);
    }
    schedule::switch_away();
}

fn enter_remotely([waiters, waiter, seen]: [u64; 3]) {
    // SAFETY: `lwkt_block` sends the address of a `'static` queue.
    let waiters: &'static Waiters = unsafe { &*core::ptr::with_exposed_provenance(waiters as usize) };
    waiters.enter(thread(ThreadIndex(waiter as u32)), WaitGeneration(seen));
}

/// Moves the generation on and wakes up to `count` waiters (`usize::MAX`: all), the oldest first. (Table I: signal.) From any
/// CPU, interrupts included.
pub(crate) fn lwkt_signal(waiters: &'static Waiters, count: usize) {
    crossbar::at(waiters.home, signal, [(&raw const *waiters).expose_provenance() as u64, count as u64, 0]);
}

fn signal([waiters, count, _]: [u64; 3]) {
    // SAFETY: `lwkt_signal` sends the address of a `'static` queue.
    let waiters: &'static Waiters = unsafe { &*core::ptr::with_exposed_provenance(waiters as usize) };
    // Waking a thread of another CPU may serve this one's crossbar, and so signal this queue again: it must not be borrowed
    // then. The woken are gathered in bunches.
    let mut left = count as usize;
    while left > 0 {
        let mut bunch = ArrayVec::<ThreadIndex, BUNCH>::new();
        let wanted = left.min(BUNCH);
        waiters
            .queue
            .borrow_mut()
            .signal(&mut ThreadLinks, &waiters.counter, wanted, |_, woken| bunch.push(woken));
        for woken in &bunch {
            lwkt_schedule(thread(*woken));
        }
        if bunch.len() < wanted {
            break;
        }
        left -= wanted;
    }
}
