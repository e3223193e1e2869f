//! Which pages of an arena are in use: the first hole that is large enough. Sockets of one kind have rings of one size, so holes fit what comes next.

use alloc::collections::BTreeMap;

/// The holes. There are never more of them than sockets, and one.
#[derive(Debug)]
pub(crate) struct Pages {
    /// First page and number of pages of each; no two touch.
    holes: BTreeMap<u32, u32>,
    count: u32,
}

impl Pages {
    /// So many, all free.
    pub(crate) fn new(count: u32) -> Self {
        let holes = if count == 0 { BTreeMap::new() } else { BTreeMap::from([(0, count)]) };
        Self { holes, count }
    }

    /// So many in a row, at least one: the first of them. None if there is no such hole.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        if count == 0 {
            return None;
        }
        let (&first, &length) = self.holes.iter().find(|(_, length)| **length >= count)?;
        self.holes.remove(&first);
        if length > count {
            self.holes.insert(first + count, length - count);
        }
        Some(first)
    }

    /// Those are free again.
    ///
    /// # Panics
    /// If they were not taken.
    pub(crate) fn give(&mut self, first: u32, count: u32) {
        let before = self.holes.range(..first).next_back().map(|(at, length)| (*at, *length));
        let behind = self.holes.range(first..).next().map(|(at, length)| (*at, *length));
        let is_taken = before.is_none_or(|(at, length)| at + length <= first)
            && behind.is_none_or(|(at, _)| first + count <= at)
            && first.checked_add(count).is_some_and(|end| end <= self.count);
        assert!(is_taken, "pages {first}, {count} of them, are free already");
        let (mut start, mut end) = (first, first + count);
        if let Some((at, length)) = before.filter(|(at, length)| at + length == start) {
            self.holes.remove(&at);
            debug_assert!(length > 0, "no hole is empty");
            start = at;
        }
        if let Some((at, length)) = behind.filter(|(at, _)| *at == end) {
            self.holes.remove(&at);
            end = at + length;
        }
        self.holes.insert(start, end - start);
    }

    /// How many are free.
    pub(crate) fn free(&self) -> u32 {
        self.holes.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_taken_is_nobody_elses_and_comes_back(
            steps in proptest::collection::vec((any::<bool>(), 1u32..40, any::<usize>()), 1..200)
        ) {
            let mut pages = Pages::new(256);
            let mut taken: Vec<(u32, u32)> = Vec::new();
            for (takes, count, which) in steps {
                if takes {
                    let free = 256 - taken.iter().map(|(_, count)| count).sum::<u32>();
                    prop_assert_eq!(pages.free(), free);
                    if let Some(first) = pages.take(count) {
                        prop_assert!(first + count <= 256);
                        let is_apart = |(at, length): &(u32, u32)| first + count <= *at || at + length <= first;
                        prop_assert!(taken.iter().all(is_apart));
                        taken.push((first, count));
                    } else {
                        prop_assert!(pages.holes.values().all(|length| *length < count));
                    }
                } else if !taken.is_empty() {
                    let (first, count) = taken.swap_remove(which % taken.len());
                    pages.give(first, count);
                }
            }
            for (first, count) in taken {
                pages.give(first, count);
            }
            prop_assert_eq!(pages.holes, BTreeMap::from([(0, 256)]));
        }
    }

    #[test]
    #[should_panic(expected = "are free already")]
    fn nothing_is_given_twice() {
        let mut pages = Pages::new(8);
        let first = pages.take(4).unwrap();
        pages.give(first, 4);
        pages.give(first, 4);
    }

    #[test]
    fn no_pages_are_none() {
        assert_eq!((Pages::new(0).take(1), Pages::new(8).take(0), Pages::new(8).take(9)), (None, None, None));
    }
}
