//! `bsd4`: multi-level feedback with decay, the default.
//!
//! A thread is rated by the CPU time it has used lately. Running sinks it a level for each 48 ms; waiting and sleeping let it
//! rise again, since what was used halves every second. A thread that wakes up stands a level higher. So a thread that mostly
//! sleeps is served as soon as it wakes, while those that compute sink to where they share by slices.
//!
//! Nobody starves, whatever the others do: the highest level is open to the woken and to the rested, who have used less
//! than a millisecond lately. Any thread that waits is among the latter after 11 seconds, and there it is first come, first
//! served.

use super::{Band, Rules, UserThread};
use crate::runqueue::Priority;

/// The policy on one CPU.
pub type Bsd4 = Band<Bsd4Rules>;

/// CPU time that sinks a thread by one level. A thread alone on its CPU levels out at 1.5 s of recent time: the lowest.
const LEVEL_NS: u64 = 48_000_000;
/// A thread that has used less than this lately is rested.
const RESTED_NS: u64 = 1_000_000;
/// Recent time beyond this makes no difference and is not remembered.
const MOST_NS: u64 = 31 * LEVEL_NS;
/// Steps in which the recent time decays.
const STEP_NS: u64 = 62_500_000;
/// Steps after which it has halved.
const STEPS_PER_HALF: u64 = 16;
/// 2 to the power of -1/16, in 1024ths: one step.
const STEP_FACTOR: u64 = 981;

/// The rules of [`Bsd4`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Bsd4Rules;

impl Bsd4 {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_rules(Bsd4Rules)
    }
}

impl Default for Bsd4 {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules for Bsd4Rules {
    const NAME: &'static str = "bsd4";
    const SLICE_NS: u64 = 10_000_000;

    fn decay(&self, user: &mut UserThread, now_ns: u64) {
        let steps = now_ns.saturating_sub(user.updated_ns) / STEP_NS;
        // Whole steps only: however often it is called, the same time has the same effect.
        user.updated_ns += steps * STEP_NS;
        if cfg!(bite = "usched-no-decay") {
            return;
        }
        let halvings = (steps / STEPS_PER_HALF).min(63);
        user.estimate_ns = (user.estimate_ns >> halvings).min(MOST_NS);
        for _ in 0..steps % STEPS_PER_HALF {
            user.estimate_ns = user.estimate_ns * STEP_FACTOR / 1024;
        }
    }

    fn charge(&self, user: &mut UserThread, ran_ns: u64) {
        user.estimate_ns = user.estimate_ns.saturating_add(ran_ns).min(MOST_NS);
    }

    fn level(&self, user: &UserThread) -> Priority {
        if user.estimate_ns < RESTED_NS {
            return Priority::MAX;
        }
        let sunk = (user.estimate_ns / LEVEL_NS).min(30) as u8;
        Priority::new(30 - sunk).unwrap_or(Priority::IDLE)
    }

    /// One level up, so that it preempts those who are rated the same and compute.
    fn woken_level(&self, level: Priority) -> Priority {
        if cfg!(bite = "usched-no-boost") {
            return level;
        }
        Priority::new(level.level() + 1).unwrap_or(Priority::MAX)
    }

    /// All of it: making children does not wash a thread clean.
    fn inherit(&self, parent: &UserThread) -> UserThread {
        *parent
    }

    /// A quarter of what it used beyond its parent: a program that works through short-lived children sinks too, if slower.
    fn bequeath(&self, child: &UserThread, parent: &mut UserThread) {
        let beyond = child.estimate_ns.saturating_sub(parent.estimate_ns);
        parent.estimate_ns += beyond / 4;
    }
}
