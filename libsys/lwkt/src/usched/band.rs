//! The seat and the queue behind it: the mechanics that policies have in common.

use super::{Clock, Placement, Removed, Seat, Threads, UserScheduler, UserThread};
use crate::list::{QueueKind, ThreadIndex};
use crate::runqueue::{Priority, RunQueue};

/// What makes a policy: how it rates a thread. Levels are 0 to 31, the highest is served first.
pub trait Rules {
    /// The name by which a space chooses it.
    const NAME: &'static str;
    /// How long a thread may keep the seat while others as good wait, nanoseconds.
    const SLICE_NS: u64;

    /// Lets time pass for the record, up to `now_ns`.
    fn decay(&self, user: &mut UserThread, now_ns: u64);
    /// The thread has run for `ran_ns`.
    fn charge(&self, user: &mut UserThread, ran_ns: u64);
    /// The thread's level.
    fn level(&self, user: &UserThread) -> Priority;
    /// The level at which a thread of `level` waits when it has just woken up and not used up its slice before it slept.
    fn woken_level(&self, level: Priority) -> Priority;
    /// What a new thread gets from its parent's record.
    fn inherit(&self, parent: &UserThread) -> UserThread;
    /// What the parent's record gets from that of a child that ends.
    fn bequeath(&self, child: &UserThread, parent: &mut UserThread);
}

/// A policy on one CPU: the rules, the seat, the queue.
#[derive(Debug)]
pub struct Band<R> {
    rules: R,
    queue: RunQueue,
    current: Option<ThreadIndex>,
    reschedule: Clock,
    /// The level whose first thread was rated last.
    rated: Priority,
}

impl<R: Rules> Band<R> {
    /// Empty.
    #[must_use]
    pub const fn with_rules(rules: R) -> Self {
        Self {
            rules,
            queue: RunQueue::for_user_scheduler(),
            current: None,
            reschedule: Clock::Continue,
            rated: Priority::IDLE,
        }
    }

    /// Brings a record up to date and returns the level.
    fn rate(&self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Priority {
        let mut user = threads.user(thread);
        self.rules.decay(&mut user, now_ns);
        threads.set_user(thread, user);
        self.rules.level(&user)
    }

    /// Seats the best of those who wait.
    fn seat_next(&mut self, threads: &mut dyn Threads) -> Option<ThreadIndex> {
        self.reschedule = Clock::Continue;
        self.current = self.queue.dequeue(threads);
        self.current
    }

    /// Whether a thread of `level` beats the holder of the seat before the slice ends.
    fn beats(&self, threads: &mut dyn Threads, level: Priority, holder: ThreadIndex, now_ns: u64) -> bool {
        level > self.rate(threads, holder, now_ns) && cfg!(not(bite = "usched-no-preempt"))
    }

    /// Begins a new slice; what was used beyond the last is taken off it. True if the last was used up.
    fn renew_slice(threads: &mut dyn Threads, thread: ThreadIndex) -> bool {
        let mut user = threads.user(thread);
        let Some(beyond) = user.slice_used_ns.checked_sub(R::SLICE_NS) else { return false };
        // A slice lost altogether is enough of a penalty.
        user.slice_used_ns = if cfg!(bite = "usched-no-debt") { 0 } else { beyond.min(R::SLICE_NS) };
        threads.set_user(thread, user);
        true
    }
}

impl<R: Rules> UserScheduler for Band<R> {
    fn name(&self) -> &'static str {
        R::NAME
    }

    fn current(&self) -> Option<ThreadIndex> {
        self.current
    }

    fn acquire_current(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Seat {
        match self.current {
            None => {
                // Nobody holds the seat, so nobody waits for it.
                self.current = Some(thread);
                Seat::Granted
            }
            Some(holder) if holder != thread => {
                let level = self.rate(threads, thread, now_ns);
                self.queue.enqueue(threads, thread, level);
                if self.beats(threads, level, holder, now_ns) {
                    self.reschedule = Clock::Reschedule;
                }
                Seat::Waits(self.reschedule)
            }
            Some(_) if self.reschedule == Clock::Continue => Seat::Granted,
            Some(_) => {
                let level = self.rate(threads, thread, now_ns);
                if Self::renew_slice(threads, thread) {
                    self.queue.enqueue(threads, thread, level);
                } else {
                    self.queue.enqueue_front(threads, thread, level);
                }
                match self.seat_next(threads) {
                    Some(next) if next != thread => Seat::HandedTo(next),
                    _ => Seat::Granted,
                }
            }
        }
    }

    fn release_current(
        &mut self,
        threads: &mut dyn Threads,
        thread: ThreadIndex,
        _now_ns: u64,
    ) -> Option<ThreadIndex> {
        if self.current != Some(thread) {
            return None;
        }
        self.seat_next(threads)
    }

    fn set_run_queue(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Placement {
        let level = self.rate(threads, thread, now_ns);
        let used_up = Self::renew_slice(threads, thread);
        let Some(holder) = self.current else {
            self.current = Some(thread);
            return Placement::Seated;
        };
        if holder == thread {
            return Placement::Seated;
        }
        let level = if used_up { level } else { self.rules.woken_level(level) };
        self.queue.enqueue(threads, thread, level);
        if self.beats(threads, level, holder, now_ns) {
            self.reschedule = Clock::Reschedule;
            return Placement::Preempts;
        }
        Placement::Queued
    }

    fn scheduler_clock(&mut self, threads: &mut dyn Threads, ran_ns: u64, now_ns: u64) -> Clock {
        let Some(holder) = self.current else { return Clock::Continue };
        let mut user = threads.user(holder);
        self.rules.decay(&mut user, now_ns);
        self.rules.charge(&mut user, ran_ns);
        user.slice_used_ns = user.slice_used_ns.saturating_add(ran_ns);
        threads.set_user(holder, user);
        if user.slice_used_ns >= R::SLICE_NS {
            if self.queue.is_empty() {
                Self::renew_slice(threads, holder);
            } else {
                self.reschedule = Clock::Reschedule;
            }
        }
        self.reschedule
    }

    fn recalculate(&mut self, threads: &mut dyn Threads, now_ns: u64) {
        let Some(level) = self.queue.best_below(self.rated).or_else(|| self.queue.best()) else { return };
        self.rated = level;
        let Some(thread) = self.queue.first(level) else { return };
        let rated = self.rate(threads, thread, now_ns);
        // Who waits only rises: a woken thread keeps the level it woke at.
        if rated > level && cfg!(not(bite = "usched-no-aging")) {
            self.queue.requeue(threads, thread, rated);
        }
    }

    fn reset_priority(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) {
        let level = self.rate(threads, thread, now_ns);
        let waits_at = threads.link(thread).list_of(QueueKind::User);
        if waits_at.is_some_and(|waits_at| waits_at != level.level()) {
            self.queue.requeue(threads, thread, level);
        }
    }

    fn forking(&mut self, threads: &mut dyn Threads, parent: ThreadIndex, child: ThreadIndex, now_ns: u64) {
        let mut user = threads.user(parent);
        self.rules.decay(&mut user, now_ns);
        let mut user = self.rules.inherit(&user);
        // It has not slept: it begins behind its equals.
        user.slice_used_ns = R::SLICE_NS;
        threads.set_user(child, user);
    }

    fn exiting(
        &mut self,
        threads: &mut dyn Threads,
        child: ThreadIndex,
        parent: Option<ThreadIndex>,
        now_ns: u64,
    ) {
        let Some(parent) = parent else { return };
        let (mut from, mut to) = (threads.user(child), threads.user(parent));
        self.rules.decay(&mut from, now_ns);
        self.rules.decay(&mut to, now_ns);
        self.rules.bequeath(&from, &mut to);
        threads.set_user(parent, to);
        self.reset_priority(threads, parent, now_ns);
    }

    fn yield_current(&mut self, threads: &mut dyn Threads) -> Clock {
        if let (Some(holder), false) = (self.current, self.queue.is_empty()) {
            let mut user = threads.user(holder);
            user.slice_used_ns = user.slice_used_ns.max(R::SLICE_NS);
            threads.set_user(holder, user);
            self.reschedule = Clock::Reschedule;
        }
        self.reschedule
    }

    fn changed_cpu(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) {
        let mut user = threads.user(thread);
        user.updated_ns = user.updated_ns.min(now_ns);
        threads.set_user(thread, user);
    }

    fn remove(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, _now_ns: u64) -> Removed {
        if self.current == Some(thread) {
            return Removed::FromSeat(self.seat_next(threads));
        }
        #[cfg(bite = "usched-remove-forgets")]
        if threads.link(thread).queued_on() == Some(QueueKind::User) {
            return Removed::FromQueue;
        }
        match self.queue.remove(threads, thread) {
            Some(_) => Removed::FromQueue,
            None => Removed::Absent,
        }
    }
}
