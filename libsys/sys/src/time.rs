//! Points in time: nanoseconds since boot.

use core::time::Duration;

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Instant(u64);

impl Instant {
    /// That many nanoseconds after boot.
    #[must_use]
    pub const fn from_nanoseconds(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since boot.
    #[must_use]
    pub const fn nanoseconds(self) -> u64 {
        self.0
    }

    /// So much later; the end of time at the latest.
    #[must_use]
    pub const fn after(self, duration: Duration) -> Self {
        let nanoseconds = duration.as_nanos();
        let nanoseconds = if nanoseconds > u64::MAX as u128 { u64::MAX } else { nanoseconds as u64 };
        Self(self.0.saturating_add(nanoseconds))
    }
}

/// How long to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Deadline(u64);

impl Deadline {
    /// As long as it takes.
    pub const NEVER: Self = Self(0);

    /// Until then.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        // 0 is the register's word for never; boot itself is over either way.
        Self(if instant.0 == 0 { 1 } else { instant.0 })
    }

    /// For a register.
    #[must_use]
    pub const fn to_word(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_boot_is_not_never() {
        assert_ne!(Deadline::at(Instant::from_nanoseconds(0)), Deadline::NEVER);
        assert_eq!(Deadline::at(Instant::from_nanoseconds(5)).to_word(), 5);
    }

    #[test]
    fn time_ends_and_does_not_wrap() {
        let late = Instant::from_nanoseconds(u64::MAX - 1);
        assert_eq!(late.after(Duration::MAX).nanoseconds(), u64::MAX);
        assert_eq!(Instant::default().after(Duration::from_micros(3)).nanoseconds(), 3000);
    }
}
