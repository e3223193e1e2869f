//! By how much the heap grows.

/// The first step, in bytes.
pub(super) const FIRST: usize = 64 << 10;
/// The largest step that is not asked for at once, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
const PAGE: usize = 4096;

/// Steps double from [`FIRST`] to [`LARGEST`], so that a small program has a small heap and a large one few regions.
#[derive(Debug)]
pub(super) struct Growth {
    next: usize,
}

impl Growth {
    pub(super) const fn new() -> Self {
        Self { next: FIRST }
    }

    /// What to try where `needed` bytes are needed, in this order: the step, and what has to be if there is no room for that. None if
    /// there can't be so much.
    pub(super) fn attempts(&self, needed: usize) -> Option<[usize; 2]> {
        let least = needed.checked_next_multiple_of(PAGE).filter(|bytes| isize::try_from(*bytes).is_ok())?;
        Some([least.max(self.next), least])
    }

    /// There are so many bytes more.
    pub(super) fn took(&mut self, bytes: usize) {
        if bytes >= self.next {
            self.next = (self.next * 2).min(LARGEST);
        }
    }
}
