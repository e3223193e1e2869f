//! Time: one monotonic clock for all CPUs, and a one-shot timer on each.

pub(crate) mod clock;
pub(crate) mod timer;
