//! What a virtual CPU is made of: a static, since threads refer to it for as long as they live.

use core::cell::{Cell, UnsafeCell};
use core::mem::MaybeUninit;

use anax_lwkt::list::ThreadIndex;
use anax_lwkt::sync::{AtomicU32, Ordering, const_unless_loom};

use crate::arch::Context;
use crate::cpu::VirtualCpu;
use crate::error::Error;
use crate::inbox::{Inbox, Signals};
use crate::stack::Stacks;
use crate::thread::{Thread, Threads};
use crate::wait::Waiters;

/// Memory for a virtual CPU with up to `THREADS` threads and `QUEUES` wait queues, both at most 65,535. All zero until it is claimed.
pub struct Memory<const THREADS: usize, const QUEUES: usize> {
    claimed: AtomicU32,
    inbox: Inbox<QUEUES>,
    threads: UnsafeCell<[MaybeUninit<Thread>; THREADS]>,
    contexts: UnsafeCell<[MaybeUninit<Cell<Context>>; THREADS]>,
    waiters: UnsafeCell<[MaybeUninit<Waiters>; QUEUES]>,
    cpu: UnsafeCell<MaybeUninit<VirtualCpu>>,
}

// SAFETY: the cells are used only through what `claim` returns, once, and that stays in the thread that claimed them; the inbox is made for all.
unsafe impl<const THREADS: usize, const QUEUES: usize> Sync for Memory<THREADS, QUEUES> {}

impl<const THREADS: usize, const QUEUES: usize> Memory<THREADS, QUEUES> {
    const_unless_loom! {
        /// Nobody's yet.
        #[must_use]
        pub fn new() -> Self {
            assert!(THREADS <= u16::MAX as usize && QUEUES <= u16::MAX as usize, "too many");
            Self {
                claimed: AtomicU32::new(0),
                inbox: Inbox::new(),
                threads: UnsafeCell::new([const { MaybeUninit::uninit() }; THREADS]),
                contexts: UnsafeCell::new([const { MaybeUninit::uninit() }; THREADS]),
                waiters: UnsafeCell::new([const { MaybeUninit::uninit() }; QUEUES]),
                cpu: UnsafeCell::new(MaybeUninit::uninit()),
            }
        }
    }

    /// Makes the calling kernel thread a virtual CPU, with a thread for each of `stacks`, at most `THREADS`. It stays one for ever, and what is
    /// returned cannot leave it.
    ///
    /// # Errors
    /// `Claimed` if the memory is another's; `NoRoom` without a stack or a thread.
    pub fn claim(&'static self, stacks: Stacks) -> Result<&'static VirtualCpu, Error> {
        let count = stacks.count().min(THREADS);
        if count == 0 {
            return Err(Error::NoRoom);
        }
        if self.claimed.swap(1, Ordering::AcqRel) != 0 {
            return Err(Error::Claimed);
        }
        // SAFETY: only one caller gets here, and nothing else refers to the cells.
        let (threads, contexts, waiters, cpu) = unsafe {
            (
                &mut *self.threads.get(),
                &mut *self.contexts.get(),
                &mut *self.waiters.get(),
                &mut *self.cpu.get(),
            )
        };
        let (threads, contexts) = (&mut threads[..count], &mut contexts[..count]);
        for (index, (thread, context)) in threads.iter_mut().zip(contexts.iter_mut()).enumerate() {
            let next = (index + 1 < count).then_some(ThreadIndex(index as u32 + 1));
            thread.write(Thread::new(stacks.get(index), next));
            context.write(Cell::new(Context::NONE));
        }
        for queue in waiters.iter_mut() {
            queue.write(Waiters::new());
        }
        // SAFETY: all written just now.
        let (threads, contexts, waiters) =
            unsafe { (threads.assume_init_mut(), contexts.assume_init_ref(), waiters.assume_init_mut()) };
        Ok(cpu.write(VirtualCpu::new(Threads(threads), contexts, waiters, self.inbox.arrivals())))
    }

    /// Signals its threads from elsewhere; before it is claimed, too.
    #[must_use]
    pub const fn signals(&'static self) -> Signals<'static> {
        self.inbox.signals()
    }
}

impl<const THREADS: usize, const QUEUES: usize> Default for Memory<THREADS, QUEUES> {
    fn default() -> Self {
        Self::new()
    }
}
