//! A bounded set of ranges: what has arrived out of order, and what the other end says that it has.

use arrayvec::ArrayVec;

/// From its first number to the one behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub from: u64,
    /// Behind the last.
    pub to: u64,
}

impl Range {
    /// How many.
    #[must_use]
    pub const fn length(self) -> u64 {
        self.to - self.from
    }
}

/// Ranges in order, none touching another, at most `N`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges<const N: usize>(ArrayVec<Range, N>);

impl<const N: usize> Ranges<N> {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(ArrayVec::new_const())
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Range> + '_ {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds one, which joins those that it touches: the range that it is part of then. `None`, and nothing has changed: there is no room.
    pub fn insert(&mut self, mut new: Range) -> Option<Range> {
        let first = self.0.iter().position(|range| range.to >= new.from).unwrap_or(self.0.len());
        let end = self.0.iter().position(|range| range.from > new.to).unwrap_or(self.0.len());
        if first < end {
            new.from = new.from.min(self.0[first].from);
            new.to = new.to.max(self.0[end - 1].to);
            self.0[first] = new;
            self.0.drain(first + 1..end);
        } else if self.0.try_insert(first, new).is_err() {
            return None;
        }
        Some(new)
    }

    /// Takes away what lies below `at`.
    pub fn remove_below(&mut self, at: u64) {
        let gone = self.0.iter().position(|range| range.to > at).unwrap_or(self.0.len());
        self.0.drain(..gone);
        if let Some(first) = self.0.first_mut() {
            first.from = first.from.max(at);
        }
    }

    /// Takes the first one out if it begins at `at` or below: where it ends.
    pub fn take_at(&mut self, at: u64) -> Option<u64> {
        let first = self.0.first().copied().filter(|range| range.from <= at)?;
        self.0.remove(0);
        Some(first.to)
    }

    /// Whether all of it is there.
    #[must_use]
    pub fn covers(&self, wanted: Range) -> bool {
        self.0.iter().any(|range| range.from <= wanted.from && wanted.to <= range.to)
    }

    /// The range that this number is in.
    #[must_use]
    pub fn at(&self, number: u64) -> Option<Range> {
        self.iter().find(|range| (range.from..range.to).contains(&number))
    }

    /// The first number from `from` on that is in none, and where the next range begins, `u64::MAX` if there is none.
    #[must_use]
    pub fn hole_from(&self, from: u64) -> Range {
        let from = self.at(from).map_or(from, |range| range.to);
        let to = self.iter().map(|range| range.from).find(|start| *start > from);
        Range { from, to: to.unwrap_or(u64::MAX) }
    }

    /// How many numbers between `from` and `to` are in them.
    #[must_use]
    pub fn count(&self, from: u64, to: u64) -> u64 {
        self.iter().map(|range| range.to.min(to).saturating_sub(range.from.max(from))).sum()
    }

    /// Where the last one ends.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.0.last().map(|range| range.to)
    }

    /// Takes all away.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_set_of_numbers(steps in proptest::collection::vec((0u64..60, 1u64..9, any::<bool>()), 1..60)) {
            let (mut ranges, mut model) = (Ranges::<6>::new(), BTreeSet::new());
            for (from, length, is_removal) in steps {
                if is_removal {
                    ranges.remove_below(from);
                    model = model.split_off(&from);
                } else if ranges.insert(Range { from, to: from + length }).is_some() {
                    model.extend(from..from + length);
                } else {
                    prop_assert_eq!(ranges.iter().count(), 6);
                }
                let all: BTreeSet<u64> = ranges.iter().flat_map(|range| range.from..range.to).collect();
                prop_assert_eq!(&all, &model);
                let mut before = None;
                for range in ranges.iter() {
                    prop_assert!(range.from < range.to && before.is_none_or(|end| end < range.from));
                    before = Some(range.to);
                }
                prop_assert_eq!(ranges.count(10, 40), model.range(10..40).count() as u64);
                let hole = ranges.hole_from(from);
                prop_assert!(!model.contains(&hole.from) && (from..hole.from).all(|at| model.contains(&at)));
            }
        }
    }
}
