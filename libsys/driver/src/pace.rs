//! When a driver without interrupts looks at its device: soon after something has happened, more rarely while nothing does.

use core::time::Duration;

/// How long to wait for the next look.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    shortest: Duration,
    longest: Duration,
    now: Duration,
}

impl Pace {
    /// Doubles from `shortest` to `longest` as long as nothing happens.
    #[must_use]
    pub const fn new(shortest: Duration, longest: Duration) -> Self {
        Self { shortest, longest, now: shortest }
    }

    /// Something has happened.
    pub const fn quicken(&mut self) {
        self.now = self.shortest;
    }

    /// How long to wait now; next time longer.
    pub fn wait(&mut self) -> Duration {
        let wait = self.now;
        self.now = (wait * 2).min(self.longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_to_its_bound_and_starts_again() {
        let micros = Duration::from_micros;
        let mut pace = Pace::new(micros(100), micros(1000));
        let waits: [_; 6] = core::array::from_fn(|_| pace.wait());
        assert_eq!(waits, [100, 200, 400, 800, 1000, 1000].map(micros));
        pace.quicken();
        assert_eq!(pace.wait(), micros(100));
    }
}
