//! The livelock limiter: above a rate, a source's thread is woken from a timer only.
//!
//! Each arrival costs an entry into the kernel and a switch, whatever the thread then does; a source that interrupts faster
//! than that can be served leaves time for nothing else. So arrivals are counted in windows, and once a window has more than the
//! limit allows, arrivals only mark the source as pending and a timer wakes the thread. That timer runs at half the limit,
//! which is also the rate below which the source gets its direct wake-ups back: a line that is masked until its thread is
//! done shows at most one arrival per timer period, and so a source that is pending at nearly every period is known to be
//! still above. Limit and hysteresis are DragonFly's.

/// Arrivals a second above which a source is limited.
pub const LIMIT_PER_SECOND: u64 = 40_000;

/// The window in which arrivals are counted, nanoseconds.
const WINDOW_NS: u64 = 10_000_000;
/// Arrivals in a window above which a source is limited.
const LIMIT: u64 = LIMIT_PER_SECOND * WINDOW_NS / 1_000_000_000;
/// Of the timer's turns in a window, one in this many has to find nothing before the rate counts as low.
const QUIET_SHARE: u64 = 8;

/// What to do on an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Wake {
    /// Wake the thread.
    Now,
    /// This arrival went over the limit: start the source's timer with [`Livelock::PERIOD_NS`], do not wake, report.
    StartTimer,
    /// The timer will see to it.
    FromTimer,
}

/// What to do on a turn of the timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Poll {
    /// Whether something arrived since the last turn: wake the thread.
    pub pending: bool,
    /// Whether the source is still limited; if not, stop the timer.
    pub rate: Rate,
}

/// How a source's thread is woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rate {
    /// By each arrival.
    Normal,
    /// From the timer only.
    Limited,
}

/// The limiter of one source on its CPU. Only that CPU; times are its nanoseconds since boot.
#[derive(Clone, Copy, Debug)]
pub struct Livelock {
    rate: Rate,
    window_start_ns: u64,
    arrivals: u64,
    turns: u64,
    quiet_turns: u64,
    pending: bool,
    times_limited: u64,
}

impl Default for Livelock {
    /// Not limited, at time 0.
    fn default() -> Self {
        Self::new(0)
    }
}

impl Livelock {
    /// Period of the timer, nanoseconds: half the limit's rate.
    pub const PERIOD_NS: u64 = 2_000_000_000 / LIMIT_PER_SECOND;

    /// Not limited.
    #[must_use]
    pub const fn new(now_ns: u64) -> Self {
        Self {
            rate: Rate::Normal,
            window_start_ns: now_ns,
            arrivals: 0,
            turns: 0,
            quiet_turns: 0,
            pending: false,
            times_limited: 0,
        }
    }

    /// An interrupt arrived.
    pub fn arrival(&mut self, now_ns: u64) -> Wake {
        if self.rate == Rate::Limited {
            self.arrivals += 1;
            self.pending = true;
            return Wake::FromTimer;
        }
        if self.window_is_over(now_ns) {
            self.begin_window(now_ns);
        }
        self.arrivals += 1;
        if self.arrivals <= LIMIT || cfg!(bite = "irq-no-livelock") {
            return Wake::Now;
        }
        self.rate = Rate::Limited;
        self.times_limited += 1;
        self.pending = true;
        self.begin_window(now_ns);
        Wake::StartTimer
    }

    /// The timer of a limited source. `pending` of the last turn before the timer stops still has to be served.
    pub fn poll(&mut self, now_ns: u64) -> Poll {
        let pending = core::mem::take(&mut self.pending);
        self.turns += 1;
        self.quiet_turns += u64::from(!pending);
        if self.rate == Rate::Limited && self.window_is_over(now_ns) {
            // A timer that is late makes few turns, and a masked line then few arrivals: hence the share of quiet turns.
            #[cfg(not(bite = "irq-no-hysteresis"))]
            let low =
                self.arrivals_per_window(now_ns) < LIMIT / 2 && self.quiet_turns * QUIET_SHARE >= self.turns;
            #[cfg(bite = "irq-no-hysteresis")]
            let low = self.arrivals_per_window(now_ns) <= LIMIT;
            if low {
                self.rate = Rate::Normal;
            }
            self.begin_window(now_ns);
        }
        Poll { pending, rate: self.rate }
    }

    /// How its thread is woken at the moment.
    #[must_use]
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// How often it was limited.
    #[must_use]
    pub const fn times_limited(&self) -> u64 {
        self.times_limited
    }

    fn window_is_over(&self, now_ns: u64) -> bool {
        now_ns.saturating_sub(self.window_start_ns) >= WINDOW_NS
    }

    /// The arrivals of a window that may have lasted longer than planned, as of one that did not.
    fn arrivals_per_window(&self, now_ns: u64) -> u64 {
        let lasted = now_ns.saturating_sub(self.window_start_ns).max(WINDOW_NS);
        (u128::from(self.arrivals) * u128::from(WINDOW_NS) / u128::from(lasted)) as u64
    }

    fn begin_window(&mut self, now_ns: u64) {
        self.window_start_ns = now_ns;
        (self.arrivals, self.turns, self.quiet_turns) = (0, 0, 0);
    }
}
