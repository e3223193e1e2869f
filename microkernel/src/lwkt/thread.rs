//! Threads: made, started, ended, and kept for the next who needs one.

use alloc::boxed::Box;
use core::cell::Cell;
use core::fmt;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use microkernel_core::list::{Link, Links, ThreadIndex};
use microkernel_core::runqueue::Priority;
use x86_64::VirtAddr;

use super::schedule;
use crate::arch::cpu::InterruptsOff;
use crate::arch::paging::Root;
use crate::arch::switch;
use crate::crossbar;
use crate::mm::stack::Stack;
use crate::percpu::{self, CpuId, PerCpu};

/// Threads that can exist at a time, on all CPUs together.
pub(crate) const MAX_THREADS: usize = 16_384;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThreadState {
    /// Allocated, not started, on no queue.
    Fresh,
    /// On its CPU's run queue.
    Ready,
    /// On its CPU.
    Running,
    /// Preempted: whoever preempted it returns to it.
    Preempted,
    /// On a wait queue, or on its way there or back.
    Blocked,
    /// Ended; waits to be reused.
    Dead,
}

/// A kernel thread. Never freed: one that ends is kept for the next. Its cells belong to its CPU.
#[repr(C)]
pub(crate) struct Thread {
    /// Where its stack stood when it was last switched away from.
    pub(super) stack_pointer: Cell<u64>,
    stack_top: VirtAddr,
    /// Where system calls and interrupts from its user code begin their stack.
    pub(super) entry_stack: Cell<u64>,
    index: ThreadIndex,
    cpu: CpuId,
    name: Cell<&'static str>,
    pub(super) priority: Cell<Priority>,
    pub(super) state: Cell<ThreadState>,
    /// Nested critical sections.
    pub(super) critical: Cell<u32>,
    /// Whom it preempted.
    pub(super) preempted: Cell<Option<ThreadIndex>>,
    /// Its user address space, if it has one.
    pub(super) root: Cell<Option<Root>>,
    function: Cell<(fn(u64), u64)>,
    link: Cell<Link>,
    /// The next in the chain of kept threads; belongs to that chain's lock.
    pub(super) next_kept: Cell<Option<ThreadIndex>>,
}

// SAFETY: all cells are used by the thread's own CPU only (its link also by the home of the wait queue it is on, while it is
// on no queue of its CPU); others reach only `index`, `cpu`, and what never changes.
unsafe impl Sync for Thread {}

impl Thread {
    /// The thread that runs on `cpu` already, on the stack that ends at `stack_top`.
    pub(crate) const fn adopted(
        name: &'static str,
        cpu: CpuId,
        index: u32,
        stack_top: VirtAddr,
        priority: Priority,
    ) -> Self {
        Self {
            stack_pointer: Cell::new(0),
            stack_top,
            entry_stack: Cell::new(0),
            index: ThreadIndex(index),
            cpu,
            name: Cell::new(name),
            priority: Cell::new(priority),
            state: Cell::new(ThreadState::Running),
            critical: Cell::new(0),
            preempted: Cell::new(None),
            root: Cell::new(None),
            function: Cell::new((|_| (), 0)),
            link: Cell::new(Link::FREE),
            next_kept: Cell::new(None),
        }
    }

    /// Its number.
    pub(crate) fn index(&self) -> ThreadIndex {
        self.index
    }

    /// The CPU it belongs to.
    pub(crate) fn cpu(&self) -> CpuId {
        self.cpu
    }

    /// Its priority.
    pub(crate) fn priority(&self) -> Priority {
        self.priority.get()
    }

    /// What it is doing. Its CPU only.
    pub(crate) fn state(&self) -> ThreadState {
        self.state.get()
    }

    fn reset(&self, name: &'static str, priority: Priority, function: fn(u64), argument: u64) {
        self.name.set(name);
        self.priority.set(priority);
        self.function.set((function, argument));
        self.state.set(ThreadState::Fresh);
        // It starts inside one critical section, which `start` leaves.
        self.critical.set(1);
        self.preempted.set(None);
        self.root.set(None);
        self.entry_stack.set(self.stack_top.as_u64());
        // SAFETY: nobody runs on a fresh thread's stack.
        self.stack_pointer.set(unsafe { switch::prepare(self.stack_top, start) });
    }
}

impl fmt::Display for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} of CPU {})", self.name.get(), self.index, self.cpu.index())
    }
}

static THREADS: [AtomicPtr<Thread>; MAX_THREADS] =
    [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_THREADS];
static NEXT: AtomicU32 = AtomicU32::new(1);

/// Enters a thread into the table. Boot, and [`lwkt_alloc`].
pub(crate) fn register(thread: &'static Thread) {
    THREADS[thread.index.0 as usize].store(core::ptr::from_ref(thread).cast_mut(), Ordering::Release);
}

/// The thread with that number.
///
/// # Panics
/// If there is none: indices come from the kernel's own queues.
#[inline]
pub(crate) fn thread(index: ThreadIndex) -> &'static Thread {
    let thread = THREADS[index.0 as usize].load(Ordering::Acquire);
    // SAFETY: null, or registered: it lives for ever.
    unsafe { thread.as_ref() }.expect("a queue holds only registered threads")
}

/// All threads' links, for the queues.
pub(super) struct ThreadLinks;

impl Links for ThreadLinks {
    fn link(&self, index: ThreadIndex) -> Link {
        thread(index).link.get()
    }

    fn set_link(&mut self, index: ThreadIndex, link: Link) {
        thread(index).link.set(link);
    }
}

/// Why there is no new thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CreateError {
    /// No memory for a stack.
    Memory,
    /// [`MAX_THREADS`] exist.
    TooMany,
}

/// Whether a new thread runs at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// It is put on its CPU's run queue.
    Now,
    /// It waits for [`lwkt_schedule`].
    Later,
}

/// Makes the code that runs on `cpu` on the stack that ends at `stack_top`, without having been a thread, one. It must not end:
/// its stack is not the thread system's.
///
/// # Errors
/// See [`CreateError`].
pub(crate) fn adopt(
    name: &'static str,
    cpu: CpuId,
    stack_top: VirtAddr,
    priority: Priority,
) -> Result<&'static Thread, CreateError> {
    let index = NEXT.fetch_add(1, Ordering::Relaxed);
    if index as usize >= MAX_THREADS {
        NEXT.store(MAX_THREADS as u32, Ordering::Relaxed);
        return Err(CreateError::TooMany);
    }
    let thread: &'static Thread = Box::leak(Box::new(Thread::adopted(name, cpu, index, stack_top, priority)));
    register(thread);
    Ok(thread)
}

/// A thread of `cpu` without work: one kept from earlier, else a new one. (Table I: alloc.)
///
/// # Errors
/// See [`CreateError`].
pub(crate) fn lwkt_alloc(cpu: &PerCpu) -> Result<&'static Thread, CreateError> {
    let kept = {
        let _off = InterruptsOff::new();
        cpu.scheduler.take_kept()
    };
    if let Some(index) = kept {
        return Ok(thread(index));
    }
    let stack = Stack::new().map_err(|_| CreateError::Memory)?;
    let thread = adopt("free", cpu.id(), stack.top(), Priority::IDLE)?;
    thread.state.set(ThreadState::Fresh);
    Ok(thread)
}

/// Keeps a thread that does not run and is on no queue for the next who needs one. (Table I: free.)
pub(crate) fn lwkt_free(thread: &'static Thread) {
    if thread.cpu != percpu::this().id() {
        let Some(home) = percpu::get(thread.cpu) else { return };
        let free = |[index, ..]: [u64; 3]| lwkt_free(self::thread(ThreadIndex(index as u32)));
        return crossbar::send_surely(home, free, [index_word(thread), 0, 0]);
    }
    let _off = InterruptsOff::new();
    debug_assert!(matches!(thread.state.get(), ThreadState::Fresh | ThreadState::Dead), "{thread} is in use");
    thread.state.set(ThreadState::Dead);
    percpu::this().scheduler.keep(thread.index);
}

/// A thread of `cpu` that runs `function(argument)` and ends. (Table I: create.)
///
/// # Errors
/// See [`CreateError`].
pub(crate) fn lwkt_create(
    cpu: &PerCpu,
    name: &'static str,
    priority: Priority,
    start: Start,
    function: fn(u64),
    argument: u64,
) -> Result<&'static Thread, CreateError> {
    let thread = lwkt_alloc(cpu)?;
    thread.reset(name, priority, function, argument);
    if start == Start::Now {
        lwkt_schedule(thread);
    }
    Ok(thread)
}

/// Makes a fresh or blocked thread runnable, on whatever CPU it is.
pub(crate) fn lwkt_schedule(thread: &'static Thread) {
    match percpu::get(thread.cpu) {
        Some(home) if home.id() != percpu::this().id() => {
            let ready = |[index, ..]: [u64; 3]| schedule::make_ready(self::thread(ThreadIndex(index as u32)));
            crossbar::send_surely(home, ready, [index_word(thread), 0, 0]);
        }
        _ => schedule::make_ready(thread),
    }
}

/// A thread's number as a word for the crossbar.
pub(super) fn index_word(thread: &Thread) -> u64 {
    u64::from(thread.index.0)
}

/// The first code of every thread.
extern "C" fn start() -> ! {
    schedule::after_switch();
    crate::arch::cpu::enable_interrupts();
    schedule::crit_exit();
    let (function, argument) = percpu::this().thread().function.get();
    function(argument);
    lwkt_exit()
}

/// Ends the calling thread; it is kept once its stack is out of use. (Table I: exit.)
pub(crate) fn lwkt_exit() -> ! {
    crate::arch::cpu::disable_interrupts();
    let own = percpu::this();
    let thread = own.thread();
    thread.state.set(ThreadState::Dead);
    thread.root.set(None);
    own.scheduler.bury(thread.index);
    schedule::switch_away();
    unreachable!("a dead thread was run")
}
