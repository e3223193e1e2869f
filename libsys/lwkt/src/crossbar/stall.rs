//! Noticing that a target does not drain.
//!
//! The kernel's control messages wait for room while they drain their own rings. That wait has no limit of its own (the
//! target may be long in a critical section), but one of over a second is a defect somewhere and has to be reported: once,
//! not at each turn of the loop.

/// How long a ring may stay full before that is reported, in nanoseconds.
pub const STALL_NS: u64 = 1_000_000_000;

/// One wait for room.
#[derive(Clone, Copy, Debug)]
pub struct StallWatch {
    since_ns: u64,
    reported: u64,
}

impl StallWatch {
    /// A wait that begins at `now_ns`, nanoseconds since boot.
    #[must_use]
    pub const fn begin(now_ns: u64) -> Self {
        Self { since_ns: now_ns, reported: 0 }
    }

    /// Asked at each turn: how long the wait has lasted, in nanoseconds, once for each further [`STALL_NS`] of it.
    pub const fn report(&mut self, now_ns: u64) -> Option<u64> {
        let waited = now_ns.saturating_sub(self.since_ns);
        let due = waited / STALL_NS;
        if due <= self.reported {
            return None;
        }
        self.reported = due;
        Some(waited)
    }
}
