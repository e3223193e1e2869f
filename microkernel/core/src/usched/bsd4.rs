//! `bsd4`: multi-level feedback with decay, the default.
//!
//! A thread is rated by the CPU time it has used lately. Running sinks it a level for each 48 ms; waiting and sleeping let it
//! rise again, since what was used halves every second. So a thread that mostly sleeps stays on top and is served as soon as it
//! wakes, while those that compute sink to where they share by slices. Nobody starves: a thread that waits rises to the top
//! within seconds, and those who run sink below it.

use super::{Band, Rules, UserThread, WakeOrder};
use crate::runqueue::Priority;

/// The policy on one CPU.
pub type Bsd4 = Band<Bsd4Rules>;

/// CPU time that sinks a thread by one level. A thread alone on its CPU levels out at 1.5 s of recent time: 31 levels.
const LEVEL_NS: u64 = 48_000_000;
/// Recent time beyond this makes no difference and is not remembered.
const MOST_NS: u64 = 32 * LEVEL_NS;
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
    const WAKE_ORDER: WakeOrder = WakeOrder::First;

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
        let sunk = (user.estimate_ns / LEVEL_NS).min(31) as u8;
        Priority::new(31 - sunk).unwrap_or(Priority::IDLE)
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
