//! Past the run queue: from one user thread directly to another that it calls, answers, wakes or yields to.
//!
//! Each of these steps is taken only if it comes to what the long way would do; what that needs is asked here.

use microkernel_core::preempt::may_switch_directly;
use microkernel_core::runqueue::Priority;

use crate::arch::paging::Root;
use crate::arch::{ports, switch};
use crate::crossbar;
use crate::lwkt::thread::{STACK_POINTER, Thread, ThreadLinks, ThreadState, thread, unusual};
use crate::lwkt::users;
use crate::percpu::PerCpu;

/// What a direct switch between user threads has to change of the address space: nothing, or the root. None if it has to change
/// more.
///
/// # Safety
/// Both have a space.
#[inline(always)]
pub(crate) unsafe fn way_to(
    own: &'static PerCpu,
    running: &'static Thread,
    next: &'static Thread,
) -> Option<Option<Root>> {
    // SAFETY: by the caller's promise.
    let (running, space) = unsafe { (running.space().unwrap_unchecked(), next.space().unwrap_unchecked()) };
    if core::ptr::eq(running, space) {
        return Some(None);
    }
    if !ports::are_active(own, space.ports()) {
        return None;
    }
    // SAFETY: a thread with a space has its root.
    Some(Some(unsafe { next.root.get().unwrap_unchecked() }))
}

/// The running thread has blocked and hands the CPU directly to a blocked one of this CPU, past the run queue. The caller has
/// seen with [`is_best`] that nobody more urgent waits, and has `root` from [`way_to`]. Interrupts are off. It goes on at
/// `resume`, on what its stack has from `keep` on, and there does itself what [`after_switch`] is for.
///
/// # Safety
/// As [`switch::switch_and_resume_at`].
#[inline(always)]
pub(crate) unsafe fn switch_directly(
    own: &'static PerCpu,
    running: &'static Thread,
    next: &'static Thread,
    root: Option<Root>,
    keep: *mut u64,
    resume: *const u8,
) -> ! {
    super::charge(running, next);
    next.state.set(ThreadState::Running);
    // Where a thread with a space enters the kernel never changes.
    own.set_thread(next, next.entry_stack.get());
    own.use_fs_base(next.fs_base.get());
    let (save, to) = (running.stack_pointer.as_ptr(), core::ptr::from_ref(next).cast());
    // SAFETY: by the caller's promise; the other thread does not run. The root is that of a space that lives as long as its threads,
    // and shares the kernel's half.
    unsafe {
        match root {
            None => switch::switch_and_resume_at::<STACK_POINTER, true>(save, keep, resume, to),
            Some(root) => {
                root.activate();
                switch::switch_and_resume_at::<STACK_POINTER, false>(save, keep, resume, to)
            }
        }
    }
}

/// Whether no queued thread is more urgent than `priority`, so that a thread of that priority may be switched to directly.
#[inline(always)]
pub(crate) fn is_best(own: &'static PerCpu, priority: Priority) -> bool {
    // SAFETY: this CPU's own; a borrow lasts for a function of this module and never while others run.
    may_switch_directly(unsafe { &*own.scheduler.queue.as_ptr() }, priority)
}

/// Makes the running user thread the heir of the more urgent `next`, which is about to be switched to directly. Interrupts are off.
#[inline(always)]
pub(crate) fn step_aside(own: &'static PerCpu, running: &'static Thread, next: &'static Thread) {
    running.state.set(ThreadState::Ready);
    own.scheduler.heir.set(Some(running));
    next.note(unusual::HEIR, true);
}

/// The heir of the running user thread, which is about to block and has nothing else that is unusual, for a direct switch. None, and nothing has changed: there is none, or
/// it is not the best, or more has to be changed than a direct switch does. Interrupts are off.
#[inline(always)]
pub(crate) fn take_heir(
    own: &'static PerCpu,
    running: &'static Thread,
) -> Option<(&'static Thread, Option<Root>)> {
    let next = own.scheduler.heir.get()?;
    if !is_best(own, next.priority.get()) || next.summons.get() != 0 {
        return None;
    }
    // SAFETY: a thread with an heir has a space, and only user threads become heirs of user threads.
    let root = unsafe { way_to(own, running, next) }?;
    running.unusual.set(0);
    own.scheduler.heir.set(None);
    Some((next, root))
}

/// Puts the running user thread behind its equals if there are any or betters, and returns the first of them for a direct switch. None,
/// and nothing has changed: there are none, or [`lwkt_yield`] has to do more than that, or a policy has a say. Interrupts are off.
#[inline]
pub(crate) fn yield_to_user(
    own: &'static PerCpu,
    running: &'static Thread,
) -> Option<(&'static Thread, Option<Root>)> {
    if running.preempted.get().is_some()
        || crossbar::is_rung(own)
        || users::is_governed(running)
        || running.is_unusual()
    {
        return None;
    }
    let mut queue = own.scheduler.queue.borrow_mut();
    let best = queue.best().filter(|best| *best >= running.priority.get())?;
    let next = thread(queue.first(best)?);
    if next.summons.get() != 0 || next.space().is_none() {
        return None;
    }
    // SAFETY: just seen; one that has no space would be unusual.
    let root = unsafe { way_to(own, running, next) }?;
    queue.yield_to(&mut ThreadLinks, running.index, running.priority.get())?;
    running.state.set(ThreadState::Ready);
    Some((next, root))
}
