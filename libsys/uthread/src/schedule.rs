//! Who runs: switch, yield and critical sections of the paper's Table I, and what happens when nobody can.
//!
//! The rules are the kernel's (`anax_lwkt::preempt`). There they are asked at interrupts and on the way back to user mode; a virtual CPU has
//! neither, so here they are asked whenever somebody is woken: by a signal, by a thread that is scheduled, by what is found in the inbox.
//! A thread that never calls this package keeps the virtual CPU, as kernel code keeps the CPU from all but interrupts.
//!
//! A critical section defers that question and nothing else: wake-ups inside it are remembered, and the `crit_exit` that reaches zero asks.

use core::cell::RefMut;

use anax_lwkt::list::ThreadIndex;
use anax_lwkt::preempt::{Next, Running, may_preempt, must_give_way_to, switch_from};

use crate::arch;
use crate::cpu::{Core, VirtualCpu};
use crate::thread::{State, Thread};

/// What the idle hook wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Look again who can run, and call it again if nobody can.
    Again,
    /// Leave [`VirtualCpu::run`]; the threads stay as they are.
    Stop,
}

/// Why [`VirtualCpu::run`] returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All threads have ended.
    All,
    /// The idle hook said so.
    Stopped,
}

impl VirtualCpu {
    /// Runs the threads until all have ended. When none of them can run, calls `idle` on the kernel thread's own stack: it waits in the kernel
    /// for whatever may make a thread runnable, and signals that thread's queue or just returns. Signals from elsewhere that come before it is
    /// called are not slept through, and those that come after have to wake it: see [`Signals::lwkt_signal`](crate::Signals::lwkt_signal).
    ///
    /// # Panics
    /// If it is called by a thread or by the hook.
    pub fn run(&self, mut idle: impl FnMut(&Self) -> Idle) -> Ended {
        assert!(!self.is_in_run.replace(true), "the virtual CPU runs already");
        let _in_run = InRun(self);
        self.arrivals.mute();
        loop {
            self.take_signals();
            let mut core = self.core.borrow_mut();
            let next = core.next();
            if next.is_some() {
                self.switch_to(core, next);
                continue;
            }
            drop(core);
            if self.alive() == 0 {
                return Ended::All;
            } else if self.arrivals.silence() {
                let wish = idle(self);
                self.arrivals.mute();
                if wish == Idle::Stop {
                    return Ended::Stopped;
                }
            }
        }
    }

    /// Gives the virtual CPU away: back to whom this thread preempted, else to the best runnable thread, which may be this one again.
    /// (Table I: switch.)
    ///
    /// # Panics
    /// If no thread is running.
    pub fn lwkt_switch(&self) {
        self.take_signals();
        let (mut core, running) = self.leaving();
        core.make_runnable(running);
        self.switch_away(core, running);
    }

    /// Lets equals and betters run, if there are any; else goes on at once. (Table I: yield.)
    ///
    /// # Panics
    /// If no thread is running.
    pub fn lwkt_yield(&self) {
        self.take_signals();
        let (mut core, running) = self.leaving();
        let Core { threads, queue, .. } = &mut *core;
        let Thread { priority, preempted, .. } = threads[running];
        if preempted.is_some() {
            // Whoever was preempted waits for this thread, not for the queue: giving way means returning to it.
            core.make_runnable(running);
            self.switch_away(core, running);
        } else if let Some(next) = queue.yield_to(threads, running, priority) {
            threads[running].state = State::Runnable;
            self.switch_to(core, Some(next));
        }
    }

    /// From now until [`VirtualCpu::crit_exit`] nobody takes the virtual CPU from this thread, unless it gives it away itself. Nests. (Table I.)
    #[inline]
    pub fn crit_enter(&self) {
        self.critical.set(self.critical.get() + 1);
    }

    /// Ends a critical section; the end of the outermost one lets in whoever was woken meanwhile and is more urgent. (Table I.)
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn crit_exit(&self) {
        let depth = self.critical.get();
        assert!(depth > 0, "crit_exit without crit_enter");
        self.critical.set(depth - 1);
        if depth == 1 && (self.pending.get() || self.arrivals.is_any()) {
            self.give_way();
        }
    }

    /// How deep the running thread is in critical sections.
    #[must_use]
    pub fn critical_depth(&self) -> u32 {
        self.critical.get()
    }

    /// Somebody has been made runnable: acted upon now, or at the end of the critical section.
    pub(crate) fn woken(&self) {
        self.pending.set(true);
        if self.critical.get() == 0 || cfg!(bite = "uthread-crit-never-defers") {
            self.give_way();
        }
    }

    /// Lets those run who are more urgent than the running thread and may take its place.
    fn give_way(&self) {
        if self.running.get().is_none() {
            // The idle hook: `run` looks when it returns.
            return;
        }
        loop {
            self.pending.set(false);
            self.take_signals();
            let (mut core, running) = self.leaving();
            let next = core.more_urgent(running);
            if next.is_none() {
                return;
            }
            self.switch_to(core, next);
        }
    }

    /// The running thread, which may be about to leave its stack, and what the scheduler changes.
    ///
    /// # Panics
    /// If there is none, or it has overflowed its stack.
    #[inline(always)]
    pub(crate) fn leaving(&self) -> (RefMut<'_, Core>, ThreadIndex) {
        let Some(running) = self.running.get() else {
            panic!("no thread is running: this is the idle hook, or outside `run`");
        };
        let core = self.core.borrow_mut();
        assert!(core.threads[running].stack.is_intact(), "{running} has overflowed its stack");
        (core, running)
    }

    /// The running thread, which is on its queue, blocked or ended, gives the virtual CPU to whoever comes next.
    #[inline]
    pub(crate) fn switch_away(&self, mut core: RefMut<'_, Core>, running: ThreadIndex) {
        let next = core.next_after(running);
        self.switch_to(core, next);
    }

    /// Leaves the running thread, or `run`, for another; returns when it is switched to again.
    #[inline(always)]
    fn switch_to(&self, mut core: RefMut<'_, Core>, next: Option<ThreadIndex>) {
        let previous = self.running.get();
        let critical = next.map_or(0, |next| {
            let thread = &mut core.threads[next];
            thread.state = State::Running;
            thread.critical
        });
        if previous == next {
            return;
        }
        let mut save = &self.base;
        if let Some(previous) = previous {
            core.threads[previous].critical = self.critical.get();
            save = &self.contexts[previous.0 as usize];
        }
        let context = next.map_or(&self.base, |next| &self.contexts[next.0 as usize]);
        drop(core);
        self.critical.set(critical);
        self.switches.set(self.switches.get() + 1);
        self.running.set(next);
        // SAFETY: `next` is not running, so its context was saved when it was left (or prepared when it was initialised) and nobody has
        // touched its stack since; contexts are cells of this kernel thread, and no borrow lasts across the switch.
        unsafe { arch::switch(save.as_ptr(), context.get()) };
        self.after_switch();
    }

    /// What the thread before could not do for itself: it has left its stack only now.
    #[inline(always)]
    pub(crate) fn after_switch(&self) {
        if let Some(left) = self.left.take() {
            self.core.borrow_mut().reclaim(left);
        }
    }
}

impl Core {
    /// The best runnable thread, off the queue.
    fn next(&mut self) -> Option<ThreadIndex> {
        self.queue.dequeue(&mut self.threads)
    }

    /// Who comes after `running`.
    fn next_after(&mut self, running: ThreadIndex) -> Option<ThreadIndex> {
        let preempted = self.threads[running].preempted.take();
        match switch_from(&mut self.queue, &mut self.threads, preempted) {
            Next::Return(victim) => {
                self.preempted -= 1;
                Some(victim)
            }
            Next::Run(next) => Some(next),
            Next::Idle => None,
        }
    }

    /// Who has to take the place of `running`, which is outside critical sections: an interrupt thread preempts it, and it goes on when
    /// that one blocks; for others it steps back to the front of its equals.
    fn more_urgent(&mut self, running: ThreadIndex) -> Option<ThreadIndex> {
        let best = self.queue.best()?;
        let priority = self.threads[running].priority;
        if best.is_interrupt() {
            if !may_preempt(Running { priority, critical_depth: 0, preempted: self.preempted }, best) {
                return None;
            }
            let next = self.next()?;
            self.threads[running].state = State::Preempted;
            self.threads[next].preempted = Some(running);
            self.preempted += 1;
            Some(next)
        } else if must_give_way_to(&self.queue, priority) {
            let next = self.next()?;
            self.threads[running].state = State::Runnable;
            self.queue.enqueue_front(&mut self.threads, running, priority);
            Some(next)
        } else {
            None
        }
    }
}

/// While it lives, the virtual CPU is in `run`.
struct InRun<'a>(&'a VirtualCpu);

impl Drop for InRun<'_> {
    fn drop(&mut self) {
        self.0.is_in_run.set(false);
    }
}
