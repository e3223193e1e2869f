//! The parts of a place that are the same for every request, but for what comes after the first: a request may have no data.

use super::area::DESCRIPTOR_WRITE;
use super::{Access, Segment};

/// What is known of a place's fixed parts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fixed {
    /// Bytes that the device may write in them.
    pub(super) writable: u32,
    /// The first's descriptor, but for what comes after it.
    pub(super) head: u64,
    /// Which part that is: not the second if there is no data.
    pub(super) second: usize,
}

impl Fixed {
    pub(super) const NONE: Self = Self { writable: 0, head: 0, second: 1 };
}

/// A descriptor's length and whether the device writes.
pub(super) const fn flagged(segment: Segment) -> u64 {
    let write = match segment.access {
        Access::Write => DESCRIPTOR_WRITE,
        Access::Read => 0,
    };
    segment.length as u64 | write
}
