//! The virtual CPU, and how its threads are made and ended: alloc, free, create, exit of the paper's Table I.
//!
//! Everything it keeps belongs to the one kernel thread that claimed it, so there are no locks: cells, and borrows that never last while
//! another thread or foreign code runs.

use core::cell::{Cell, RefCell};
use core::fmt;

use anax_lwkt::list::ThreadIndex;
use anax_lwkt::runqueue::{Priority, RunQueue};

use crate::arch::{self, Context};
use crate::error::Error;
use crate::inbox::Arrivals;
use crate::thread::{Payload, Reply, State, ThreadId, Threads};
use crate::wait::Waiters;

/// What the scheduler changes.
pub(crate) struct Core {
    pub(crate) threads: Threads,
    pub(crate) waiters: &'static mut [Waiters],
    pub(crate) queue: RunQueue,
    /// The first thread that is nobody's; the last one that ended comes first, its stack is still in the caches.
    pub(crate) free: Option<ThreadIndex>,
    /// Threads that are preempted at the moment.
    pub(crate) preempted: u8,
    /// Threads that were scheduled and have not ended.
    pub(crate) alive: usize,
}

/// A kernel thread that runs threads of its own. It comes from [`Memory::claim`](crate::Memory::claim), lives for ever, and neither it nor
/// its threads ever leave that kernel thread. Threads run while it is in [`VirtualCpu::run`].
pub struct VirtualCpu {
    pub(crate) core: RefCell<Core>,
    /// For each thread where it has left its registers.
    pub(crate) contexts: &'static [Cell<Context>],
    /// Where [`VirtualCpu::run`] goes on when no thread can run: on the kernel thread's own stack.
    pub(crate) base: Cell<Context>,
    pub(crate) running: Cell<Option<ThreadIndex>>,
    /// The running thread's depth in critical sections.
    pub(crate) critical: Cell<u32>,
    /// Somebody has been woken since it was last asked who is the most urgent.
    pub(crate) pending: Cell<bool>,
    /// A thread that has ended and stood on its stack until the switch that is being made.
    pub(crate) left: Cell<Option<ThreadIndex>>,
    pub(crate) is_in_run: Cell<bool>,
    pub(crate) arrivals: Arrivals<'static>,
    pub(crate) switches: Cell<u64>,
}

impl fmt::Debug for VirtualCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualCpu").field("running", &self.running.get()).finish_non_exhaustive()
    }
}

impl VirtualCpu {
    pub(crate) const fn new(
        threads: Threads,
        contexts: &'static [Cell<Context>],
        waiters: &'static mut [Waiters],
        arrivals: Arrivals<'static>,
    ) -> Self {
        let core = Core {
            threads,
            waiters,
            queue: RunQueue::new(),
            free: Some(ThreadIndex(0)),
            preempted: 0,
            alive: 0,
        };
        Self {
            core: RefCell::new(core),
            contexts,
            base: Cell::new(Context::NONE),
            running: Cell::new(None),
            critical: Cell::new(0),
            pending: Cell::new(false),
            left: Cell::new(None),
            is_in_run: Cell::new(false),
            arrivals,
            switches: Cell::new(0),
        }
    }

    /// A thread without work, in nobody's use. (Table I: alloc.)
    ///
    /// # Errors
    /// `NoRoom`.
    pub fn lwkt_alloc_thread(&self) -> Result<ThreadId, Error> {
        let core = &mut *self.core.borrow_mut();
        let index = core.free.ok_or(Error::NoRoom)?;
        let thread = &mut core.threads[index];
        core.free = thread.next.take();
        thread.state = State::Fresh;
        Ok(ThreadId { index: index.0, generation: thread.generation })
    }

    /// Gives back a thread that was allocated and never scheduled; what it was initialised with is dropped. Others give themselves back
    /// when they end: before that somebody may depend on what lies on their stacks. (Table I: free.)
    ///
    /// # Errors
    /// `InUse`, `NoThread`.
    pub fn lwkt_free_thread(&self, thread: ThreadId) -> Result<(), Error> {
        let payload = {
            let core = &mut *self.core.borrow_mut();
            let index = core.find(thread)?;
            if core.threads[index].state != State::Fresh {
                return Err(Error::InUse);
            }
            let payload = core.threads[index].payload.take();
            core.threads[index].state = State::Ended;
            payload
        };
        if let Some(Payload { place, discard }) = payload {
            // SAFETY: it was put there by `lwkt_init_thread` and has not been run.
            unsafe { discard(place) };
        }
        // Only now: until it is dropped, what it was initialised with lies on the stack.
        self.core.borrow_mut().reclaim(ThreadIndex(thread.index));
        Ok(())
    }

    /// Says what an allocated thread will run, and how urgent it is. When `entry` returns, the thread ends.
    ///
    /// # Errors
    /// `InUse` if it has been scheduled or initialised; `NoRoom` if `entry` is larger than a quarter of the stack; `NoThread`.
    pub fn lwkt_init_thread<F>(&self, thread: ThreadId, priority: Priority, entry: F) -> Result<(), Error>
    where
        F: FnOnce(&'static Self) + 'static,
    {
        let mut core = self.core.borrow_mut();
        let index = core.find(thread)?;
        let found = &mut core.threads[index];
        if found.state != State::Fresh || found.payload.is_some() {
            return Err(Error::InUse);
        }
        let (place, top) = match found.stack.put(entry) {
            Ok(put) => put,
            Err(too_large) => {
                // What it drops may call this package.
                drop(core);
                drop(too_large);
                return Err(Error::NoRoom);
            }
        };
        let place = place.cast::<u8>().as_ptr();
        // SAFETY: the top of a free stack of at least 1024 bytes, of which at most a quarter is used.
        let context = unsafe { arch::prepare(top, begin::<F>, (&raw const *self).cast(), place) };
        self.contexts[thread.index()].set(context);
        found.payload = Some(Payload { place, discard: discard::<F> });
        found.priority = priority;
        Ok(())
    }

    /// Makes an initialised thread runnable; if it is more urgent than the running one, it runs at once, or at the end of the critical section.
    ///
    /// # Errors
    /// `InUse` if it has been scheduled; `NoEntry` if it was not initialised; `NoThread`.
    pub fn lwkt_schedule(&self, thread: ThreadId) -> Result<(), Error> {
        {
            let core = &mut *self.core.borrow_mut();
            let index = core.find(thread)?;
            let found = &mut core.threads[index];
            if found.state != State::Fresh {
                return Err(Error::InUse);
            }
            found.payload.take().ok_or(Error::NoEntry)?;
            // As the kernel's do: it begins in a critical section and leaves it when the switch is complete.
            found.critical = 1;
            core.alive += 1;
            core.make_runnable(index);
        }
        self.woken();
        Ok(())
    }

    /// Allocates, initialises and schedules a thread. (Table I: create.)
    ///
    /// # Errors
    /// `NoRoom`.
    pub fn lwkt_create<F>(&self, priority: Priority, entry: F) -> Result<ThreadId, Error>
    where
        F: FnOnce(&'static Self) + 'static,
    {
        let thread = self.lwkt_alloc_thread()?;
        if let Err(refused) = self.lwkt_init_thread(thread, priority, entry) {
            self.lwkt_free_thread(thread)?;
            return Err(refused);
        }
        self.lwkt_schedule(thread)?;
        Ok(thread)
    }

    /// Ends the running thread where it stands; it and its stack are another's when it has left it. A thread whose entry returns does
    /// the same. (Table I: exit.)
    ///
    /// # Panics
    /// If no thread is running.
    ///
    /// # Safety
    /// Values on the thread's stack are not dropped, and their memory is used again: nothing relies on the opposite. No frame below is one of
    /// a scope that lends its variables to others, and nothing is pinned there.
    pub unsafe fn lwkt_exit(&self) -> ! {
        self.end()
    }

    /// Table I's exit, for a thread whose frames are its own.
    fn end(&self) -> ! {
        let (mut core, running) = self.leaving();
        core.threads[running].state = State::Ended;
        core.alive -= 1;
        self.left.set(Some(running));
        self.switch_away(core, running);
        unreachable!("{running} has ended and runs")
    }

    /// The running thread; none in the idle hook and outside [`VirtualCpu::run`].
    #[must_use]
    pub fn current(&self) -> Option<ThreadId> {
        let index = self.running.get()?;
        Some(ThreadId { index: index.0, generation: self.core.borrow().threads[index].generation })
    }

    /// Threads that have been scheduled and have not ended.
    #[must_use]
    pub fn alive(&self) -> usize {
        self.core.borrow().alive
    }

    /// Switches between threads so far, those to and from the idle hook included.
    #[must_use]
    pub fn switches(&self) -> u64 {
        self.switches.get()
    }
}

impl Core {
    /// The place of a thread that is somebody's.
    pub(crate) fn find(&self, thread: ThreadId) -> Result<ThreadIndex, Error> {
        let index = ThreadIndex(thread.index);
        let found = self.threads.0.get(thread.index()).ok_or(Error::NoThread)?;
        let gone = matches!(found.state, State::Free | State::Ended);
        if found.generation != thread.generation || gone { Err(Error::NoThread) } else { Ok(index) }
    }

    /// Puts a thread that is on no queue on the run queue.
    pub(crate) fn make_runnable(&mut self, index: ThreadIndex) {
        let thread = &mut self.threads[index];
        thread.state = State::Runnable;
        let priority = thread.priority;
        self.queue.enqueue(&mut self.threads, index, priority);
    }

    /// A thread that has ended and been left is nobody's again.
    pub(crate) fn reclaim(&mut self, index: ThreadIndex) {
        let thread = &mut self.threads[index];
        thread.state = State::Free;
        #[cfg(not(bite = "uthread-generation-stays"))]
        {
            thread.generation = thread.generation.wrapping_add(1);
        }
        thread.reply = Reply::None;
        thread.next = self.free.replace(index);
    }
}

/// Where a thread begins: what the switch to it left to do, then its entry, then its end.
extern "C" fn begin<F: FnOnce(&'static VirtualCpu)>(cpu: *const (), entry: *mut u8) -> ! {
    // SAFETY: `lwkt_init_thread` passes a virtual CPU, and those live for ever in the kernel thread that switches here.
    let cpu: &'static VirtualCpu = unsafe { &*cpu.cast() };
    // SAFETY: and an entry at the top of this thread's stack, which is run once: its payload was taken.
    let entry = unsafe { entry.cast::<F>().read() };
    cpu.after_switch();
    cpu.crit_exit();
    entry(cpu);
    cpu.end()
}

/// Drops what a thread would have run.
///
/// # Safety
/// An `F` lies at `place` and is not used any more.
unsafe fn discard<F>(place: *mut u8) {
    // SAFETY: by contract.
    unsafe { place.cast::<F>().drop_in_place() };
}
