//! The CPU budget of a thread in the interrupt band.
//!
//! Time is cut in windows; in each the source may use its budget. A source that has used it up leaves the band: its thread
//! goes on at a user priority, where it preempts nobody, until a later window has room for it again. What it used beyond its
//! budget is taken off the windows that follow, so that over any stretch of time the share holds, also for a driver that runs
//! for many windows at a stretch.

/// Whether the source's thread may be in the interrupt band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may, and preempts.
    InBand,
    /// Its budget is used up.
    Fallen,
}

/// Whether a fall is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The second within a second: the first alone may be of a driver that has just begun, whose code nobody has run before.
    Worth,
    /// The first for a second, or one of a series that has been reported.
    Not,
}

/// What a charge led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Charge {
    /// Nothing: its standing is as before.
    Unchanged,
    /// It leaves the interrupt band now: lower its thread's priority, and report it if that is worth it.
    FellOut(Report),
}

/// A source that falls again within this time is part of a series, nanoseconds.
const SERIES_NS: u64 = 1_000_000_000;

/// The budget of one source on its CPU. Only that CPU; times are its nanoseconds since boot.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    window_ns: u64,
    budget_ns: u64,
    window_start_ns: u64,
    used_ns: u64,
    standing: Standing,
    last_fall_ns: Option<u64>,
    /// Of this series.
    is_reported: bool,
    falls: u64,
}

impl Default for Budget {
    /// [`Budget::standard`] from time 0 on.
    fn default() -> Self {
        Self::standard(0)
    }
}

impl Budget {
    /// `budget_ns` of every `window_ns`, from `now_ns` on. A window of 0 counts as one of 1 ns.
    #[must_use]
    pub const fn new(window_ns: u64, budget_ns: u64, now_ns: u64) -> Self {
        Self {
            window_ns: if window_ns == 0 { 1 } else { window_ns },
            budget_ns,
            window_start_ns: now_ns,
            used_ns: 0,
            standing: Standing::InBand,
            last_fall_ns: None,
            is_reported: false,
            falls: 0,
        }
    }

    /// What a source gets unless its manifest says otherwise: 4 ms in every 10. What it costs to enter and leave comes on
    /// top and leaves the others at least half.
    #[must_use]
    pub const fn standard(now_ns: u64) -> Self {
        Self::new(10_000_000, 4_000_000, now_ns)
    }

    /// The source's thread has run in the band for `ran_ns`, up to `now_ns`. Time that it runs outside is not charged.
    pub fn charge(&mut self, now_ns: u64, ran_ns: u64) -> Charge {
        self.refill(now_ns);
        self.used_ns = self.used_ns.saturating_add(ran_ns);
        if self.standing == Standing::Fallen || self.used_ns < self.budget_ns || cfg!(bite = "irq-no-budget")
        {
            return Charge::Unchanged;
        }
        self.standing = Standing::Fallen;
        self.falls += 1;
        let in_series = self.last_fall_ns.is_some_and(|last| now_ns.saturating_sub(last) < SERIES_NS);
        self.last_fall_ns = Some(now_ns);
        let is_known = core::mem::replace(&mut self.is_reported, in_series);
        Charge::FellOut(if in_series && !is_known { Report::Worth } else { Report::Not })
    }

    /// The standing at `now_ns`; new windows begin as time goes on. At the tick, and when the source's interrupt arrives.
    pub fn standing(&mut self, now_ns: u64) -> Standing {
        self.refill(now_ns);
        self.standing
    }

    /// When a fallen source has room again if it stays out of the band, for a timer; `None` if it is in the band or has no
    /// budget at all.
    #[must_use]
    pub fn returns_at(&self) -> Option<u64> {
        if self.standing == Standing::InBand || self.budget_ns == 0 {
            return None;
        }
        let windows = self.used_ns / self.budget_ns;
        Some(self.window_start_ns.saturating_add(windows.saturating_mul(self.window_ns)))
    }

    /// How often it fell.
    #[must_use]
    pub const fn falls(&self) -> u64 {
        self.falls
    }

    fn refill(&mut self, now_ns: u64) {
        let windows = now_ns.saturating_sub(self.window_start_ns) / self.window_ns;
        if windows == 0 {
            return;
        }
        self.window_start_ns += windows * self.window_ns;
        #[cfg(not(bite = "irq-no-debt"))]
        let paid = windows.saturating_mul(self.budget_ns);
        #[cfg(bite = "irq-no-debt")]
        let paid = self.used_ns;
        self.used_ns = self.used_ns.saturating_sub(paid);
        if self.used_ns < self.budget_ns {
            self.standing = Standing::InBand;
        }
    }
}
