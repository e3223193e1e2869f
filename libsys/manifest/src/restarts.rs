//! Whether a program that has ended is started again, and when.

use alloc::collections::VecDeque;

use crate::{Restart, RestartPolicy};

const NS_PER_MS: u64 = 1_000_000;

/// What is to be done about an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again at that time, in nanoseconds since boot.
    At(u64),
    /// Let it be: that is its policy.
    Stop,
    /// It has ended too often; whoever waits for it is told so.
    GiveUp,
}

/// The restarts of one program, of which no more happen in a time than its manifest allows, each later than the one before.
#[derive(Clone, Debug)]
pub struct Restarts {
    plan: Restart,
    /// When it was started again, not longer ago than the plan looks back.
    recent: VecDeque<u64>,
    count: u32,
}

impl Restarts {
    /// None yet.
    #[must_use]
    pub const fn new(plan: Restart) -> Self {
        Self { plan, recent: VecDeque::new(), count: 0 }
    }

    /// How many there were in all.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// It has ended with that status, at `now` in nanoseconds since boot.
    pub fn ended(&mut self, status: u64, now: u64) -> Verdict {
        match self.plan.policy {
            RestartPolicy::Never => return Verdict::Stop,
            RestartPolicy::OnFailure if status == 0 => return Verdict::Stop,
            RestartPolicy::OnFailure | RestartPolicy::Always => {}
        }
        let within = u64::from(self.plan.within_ms) * NS_PER_MS;
        while self.recent.front().is_some_and(|at| at + within < now) {
            self.recent.pop_front();
        }
        let recent = u32::try_from(self.recent.len()).unwrap_or(u32::MAX);
        if recent >= self.plan.limit {
            return Verdict::GiveUp;
        }
        // The first one comes at once if the plan says so; each further one doubles, up to the longest.
        let doubled = u64::from(self.plan.first_delay_ms) << recent.min(32);
        let delay = doubled.min(self.plan.longest_delay_ms.into()) * NS_PER_MS;
        let at = now + delay;
        self.recent.push_back(at);
        self.count += 1;
        Verdict::At(at)
    }
}
