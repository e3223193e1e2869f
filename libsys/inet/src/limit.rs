//! How often something may be done that others can provoke: a bucket of tokens.

use core::time::Duration;

/// At most `burst` at once and `per_second` in the long run.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    per_second: u32,
    burst: u32,
    /// What has been saved up, in tokens per second times microseconds.
    saved: u64,
    since: Duration,
}

const TOKEN: u64 = 1_000_000;

impl Limit {
    /// A full bucket.
    #[must_use]
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self { per_second, burst, saved: burst as u64 * TOKEN, since: Duration::ZERO }
    }

    /// Takes a token, if there is one. Time that goes backwards adds nothing.
    pub fn take(&mut self, now: Duration) -> bool {
        let passed = u64::try_from(now.saturating_sub(self.since).as_micros()).unwrap_or(u64::MAX);
        self.since = self.since.max(now);
        let grown = self.saved.saturating_add(passed.saturating_mul(u64::from(self.per_second)));
        self.saved = grown.min(u64::from(self.burst) * TOKEN);
        let granted = self.saved >= TOKEN;
        if granted {
            self.saved -= TOKEN;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let mut limit = Limit::new(10, 5);
        let at = Duration::from_millis;
        assert_eq!((0..20).filter(|_| limit.take(at(0))).count(), 5);
        assert!(!limit.take(at(99)));
        assert!(limit.take(at(100)));
        assert!(!limit.take(at(100)));
        assert!(!limit.take(at(50)));
        assert_eq!((0..1000).filter(|step| limit.take(at(100 + 10 * step))).count(), 99);
    }
}
