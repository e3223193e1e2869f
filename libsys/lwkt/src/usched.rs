//! User schedulers: who among the user threads of a CPU runs next, as a plug-in over the thread scheduler.
//!
//! The thread scheduler knows fixed priorities only. Of each policy, *one* user thread per CPU sits on its run queue, at user
//! priority: the one that holds the policy's *seat*. All other runnable user threads wait in the policy's own queue. The policy
//! decides when the seat changes hands; the kernel asks it at the few points below and does what it answers. Several
//! policies on one CPU share it by the thread scheduler's round-robin between their seats.
//!
//! ```text
//!   wakes up ──► set_run_queue ──► seat free: Seated ──► thread scheduler's queue ──► user mode
//!                     │                                      ▲       │ tick: scheduler_clock
//!                     ▼ seat taken                           │       ▼ returns to user mode
//!                 policy's queue ◄────── HandedTo(next) ─── acquire_current ── Granted ──► goes on
//!                                                            release_current ◄── blocks in the kernel
//! ```
//!
//! The trait has the calls of DragonFly's user schedulers but two. Registering is the kernel's table of policies;
//! CPU masks are absent because threads are tied to their CPU. `remove` is there instead, for death, give-away and changing
//! the policy of a live thread ([`change_policy`]).
//!
//! Most policies only differ in how they rate a thread; they implement [`Rules`] and get the seat's mechanics from [`Band`].
//! `bsd4` is the default, `rr` the simplest possible.

mod band;
mod bsd4;
mod change;
mod rr;

pub use band::{Band, Rules};
pub use bsd4::{Bsd4, Bsd4Rules};
pub use change::{Changed, change_policy};
pub use rr::{Rr, RrRules};

use crate::list::{Links, ThreadIndex};

/// What user schedulers remember of a thread. It belongs to whichever policy the thread has; a policy has to cope with what
/// another one left there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserThread {
    /// Recent CPU time in nanoseconds, decayed.
    pub estimate_ns: u64,
    /// When the estimate was last decayed, nanoseconds since boot.
    pub updated_ns: u64,
    /// Time used of the slice, nanoseconds; beyond a slice it is taken off the next.
    pub slice_used_ns: u64,
}

/// The kernel's threads of one CPU, as user schedulers see them. Only that CPU.
pub trait Threads: Links {
    /// The record of `thread`.
    fn user(&self, thread: ThreadIndex) -> UserThread;
    /// Replaces the record of `thread`.
    fn set_user(&mut self, thread: ThreadIndex, user: UserThread);
}

/// Whether the holder of the seat may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Clock {
    /// It may.
    Continue,
    /// At its next return to user mode it has to ask [`UserScheduler::acquire_current`] again.
    Reschedule,
}

/// The answer to a thread that wants to go to user mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Seat {
    /// It has the seat: go.
    Granted,
    /// It had the seat and waits in the policy's queue now; this thread has the seat: put it on the run queue.
    HandedTo(ThreadIndex),
    /// Another has the seat; it waits in the policy's queue. The holder is to be told what the clock says.
    Waits(Clock),
}

/// Where a thread that became runnable went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Placement {
    /// It has the seat: put it on the run queue.
    Seated,
    /// It waits in the policy's queue.
    Queued,
    /// It waits, and beats the holder of the seat, who has to ask again at its next return to user mode.
    Preempts,
}

/// Where a thread was that has been removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Removed {
    /// It had the seat, which this thread has now, if any: put it on the run queue.
    FromSeat(Option<ThreadIndex>),
    /// It waited.
    FromQueue,
    /// Neither: it is blocked, or works in the kernel without the seat.
    Absent,
}

/// A policy on one CPU. Each CPU has an instance, which that CPU alone calls, in a critical section; `now_ns` is its time since
/// boot in nanoseconds and does not go back. Nothing may allocate, wait, or take time that grows with the number of threads.
///
/// What an implementation owes: every runnable user thread given to it holds the seat or is in its queue, and not both; the
/// seat is empty only if the queue is; a thread that waits gets the seat in bounded time, whatever the others do.
pub trait UserScheduler {
    /// The name by which a space chooses it.
    fn name(&self) -> &'static str;

    /// Who holds the seat.
    fn current(&self) -> Option<ThreadIndex>;

    /// `thread` is on its way to user mode and wants the seat, or to keep it.
    fn acquire_current(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Seat;

    /// `thread` blocks or goes on in the kernel for long: it gives the seat up if it holds it. Returns who holds it now, to be
    /// put on the run queue; `None` if it was not the holder, or nobody waits.
    fn release_current(
        &mut self,
        threads: &mut dyn Threads,
        thread: ThreadIndex,
        now_ns: u64,
    ) -> Option<ThreadIndex>;

    /// `thread` became runnable (woke up, was made, came from another CPU) and is to be found a place.
    fn set_run_queue(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Placement;

    /// The holder of the seat has run in user mode for `ran_ns` since the last call. At each tick in user mode, and whenever
    /// the holder leaves the CPU, so that no time goes unnoticed.
    fn scheduler_clock(&mut self, threads: &mut dyn Threads, ran_ns: u64, now_ns: u64) -> Clock;

    /// Brings the rating of some waiting thread up to date, a bounded number at a time. Called at every tick of the CPU, so
    /// that those who wait rise.
    fn recalculate(&mut self, threads: &mut dyn Threads, now_ns: u64);

    /// What the rating of `thread` depends on has changed: rates it again, wherever it is.
    fn reset_priority(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64);

    /// `parent` makes `child`, before the child is first runnable: what it inherits.
    fn forking(&mut self, threads: &mut dyn Threads, parent: ThreadIndex, child: ThreadIndex, now_ns: u64);

    /// `child`, already removed, ends: what `parent`, if it is still there, has to answer for.
    fn exiting(
        &mut self,
        threads: &mut dyn Threads,
        child: ThreadIndex,
        parent: Option<ThreadIndex>,
        now_ns: u64,
    );

    /// The holder of the seat gives up the rest of its slice.
    fn yield_current(&mut self, threads: &mut dyn Threads) -> Clock;

    /// `thread` has come from another CPU, whose clock may differ a little; before [`UserScheduler::set_run_queue`].
    fn changed_cpu(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64);

    /// Takes `thread` away from this policy: it dies, leaves this CPU, or gets another policy.
    fn remove(&mut self, threads: &mut dyn Threads, thread: ThreadIndex, now_ns: u64) -> Removed;
}
