//! Time: one monotonic clock for all CPUs, and deadlines on each.

pub(crate) mod clock;
pub(crate) mod timer;
