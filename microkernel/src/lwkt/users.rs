//! User schedulers at work: who of a CPU's user threads is on the run queue, and for how long.
//!
//! Threads of the user band (base priority [`Priority::USER_NORMAL`]) are their space's policy's business: of each policy one holds the
//! seat and is on the run queue, all others wait with the policy. A thread that inherits more than its own priority, because it
//! serves somebody, is on the run queue like any other. The seat is not given up for a synchronous call, which is what makes calls cheap;
//! it changes hands when the CPU has nothing better to do than the user band, or when the slice is over.
//!
//! Time is charged by the tick, to whoever runs then. The tick comes only while somebody waits for his turn.

use core::cell::{Cell, RefCell};

use anax_abi::object::Policy;
use microkernel_core::list::{QueueKind, ThreadIndex};
use microkernel_core::runqueue::Priority;
use microkernel_core::usched::{
    Bsd4, Clock, Placement, Removed, Rr, Seat, Threads, UserScheduler, UserThread,
};

use super::schedule;
use super::thread::{Thread, ThreadLinks, ThreadState, thread};
use crate::percpu;
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};

/// How often time is charged, and slices of equals end.
const TICK: Nanos = Nanos(2_000_000);

/// A CPU's user schedulers; its own alone, interrupts off.
pub(crate) struct Users {
    bsd4: RefCell<Bsd4>,
    rr: RefCell<Rr>,
    tick: Deadline,
    ticking: Cell<bool>,
    /// Whoever runs has to ask for the seat again, or let an equal run, before he goes on in user mode.
    again: Cell<bool>,
    /// Somebody may hold a seat.
    in_use: Cell<bool>,
}

impl Users {
    pub(crate) const fn new() -> Self {
        Self {
            bsd4: RefCell::new(Bsd4::new()),
            rr: RefCell::new(Rr::new()),
            tick: Deadline::new(|_| tick()),
            ticking: Cell::new(false),
            again: Cell::new(false),
            in_use: Cell::new(false),
        }
    }

    fn with<R>(&self, policy: Policy, body: impl FnOnce(&mut dyn UserScheduler) -> R) -> R {
        match policy {
            Policy::RoundRobin => body(&mut *self.rr.borrow_mut()),
            Policy::Bsd4 | Policy::Inherit => body(&mut *self.bsd4.borrow_mut()),
        }
    }
}

impl Threads for ThreadLinks {
    fn user(&self, index: ThreadIndex) -> UserThread {
        thread(index).usage.get()
    }

    fn set_user(&mut self, index: ThreadIndex, user: UserThread) {
        thread(index).usage.set(user);
    }
}

/// Whether a policy decides when the thread runs.
pub(super) fn is_governed(thread: &Thread) -> bool {
    thread.base.get() == Priority::USER_NORMAL
        && thread.priority.get() == Priority::USER_NORMAL
        && thread.space().is_some()
}

fn now() -> u64 {
    clock::now().0
}

/// A thread has become runnable: true if its policy keeps it for now.
pub(super) fn keeps(ready: &'static Thread) -> bool {
    if !is_governed(ready) {
        return false;
    }
    let users = &percpu::this().users;
    users.in_use.set(true);
    start_ticking(users);
    let place = |policy: &mut dyn UserScheduler| policy.set_run_queue(&mut ThreadLinks, ready.index, now());
    match users.with(ready.policy.get(), place) {
        Placement::Seated => false,
        Placement::Queued => true,
        Placement::Preempts => {
            users.again.set(true);
            percpu::this().scheduler.ask();
            true
        }
    }
}

/// The CPU is about to be left to the user band or to nobody: seats whose holders are blocked go to those who wait for them.
#[inline]
pub(super) fn reseat() {
    let users = &percpu::this().users;
    if users.in_use.take() {
        reseat_each(users);
    }
}

fn reseat_each(users: &Users) {
    for policy in [Policy::Bsd4, Policy::RoundRobin] {
        let next = users.with(policy, |policy| {
            let holder = policy.current()?;
            users.in_use.set(true);
            let runs = [ThreadState::Ready, ThreadState::Running, ThreadState::Preempted];
            if runs.contains(&thread(holder).state.get()) {
                return None;
            }
            policy.release_current(&mut ThreadLinks, holder, now())
        });
        next.into_iter().for_each(schedule::enqueue);
    }
}

/// The running thread is about to go on in user mode although its turn may be over: true if somebody else is to run first, and
/// the thread has been put where it waits.
pub(super) fn turn_is_over(running: &'static Thread) -> bool {
    let users = &percpu::this().users;
    if !users.again.take() {
        return false;
    }
    if !is_governed(running) {
        return schedule::equals_wait(running);
    }
    users.in_use.set(true);
    let ask = |policy: &mut dyn UserScheduler| policy.acquire_current(&mut ThreadLinks, running.index, now());
    match users.with(running.policy.get(), ask) {
        Seat::Granted => schedule::equals_wait(running),
        Seat::HandedTo(next) => {
            schedule::enqueue(next);
            true
        }
        Seat::Waits(clock) => {
            users.again.set(clock == Clock::Reschedule);
            true
        }
    }
}

/// A thread's priority is about to change, or its policy, or it ends: it leaves its policy's queue or seat. True if it waited there.
pub(super) fn leaves(leaving: &'static Thread) -> bool {
    let waited = super::thread::link_of(leaving).queued_on() == Some(QueueKind::User);
    let users = &percpu::this().users;
    let remove = |policy: &mut dyn UserScheduler| policy.remove(&mut ThreadLinks, leaving.index, now());
    let seated = users.with(leaving.policy.get(), |policy| policy.current()) == Some(leaving.index);
    if (waited || seated)
        && let Removed::FromSeat(Some(next)) = users.with(leaving.policy.get(), remove)
    {
        schedule::enqueue(next);
    }
    waited
}

/// The running thread gives up the rest of its slice, if a policy gave it one.
pub(crate) fn yield_turn(running: &'static Thread) {
    let users = &percpu::this().users;
    if is_governed(running) {
        let _asks_below = users.with(running.policy.get(), |policy| policy.yield_current(&mut ThreadLinks));
        users.again.set(true);
        percpu::this().scheduler.ask();
    }
}

/// Gives all threads of a space on this CPU another policy.
pub(crate) fn change_policy(of: impl Fn(&Thread) -> bool, policy: Policy) {
    let own = percpu::this().id();
    for changed in super::threads().filter(|thread| thread.cpu() == own && of(thread)) {
        let waited = leaves(changed);
        changed.policy.set(policy);
        if waited {
            changed.state.set(ThreadState::Blocked);
            schedule::make_ready(changed);
        }
    }
    percpu::this().users.again.set(true);
    percpu::this().scheduler.ask();
}

/// Has the tick come while somebody waits for a turn.
pub(super) fn start_ticking(users: &'static Users) {
    if !users.ticking.replace(true) {
        timer::set(&users.tick, Nanos(now() + TICK.0));
    }
}

/// Time has passed: it is charged, whoever waits is rated anew, and equals of fixed priority take turns.
fn tick() {
    let own = percpu::this();
    let users = &own.users;
    let running = own.thread();
    users.ticking.set(false);
    let mut wanted = schedule::equals_wait(running);
    let mut again = wanted;
    for policy in [Policy::Bsd4, Policy::RoundRobin] {
        users.with(policy, |scheduler| {
            let holds = scheduler.current() == Some(running.index) && !own.scheduler.is_idle();
            if holds {
                again |= scheduler.scheduler_clock(&mut ThreadLinks, TICK.0, now()) == Clock::Reschedule;
            }
            scheduler.recalculate(&mut ThreadLinks, now());
            wanted |= scheduler.current().is_some();
            // Whoever runs without the seat, since his call was answered past everybody, asks for it now.
            again |= is_governed(running) && running.policy.get() == policy && !holds;
        });
    }
    users.again.set(users.again.get() | again);
    if again {
        own.scheduler.ask();
    }
    if wanted {
        start_ticking(users);
    }
}

impl Thread {
    /// What user schedulers remember of the thread that makes it: it begins as that one's child.
    pub(crate) fn begin_usage(&self, policy: Policy) {
        self.policy.set(policy);
        self.usage.set(UserThread::default());
    }
}
