//! A CPU in virtual time: what the kernel does between its thread scheduler and the user schedulers, with ticks of 1 ms.

use anax_lwkt::list::{Link, Links, QueueKind, ThreadIndex};
use anax_lwkt::usched::{
    Bsd4, Bsd4Rules, Changed, Clock, Placement, Removed, Rr, Rules, Seat, Threads, UserScheduler, UserThread,
    change_policy,
};
use std::collections::VecDeque;

/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;

#[derive(Clone, Copy)]
struct Thread {
    link: Link,
    user: UserThread,
    policy: usize,
    runnable: bool,
    ran_ns: u64,
    tick_ns: u64,
}

struct Table(Vec<Thread>);

impl Links for Table {
    fn link(&self, thread: ThreadIndex) -> Link {
        self.0[thread.0 as usize].link
    }

    fn set_link(&mut self, thread: ThreadIndex, link: Link) {
        self.0[thread.0 as usize].link = link;
    }
}

impl Threads for Table {
    fn user(&self, thread: ThreadIndex) -> UserThread {
        self.0[thread.0 as usize].user
    }

    fn set_user(&mut self, thread: ThreadIndex, user: UserThread) {
        self.0[thread.0 as usize].user = user;
    }
}

/// The CPU; its `run` queue stands for the thread scheduler's list at user priority.
pub(crate) struct Cpu {
    table: Table,
    policies: [Box<dyn UserScheduler>; 2],
    run: VecDeque<ThreadIndex>,
    now_ns: u64,
    next: u32,
}

impl Cpu {
    pub(crate) fn new(threads: usize) -> Self {
        let thread = Thread {
            link: Link::FREE,
            user: UserThread::default(),
            policy: 0,
            runnable: false,
            ran_ns: 0,
            tick_ns: MS,
        };
        Self {
            table: Table(vec![thread; threads]),
            policies: [Box::new(Bsd4::new()), Box::new(Rr::new())],
            run: VecDeque::new(),
            now_ns: 0,
            next: 0,
        }
    }

    fn thread(&mut self, thread: ThreadIndex) -> &mut Thread {
        &mut self.table.0[thread.0 as usize]
    }

    pub(crate) fn ran(&self, thread: ThreadIndex) -> u64 {
        self.table.0[thread.0 as usize].ran_ns
    }

    pub(crate) fn policy(&self, thread: ThreadIndex) -> usize {
        self.table.0[thread.0 as usize].policy
    }

    pub(crate) fn is_runnable(&self, thread: ThreadIndex) -> bool {
        self.table.0[thread.0 as usize].runnable
    }

    /// The level that `bsd4` gives the thread now.
    pub(crate) fn level(&self, thread: ThreadIndex) -> u8 {
        let mut user = self.table.user(thread);
        Bsd4Rules.decay(&mut user, self.now_ns);
        Bsd4Rules.level(&user).level()
    }

    pub(crate) fn slow_ticks(&mut self, thread: ThreadIndex, factor: u64) {
        self.thread(thread).tick_ns = factor * MS;
    }

    /// A thread that does not run yet.
    pub(crate) fn add(&mut self, policy: usize) -> ThreadIndex {
        let thread = ThreadIndex(self.next);
        self.next += 1;
        self.thread(thread).policy = policy;
        thread
    }

    pub(crate) fn start(&mut self, policy: usize) -> ThreadIndex {
        let thread = self.add(policy);
        self.wake(thread);
        thread
    }

    /// As if the thread were new.
    pub(crate) fn reset(&mut self, thread: ThreadIndex) {
        let updated_ns = self.now_ns;
        self.thread(thread).user = UserThread { updated_ns, ..UserThread::default() };
    }

    pub(crate) fn wake(&mut self, thread: ThreadIndex) {
        if !self.is_runnable(thread) {
            self.thread(thread).runnable = true;
            let policy = self.policy(thread);
            let placement = self.policies[policy].set_run_queue(&mut self.table, thread, self.now_ns);
            self.place(thread, placement);
        }
        self.check();
    }

    pub(crate) fn block(&mut self, thread: ThreadIndex) {
        // Only a thread that is in the kernel can block: here, one that holds a seat.
        let policy = self.policy(thread);
        if self.policies[policy].current() == Some(thread) {
            self.thread(thread).runnable = false;
            self.run.retain(|other| *other != thread);
            let next = self.policies[policy].release_current(&mut self.table, thread, self.now_ns);
            self.run.extend(next);
        } else {
            assert_eq!(self.policies[policy].release_current(&mut self.table, thread, self.now_ns), None);
        }
        self.check();
    }

    /// A thread that was woken in the kernel, past the user scheduler, comes back to user mode.
    pub(crate) fn return_without_seat(&mut self, thread: ThreadIndex) {
        if !self.is_runnable(thread) {
            self.thread(thread).runnable = true;
            self.acquire(thread);
        }
        self.check();
    }

    pub(crate) fn fork(&mut self, parent: ThreadIndex, policy: usize) -> ThreadIndex {
        let child = self.add(policy);
        self.policies[policy].forking(&mut self.table, parent, child, self.now_ns);
        self.wake(child);
        child
    }

    pub(crate) fn fork_into(&mut self, parent: ThreadIndex, child: ThreadIndex) {
        if !self.is_runnable(child) {
            let policy = self.policy(parent);
            self.thread(child).policy = policy;
            self.policies[policy].forking(&mut self.table, parent, child, self.now_ns);
            self.wake(child);
        }
    }

    pub(crate) fn exit(&mut self, thread: ThreadIndex) {
        let policy = self.policy(thread);
        let removed = self.policies[policy].remove(&mut self.table, thread, self.now_ns);
        assert_eq!(removed != Removed::Absent, self.is_runnable(thread));
        self.thread(thread).runnable = false;
        self.leave_seat(thread, removed);
        let parent = ThreadIndex((thread.0 + 1) % self.table.0.len() as u32);
        let parent = (self.policy(parent) == policy).then_some(parent);
        self.policies[policy].exiting(&mut self.table, thread, parent, self.now_ns);
        self.check();
    }

    pub(crate) fn change(&mut self, thread: ThreadIndex, to: usize) {
        let from = self.policy(thread);
        self.thread(thread).policy = to;
        let [bsd4, rr] = &mut self.policies;
        let (old, new) = if from == 0 { (bsd4, rr) } else { (rr, bsd4) };
        let Changed { removed, placement } =
            change_policy(&mut self.table, thread, old.as_mut(), new.as_mut(), self.now_ns);
        self.leave_seat(thread, removed);
        if let Some(placement) = placement {
            self.place(thread, placement);
        }
        self.check();
    }

    pub(crate) fn yield_current(&mut self, policy: usize) -> Clock {
        let clock = self.policies[policy].yield_current(&mut self.table);
        if let (Clock::Reschedule, Some(holder)) = (clock, self.policies[policy].current()) {
            self.acquire(holder);
        }
        self.check();
        clock
    }

    /// Ticks until `ns` have passed.
    pub(crate) fn run_for(&mut self, ns: u64) {
        let end = self.now_ns + ns;
        while self.now_ns < end {
            self.tick();
        }
    }

    /// Ticks until `thread` has run for more than `ns` from now; returns how long that took, without its last tick.
    pub(crate) fn run_until_it_ran(&mut self, thread: ThreadIndex, ns: u64) -> u64 {
        let (start, ran) = (self.now_ns, self.ran(thread));
        while self.ran(thread) - ran <= ns {
            assert!(self.now_ns - start < 60_000 * MS, "{thread} does not run");
            self.tick();
        }
        self.now_ns - start - MS
    }

    fn tick(&mut self) {
        if let Some(thread) = self.run.pop_front() {
            self.run.push_back(thread);
            let (policy, tick_ns) = (self.policy(thread), self.table.0[thread.0 as usize].tick_ns);
            self.now_ns += tick_ns;
            self.thread(thread).ran_ns += tick_ns;
            if self.policies[policy].scheduler_clock(&mut self.table, tick_ns, self.now_ns)
                == Clock::Reschedule
            {
                self.acquire(thread);
            }
        } else {
            self.now_ns += MS;
        }
        for policy in &mut self.policies {
            policy.recalculate(&mut self.table, self.now_ns);
        }
        self.check();
    }

    fn acquire(&mut self, thread: ThreadIndex) {
        let policy = self.policy(thread);
        match self.policies[policy].acquire_current(&mut self.table, thread, self.now_ns) {
            Seat::Granted if self.run.contains(&thread) => {}
            Seat::Granted => self.run.push_back(thread),
            Seat::Waits(_) => {}
            Seat::HandedTo(next) => {
                self.run.retain(|other| *other != thread);
                self.run.push_back(next);
            }
        }
    }

    fn place(&mut self, thread: ThreadIndex, placement: Placement) {
        if placement == Placement::Seated {
            self.run.push_back(thread);
        }
    }

    fn leave_seat(&mut self, thread: ThreadIndex, removed: Removed) {
        if let Removed::FromSeat(next) = removed {
            self.run.retain(|other| *other != thread);
            self.run.extend(next);
        }
    }

    /// Each runnable thread holds its policy's seat or waits in its queue, and not both; the others neither.
    fn check(&self) {
        for (index, thread) in self.table.0.iter().enumerate() {
            let me = ThreadIndex(index as u32);
            let seated = self.policies[thread.policy].current() == Some(me);
            let elsewhere = self.policies[1 - thread.policy].current() == Some(me);
            let waits = thread.link.queued_on() == Some(QueueKind::User);
            assert_eq!(usize::from(seated) + usize::from(waits), usize::from(thread.runnable), "{me}");
            assert!(!elsewhere, "{me} holds the seat of a policy that is not its own");
            assert_eq!(self.run.iter().filter(|other| **other == me).count(), usize::from(seated), "{me}");
        }
    }
}
