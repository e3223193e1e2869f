//! How often a socket's server has died, and how long it took until there was the next one.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Of one socket, and of those that came after it.
#[derive(Clone, Debug)]
pub struct Tally {
    name: &'static str,
    died: u64,
    /// From each death, when it was told, until the socket's successor was there.
    took: Vec<Duration>,
}

impl Tally {
    /// Of one that has seen nothing yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, died: 0, took: Vec::new() }
    }

    /// It was told that its server has died.
    pub fn died(&mut self) {
        self.died += 1;
    }

    /// There is another one, so long after that.
    pub fn is_back(&mut self, after: Duration) {
        self.took.push(after);
    }

    /// How often it was told so.
    #[must_use]
    pub const fn deaths(&self) -> u64 {
        self.died
    }

    fn median_and_most(&self) -> (Duration, Duration) {
        let mut sorted = self.took.clone();
        sorted.sort_unstable();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        (at(sorted.len() / 2), at(sorted.len().saturating_sub(1)))
    }
}

impl fmt::Display for Tally {
    /// `mishap-sockets: NAME died N back N median N us most N us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, died, took } = self;
        let (median, most) = self.median_and_most();
        let (median, most) = (median.as_micros(), most.as_micros());
        write!(f, "mishap-sockets: {name} died {died} back {} median {median} us most {most} us", took.len())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn a_line_for_programs() {
        let mut tally = Tally::new("stream");
        assert_eq!(tally.to_string(), "mishap-sockets: stream died 0 back 0 median 0 us most 0 us");
        for millis in [5, 1, 9] {
            tally.died();
            tally.is_back(Duration::from_millis(millis));
        }
        assert_eq!(tally.to_string(), "mishap-sockets: stream died 3 back 3 median 5000 us most 9000 us");
        assert_eq!(tally.deaths(), 3);
    }
}
