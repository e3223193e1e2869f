//! The retransmission time-out, from round trips that were measured (RFC 6298).

use core::time::Duration;

/// Longest time-out after backing off (RFC 6298, 2.5: at least 60 s).
const LONGEST: Duration = Duration::from_secs(60);

/// What is known of the round trip.
#[derive(Clone, Copy, Debug)]
pub struct Rtt {
    /// Smoothed, in microseconds; 0 before the first measurement.
    smoothed: u32,
    /// Its variation, in microseconds.
    variation: u32,
    /// How often the timer has run out since something was acknowledged.
    backoff: u8,
    least_ms: u16,
}

impl Rtt {
    /// Nothing is known. No time-out will be less than `least`.
    #[must_use]
    pub fn new(least: Duration) -> Self {
        let least_ms = u16::try_from(least.as_millis()).unwrap_or(u16::MAX);
        Self { smoothed: 0, variation: 0, backoff: 0, least_ms }
    }

    /// What is known: the smoothed round trip and its variation, in microseconds.
    pub(crate) const fn known(&self) -> (u32, u32) {
        (self.smoothed, self.variation)
    }

    /// One that knows that already.
    pub(crate) fn again(least: Duration, (smoothed, variation): (u32, u32)) -> Self {
        let most = 1 << 30;
        Self { smoothed: smoothed.min(most), variation: variation.min(most), ..Self::new(least) }
    }

    /// A segment that was sent once (or whose time stamp came back) took that long.
    pub fn measured(&mut self, took: Duration) {
        let took = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).clamp(1, 1 << 30);
        if self.smoothed == 0 {
            (self.smoothed, self.variation) = (took, took / 2);
        } else {
            self.variation = self.variation - self.variation / 4 + self.smoothed.abs_diff(took) / 4;
            self.smoothed = self.smoothed - self.smoothed / 8 + took / 8;
        }
        self.backoff = 0;
    }

    /// Something new was acknowledged.
    pub fn progressed(&mut self) {
        self.backoff = 0;
    }

    /// The timer has run out.
    pub fn timed_out(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
    }

    /// How often it has since something was acknowledged.
    #[must_use]
    pub fn timeouts(&self) -> u8 {
        self.backoff
    }

    /// The smoothed round trip, if one was measured.
    #[must_use]
    pub fn smoothed(&self) -> Option<Duration> {
        (self.smoothed != 0).then(|| Duration::from_micros(self.smoothed.into()))
    }

    /// The time-out now: `initial` before anything is known, twice as long each time it has run out.
    #[must_use]
    pub fn timeout(&self, initial: Duration) -> Duration {
        if self.smoothed == 0 {
            return initial.saturating_mul(1 << self.backoff.min(16)).min(LONGEST);
        }
        // The clock's granularity is a microsecond: 4 times the variation is never less. 16 bits of backing off fit beside these.
        let base = u64::from(self.smoothed) + 4 * u64::from(self.variation);
        let base = base.max(1000 * u64::from(self.least_ms)) << self.backoff.min(16);
        Duration::from_micros(base.min(LONGEST.as_micros() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_as_the_standard_computes_it() {
        let mut rtt = Rtt::new(Duration::from_millis(200));
        assert_eq!(rtt.timeout(INITIAL), INITIAL);
        rtt.measured(Duration::from_millis(100));
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(300));
        rtt.measured(Duration::from_millis(180));
        // 3/4 * 50 + 1/4 * 80 = 57.5; 7/8 * 100 + 1/8 * 180 = 110.
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(340));
        rtt.timed_out();
        rtt.timed_out();
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(1360));
        (0..30).for_each(|_| rtt.timed_out());
        assert_eq!(rtt.timeout(INITIAL), LONGEST);
        rtt.progressed();
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(340));
    }

    #[test]
    fn it_is_never_too_short() {
        let mut rtt = Rtt::new(Duration::from_millis(200));
        (0..50).for_each(|_| rtt.measured(Duration::from_micros(80)));
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(200));
    }
}
