//! Memory of files that is mapped here: kept for a while when nobody uses it, since whoever opens a file again finds the same memory.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;

use crate::way::{Access, Memory};

/// Bytes that are kept mapped at most, beside what is in use.
const MOST_BYTES: u64 = 16 << 20;
/// Pieces that are.
const MOST: usize = 64;

/// A piece that is mapped.
pub(crate) struct Mapped {
    /// The memory's number.
    pub(crate) number: u64,
    pub(crate) access: Access,
    /// Where the lease begins in what is mapped.
    pub(crate) skip: usize,
    /// Bytes of the lease.
    pub(crate) length: u64,
    pub(crate) memory: Box<dyn Memory>,
}

/// All that is kept, what was used last at the end.
#[derive(Default)]
pub(crate) struct Kept(VecDeque<Arc<Mapped>>);

impl Kept {
    /// The memory of that number, if it is mapped for that.
    pub(crate) fn get(&mut self, number: u64, access: Access) -> Option<Arc<Mapped>> {
        let fits = |mapped: &Arc<Mapped>| {
            mapped.number == number && (mapped.access == Access::Write || access == Access::Read)
        };
        let place = self.0.iter().rposition(fits)?;
        let found = self.0.remove(place)?;
        self.0.push_back(found.clone());
        Some(found)
    }

    /// Gives up all that nobody uses. Whether there was anything.
    pub(crate) fn clear(&mut self) -> bool {
        let had_some = !self.0.is_empty();
        self.0.clear();
        had_some
    }

    /// Keeps one more, and gives up those that were used longest ago.
    pub(crate) fn put(&mut self, mapped: Mapped) -> Arc<Mapped> {
        let mapped = Arc::new(mapped);
        self.0.push_back(mapped.clone());
        let mut bytes: u64 = self.0.iter().map(|mapped| mapped.length).sum();
        while (bytes > MOST_BYTES || self.0.len() > MOST) && self.0.len() > 1 {
            bytes -= self.0.pop_front().map_or(0, |mapped| mapped.length);
        }
        mapped
    }
}
