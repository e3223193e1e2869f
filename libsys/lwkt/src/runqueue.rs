//! The run queue of one CPU: 32 lists, one a priority, and a bitmap of those that are not empty.
//!
//! Everything takes the same few instructions however many threads there are. The order among equals is first come, first
//! served; round-robin is the caller's tick putting the running thread behind its equals with [`RunQueue::yield_to`].
//! Only the CPU that owns the queue touches it. The rules of who may interrupt whom are in [`preempt`](crate::preempt).

use crate::list::{Links, List, Place, QueueKind, ThreadIndex};

/// Number of priorities.
pub const LEVELS: usize = 32;

/// A thread's fixed priority: 0 the least, 31 the most urgent. The names are DragonFly's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Priority(u8);

impl Priority {
    /// The idle thread.
    pub const IDLE: Self = Self(0);
    /// Work for a CPU that has nothing else to do.
    pub const IDLE_WORK: Self = Self(1);
    /// Helpers of the user schedulers.
    pub const USER_SCHEDULER: Self = Self(2);
    /// User threads that run when no other user thread does.
    pub const USER_IDLE: Self = Self(4);
    /// User threads.
    pub const USER_NORMAL: Self = Self(6);
    /// User threads with real-time demands.
    pub const USER_REALTIME: Self = Self(8);
    /// A user thread's work in the kernel.
    pub const KERNEL_USER: Self = Self(10);
    /// Daemons.
    pub const DAEMON: Self = Self(12);
    /// Soft interrupts: protocol threads.
    pub const SOFT_INTERRUPT: Self = Self(14);
    /// The timer thread.
    pub const TIMER: Self = Self(16);
    /// What interrupt threads rely on. From here up a thread is an interrupt thread and may preempt.
    pub const INTERRUPT_SUPPORT: Self = Self(20);
    /// Interrupts of slow devices.
    pub const INTERRUPT_LOW: Self = Self(27);
    /// Interrupts of disks and the like.
    pub const INTERRUPT_MEDIUM: Self = Self(28);
    /// Interrupts that must not wait.
    pub const INTERRUPT_HIGH: Self = Self(29);
    /// Nothing is more urgent.
    pub const MAX: Self = Self(31);

    /// From a number; `None` above 31.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if (level as usize) < LEVELS { Some(Self(level)) } else { None }
    }

    /// As a number, 0 to 31.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.0
    }

    /// Whether a thread of this priority is an interrupt thread: one that may preempt. A source that has used up its budget
    /// leaves the band simply by a lower priority.
    #[must_use]
    pub const fn is_interrupt(self) -> bool {
        self.0 >= Self::INTERRUPT_SUPPORT.0
    }
}

/// The run queue. It does not hold the running thread, nor those that were preempted and wait for control to return to them.
#[derive(Debug)]
pub struct RunQueue {
    lists: [List; LEVELS],
    /// Bit n is set if list n is not empty.
    occupied: u32,
    kind: QueueKind,
}

impl RunQueue {
    /// An empty queue of the thread scheduler.
    #[must_use]
    pub const fn new() -> Self {
        Self::of_kind(QueueKind::Run)
    }

    /// An empty queue for a user scheduler's waiting threads; the levels are then that scheduler's own.
    #[must_use]
    pub const fn for_user_scheduler() -> Self {
        Self::of_kind(QueueKind::User)
    }

    const fn of_kind(kind: QueueKind) -> Self {
        Self { lists: [List::EMPTY; LEVELS], occupied: 0, kind }
    }

    /// Whether no thread is queued.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// The priority of the thread that [`RunQueue::dequeue`] would give.
    #[must_use]
    pub const fn best(&self) -> Option<Priority> {
        if self.occupied == 0 { None } else { Some(Priority(31 - self.occupied.leading_zeros() as u8)) }
    }

    /// Whether no thread is queued that is more urgent than `priority`.
    #[inline]
    #[must_use]
    pub const fn none_above(&self, priority: Priority) -> bool {
        self.occupied >> priority.0 <= 1
    }

    /// The most urgent priority below `limit` at which a thread is queued.
    #[must_use]
    pub const fn best_below(&self, limit: Priority) -> Option<Priority> {
        let below = self.occupied & ((1 << limit.0) - 1);
        if below == 0 { None } else { Some(Priority(31 - below.leading_zeros() as u8)) }
    }

    /// Whether some thread is queued at `priority`.
    #[must_use]
    pub const fn has(&self, priority: Priority) -> bool {
        self.occupied & 1 << priority.0 != 0
    }

    /// The thread that has waited longest at `priority`; it stays.
    #[must_use]
    pub const fn first(&self, priority: Priority) -> Option<ThreadIndex> {
        self.lists[priority.0 as usize].first()
    }

    /// Adds a runnable thread behind its equals.
    ///
    /// # Panics
    /// If it is on a queue already: a defect in the caller.
    pub fn enqueue<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex, priority: Priority) {
        self.lists[priority.0 as usize].push_back(links, thread, Place::new(self.kind, priority.0));
        self.occupied |= 1 << priority.0;
    }

    /// Adds a thread before its equals: one that was interrupted in its turn and is to have the rest of it.
    ///
    /// # Panics
    /// As [`RunQueue::enqueue`].
    pub fn enqueue_front<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        thread: ThreadIndex,
        priority: Priority,
    ) {
        self.lists[priority.0 as usize].push_front(links, thread, Place::new(self.kind, priority.0));
        self.occupied |= 1 << priority.0;
    }

    /// Takes out the first of the most urgent threads.
    pub fn dequeue<L: Links + ?Sized>(&mut self, links: &mut L) -> Option<ThreadIndex> {
        let priority = self.best()?;
        let thread = self.first(priority)?;
        self.take(links, thread, priority);
        Some(thread)
    }

    /// Takes a thread out wherever it is; returns the priority it was queued at, `None` if it is not on a queue of this
    /// kind. It must not be on another CPU's.
    pub fn remove<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex) -> Option<Priority> {
        let priority = Priority::new(links.link(thread).list_of(self.kind)?)?;
        self.take(links, thread, priority);
        Some(priority)
    }

    /// Moves a queued thread behind those of its new priority; returns the old one, `None` (and does nothing) if it is not
    /// queued here.
    pub fn requeue<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        thread: ThreadIndex,
        priority: Priority,
    ) -> Option<Priority> {
        let before = self.remove(links, thread)?;
        self.enqueue(links, thread, priority);
        Some(before)
    }

    /// The running thread gives way to whoever is at least as urgent: puts it behind its equals and returns who runs now.
    /// `None`: nobody is, and it goes on.
    #[inline]
    pub fn yield_to<L: Links + ?Sized>(
        &mut self,
        links: &mut L,
        running: ThreadIndex,
        priority: Priority,
    ) -> Option<ThreadIndex> {
        let best = self.best()?;
        if best < priority {
            return None;
        }
        if best == priority {
            // Two equals that take turns: the commonest case, and nothing else about the queue changes.
            let place = Place::new(self.kind, priority.0);
            if let Some(next) = self.lists[priority.0 as usize].replace_only(links, running, place) {
                return Some(next);
            }
        }
        let next = self.dequeue(links)?;
        self.enqueue(links, running, priority);
        Some(next)
    }

    fn take<L: Links + ?Sized>(&mut self, links: &mut L, thread: ThreadIndex, priority: Priority) {
        let list = &mut self.lists[priority.0 as usize];
        list.remove(links, thread);
        if list.is_empty() && cfg!(not(bite = "runqueue-stale-bit")) {
            self.occupied &= !(1 << priority.0);
        }
    }
}

impl Default for RunQueue {
    fn default() -> Self {
        Self::new()
    }
}
