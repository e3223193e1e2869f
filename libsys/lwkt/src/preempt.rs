//! Who may interrupt whom, and where control goes after.
//!
//! Only interrupt threads preempt, and only on their own CPU. Everybody else waits until the running thread blocks, yields
//! or returns to user mode; that is what lets the kernel's paths do without locks. The rules are pure functions so that the
//! kernel can assert them at every switch.

use crate::list::{Links, ThreadIndex};
use crate::runqueue::{Priority, RunQueue};

/// How deep preemptions may nest: a preemptor may itself be preempted, that one may not.
pub const MAX_DEPTH: u8 = 2;

/// What matters about the running thread when a more urgent one becomes runnable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    /// Its priority, with what it inherited.
    pub priority: Priority,
    /// How deep it is in critical sections; 0 is outside.
    pub critical_depth: u32,
    /// How many threads of this CPU are preempted at the moment.
    pub preempted: u8,
}

/// Whether `candidate`, runnable on the same CPU, may preempt the running thread right now: it is an interrupt thread,
/// strictly more urgent, the victim is in no critical section, and fewer than [`MAX_DEPTH`] threads are preempted.
/// If not, it waits in the run queue; leaving the critical section asks again.
#[must_use]
pub const fn may_preempt(running: Running, candidate: Priority) -> bool {
    #[cfg(not(bite = "preempt-in-critical"))]
    let outside = running.critical_depth == 0;
    #[cfg(bite = "preempt-in-critical")]
    let outside = true;
    candidate.is_interrupt()
        && candidate.level() > running.priority.level()
        && outside
        && running.preempted < MAX_DEPTH
}

/// Whether a thread that returns to user mode has to give way: at that point the most urgent runnable thread runs, whatever
/// it is. Equals wait for the end of the slice.
#[must_use]
pub fn must_give_way_to(queue: &RunQueue, returning: Priority) -> bool {
    queue.best().is_some_and(|best| best > returning)
}

/// Whether a message's receiver may be switched to directly, past the run queue: only if nobody queued is more urgent.
/// `receiver` includes what it inherits from the caller.
#[inline]
#[must_use]
pub fn may_switch_directly(queue: &RunQueue, receiver: Priority) -> bool {
    queue.none_above(receiver)
}

/// Where control goes when the running thread blocks or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Back to the thread that the running one had preempted. It was on no queue.
    Return(ThreadIndex),
    /// To this one, just taken off the queue.
    Run(ThreadIndex),
    /// To the idle thread.
    Idle,
}

/// Decides that: directly back to whom we preempted, else the best runnable thread, else idle.
pub fn switch_from<L: Links + ?Sized>(
    queue: &mut RunQueue,
    links: &mut L,
    preempted: Option<ThreadIndex>,
) -> Next {
    #[cfg(not(bite = "preempt-no-return"))]
    if let Some(victim) = preempted {
        return Next::Return(victim);
    }
    #[cfg(bite = "preempt-no-return")]
    let _ = preempted;
    queue.dequeue(links).map_or(Next::Idle, Next::Run)
}
