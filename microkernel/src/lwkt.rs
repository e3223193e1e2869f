//! Light-weight kernel threads: the paper's Table I.
//!
//! A thread belongs to one CPU, which alone touches its run queue; other CPUs ask by the crossbar. Priorities are fixed and
//! equals take turns. Only interrupt threads preempt kernel code, and when one blocks, control returns directly to whom it
//! preempted. Everything here runs with interrupts off for a few dozen instructions; waiting is blocking, never spinning.

mod schedule;
mod thread;
mod users;
mod wait;

pub(crate) use schedule::{
    ASKED, Scheduler, after_switch, before_user, block_current, blocking, crit_enter, crit_exit, idle,
    interrupted, is_asked, is_best, lwkt_give_away, lwkt_switch, lwkt_yield, set_base_priority, set_priority,
    step_aside, switch_directly, take_heir, wake, way_to, yield_to_user,
};
pub(crate) use thread::{
    SLOT_COUNT, SLOTS, Start, Thread, ThreadState, Wait, adopt, lwkt_alloc, lwkt_create, lwkt_exit,
    lwkt_free, lwkt_schedule, number, register, summons, thread, threads, unusual,
};
pub(crate) use users::{Users, change_policy, yield_turn};
pub(crate) use wait::{Waiters, lwkt_block, lwkt_signal};
