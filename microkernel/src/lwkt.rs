//! Light-weight kernel threads: the paper's Table I.
//!
//! A thread belongs to one CPU, which alone touches its run queue; other CPUs ask by the crossbar. Priorities are fixed and
//! equals take turns. Only interrupt threads preempt kernel code, and when one blocks, control returns directly to whom it
//! preempted. Everything here runs with interrupts off for a few dozen instructions; waiting is blocking, never spinning.

mod schedule;
mod thread;
mod wait;

pub(crate) use schedule::{Scheduler, after_interrupt, crit_enter, crit_exit, idle, lwkt_switch, lwkt_yield};
pub(crate) use thread::{
    Start, Thread, ThreadState, adopt, lwkt_alloc, lwkt_create, lwkt_free, lwkt_schedule, register,
};
pub(crate) use wait::{Waiters, lwkt_block, lwkt_signal};
