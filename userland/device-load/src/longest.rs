//! The longest times.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// The longest of all times that were noted, at most so many.
#[derive(Debug)]
pub struct Longest {
    most: usize,
    kept: BinaryHeap<Reverse<u64>>,
    noted: u64,
}

impl Longest {
    /// Keeps `most` of them.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, kept: BinaryHeap::new(), noted: 0 }
    }

    /// One more, in nanoseconds.
    pub fn note(&mut self, time: u64) {
        self.noted += 1;
        if self.kept.len() < self.most {
            self.kept.push(Reverse(time));
        } else if self.kept.peek().is_some_and(|Reverse(least)| *least < time) {
            self.kept.pop();
            self.kept.push(Reverse(time));
        }
    }

    /// How many were noted.
    #[must_use]
    pub const fn noted(&self) -> u64 {
        self.noted
    }

    /// So many percent of those that were kept are no longer than this; 0 of none.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> u64 {
        let mut all: Vec<u64> = self.kept.iter().map(|Reverse(time)| *time).collect();
        all.sort_unstable();
        let place = (all.len() * percent).div_ceil(100).max(1) - 1;
        all.get(place).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_are_kept() {
        let mut longest = Longest::new(100);
        assert_eq!(longest.percentile(50), 0);
        // 1 to 1000 in an order of its own.
        (0..1000).for_each(|number| longest.note(number * 379 % 1000 + 1));
        assert_eq!(longest.noted(), 1000);
        assert_eq!([50, 99, 100].map(|percent| longest.percentile(percent)), [950, 999, 1000]);
    }
}
