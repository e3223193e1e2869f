//! `rr`: everybody a slice in turn, nobody rated.

use super::{Band, Rules, UserThread};
use crate::runqueue::Priority;

/// The policy on one CPU.
pub type Rr = Band<RrRules>;

/// The rules of [`Rr`].
#[derive(Clone, Copy, Debug, Default)]
pub struct RrRules;

impl Rr {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_rules(RrRules)
    }
}

impl Default for Rr {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules for RrRules {
    const NAME: &'static str = "rr";
    const SLICE_NS: u64 = 10_000_000;

    fn decay(&self, user: &mut UserThread, now_ns: u64) {
        user.updated_ns = user.updated_ns.max(now_ns);
    }

    fn charge(&self, _user: &mut UserThread, _ran_ns: u64) {}

    fn level(&self, _user: &UserThread) -> Priority {
        Priority::USER_NORMAL
    }

    fn woken_level(&self, level: Priority) -> Priority {
        level
    }

    fn inherit(&self, parent: &UserThread) -> UserThread {
        *parent
    }

    fn bequeath(&self, _child: &UserThread, _parent: &mut UserThread) {}
}
