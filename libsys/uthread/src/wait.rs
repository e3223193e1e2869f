//! Block and signal, with generations: the kernel's wait queues.

use anax_lwkt::waitqueue::{Block, WaitCounter, WaitGeneration, WaitQueue};

use crate::cpu::{Core, VirtualCpu};
use crate::error::Error;
use crate::inbox::Arrivals;
use crate::thread::State;

/// A wait queue of a virtual CPU, by its number. What each is for is the program's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QueueIndex(pub u16);

/// One wait queue.
#[derive(Debug)]
pub(crate) struct Waiters {
    counter: WaitCounter,
    queue: WaitQueue,
}

impl Waiters {
    pub(crate) fn new() -> Self {
        Self { counter: WaitCounter::new(), queue: WaitQueue::new() }
    }
}

impl VirtualCpu {
    /// How many signals the queue has had. Read it, then test the condition, then [`VirtualCpu::lwkt_block`] with it.
    ///
    /// # Errors
    /// `NoQueue`.
    pub fn lwkt_generation(&self, queue: QueueIndex) -> Result<WaitGeneration, Error> {
        let core = self.core.borrow();
        let waiters = core.waiters.get(usize::from(queue.0)).ok_or(Error::NoQueue)?;
        Ok(waiters.counter.generation())
    }

    /// The running thread sleeps until a signal comes; returns at once if one came since `seen` was read. Allowed in a critical section, which
    /// is the thread's own: whoever runs meanwhile is not in it. (Table I: block.)
    ///
    /// # Errors
    /// `NoQueue`.
    ///
    /// # Panics
    /// If no thread is running.
    pub fn lwkt_block(&self, queue: QueueIndex, seen: WaitGeneration) -> Result<(), Error> {
        let (mut core, running) = self.leaving();
        let Core { threads, waiters, .. } = &mut *core;
        let waiters = waiters.get_mut(usize::from(queue.0)).ok_or(Error::NoQueue)?;
        #[cfg(bite = "uthread-wait-no-recheck")]
        let seen = {
            let _ = seen;
            waiters.counter.generation()
        };
        if waiters.queue.block(threads, &waiters.counter, running, seen) == Block::Moved {
            return Ok(());
        }
        threads[running].state = State::Blocked;
        if self.arrivals.is_any() {
            core.take_signals(&self.arrivals);
        }
        self.switch_away(core, running);
        Ok(())
    }

    /// Moves the queue's generation on and wakes up to `count` waiters (`usize::MAX`: all), the oldest first; how many. If one of them is more
    /// urgent than the running thread, it runs at once, or at the end of the critical section. From a thread, or from the idle hook;
    /// other threads of the kernel's have [`Signals`](crate::Signals). (Table I: signal.)
    ///
    /// # Errors
    /// `NoQueue`.
    pub fn lwkt_signal(&self, queue: QueueIndex, count: usize) -> Result<usize, Error> {
        let woken = self.core.borrow_mut().signal(queue, count)?;
        if woken > 0 {
            self.woken();
        }
        Ok(woken)
    }

    /// Does what others have asked for by the inbox.
    #[inline(always)]
    pub(crate) fn take_signals(&self) {
        if self.arrivals.is_any() {
            self.core.borrow_mut().take_signals(&self.arrivals);
        }
    }
}

impl Core {
    #[cold]
    pub(crate) fn take_signals(&mut self, arrivals: &Arrivals<'_>) {
        arrivals.take(|queue, count| {
            // The inbox has the same queues.
            let _woken = self.signal(queue, count);
        });
    }

    fn signal(&mut self, queue: QueueIndex, count: usize) -> Result<usize, Error> {
        let Self { threads, waiters, queue: runnable, .. } = self;
        let Waiters { counter, queue } = waiters.get_mut(usize::from(queue.0)).ok_or(Error::NoQueue)?;
        Ok(queue.signal(threads, counter, count, |threads, woken| {
            threads[woken].state = State::Runnable;
            let priority = threads[woken].priority;
            runnable.enqueue(threads, woken, priority);
        }))
    }
}
