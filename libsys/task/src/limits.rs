//! What an executor may hold at a time, given when it is made, and what it has had to turn away.

use crate::ready::MOST;

/// How much there may be of everything. What is beyond waits (calls) or is refused (all else).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Tasks that have not ended, at most 4095. One more is `Full`.
    pub tasks: usize,
    /// Calls whose reply is due, at most 65,536; the next one waits in line. The port should have been made with as many messages under
    /// way, else they end with `Quota`.
    pub calls: usize,
    /// Requests that were received and not answered, queued ones included; the next one is answered with `Full`. Also the notices that wait
    /// in one stream.
    pub requests: usize,
}

impl Limits {
    /// So many of each.
    #[must_use]
    pub const fn each(count: usize) -> Self {
        Self { tasks: count, calls: count, requests: count }
    }

    pub(crate) const fn tasks(self) -> usize {
        if self.tasks < MOST { self.tasks } else { MOST - 1 }
    }

    pub(crate) const fn calls(self) -> usize {
        if self.calls < 1 << 16 { self.calls } else { 1 << 16 }
    }
}

/// What came to nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Replies that named no call under way.
    pub strays: u64,
    /// Requests answered with `Full` because there were too many.
    pub refused: u64,
    /// Notices that nobody listened for, or that found no room.
    pub unheard: u64,
}
