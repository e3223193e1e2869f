//! Sets of CPUs, by their indices: `WORDS` x 64 at most.

use crate::sync::{AtomicU64, Ordering, array_of, const_unless_loom};

/// CPUs, as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuSet<const WORDS: usize>([u64; WORDS]);

impl<const WORDS: usize> CpuSet<WORDS> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    /// The same without that one.
    #[must_use]
    pub fn without(mut self, cpu: usize) -> Self {
        self.0[cpu / 64] &= !(1 << (cpu % 64));
        self
    }

    /// All of them, by index.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        let bits = move |word: usize| {
            (0..64).filter(move |bit| self.0[word] >> bit & 1 != 0).map(move |bit| word * 64 + bit)
        };
        (0..WORDS).filter(move |word| self.0[*word] != 0).flat_map(bits)
    }
}

/// CPUs to which others are added from anywhere.
#[derive(Debug)]
pub struct GrowingCpuSet<const WORDS: usize>([AtomicU64; WORDS]);

impl<const WORDS: usize> GrowingCpuSet<WORDS> {
    const_unless_loom! {
        /// None.
        #[must_use]
        pub fn new() -> Self {
            Self(array_of!(AtomicU64::new(0); WORDS))
        }
    }

    /// Adds one.
    pub fn add(&self, cpu: usize) {
        self.0[cpu / 64].fetch_or(1 << (cpu % 64), Ordering::AcqRel);
    }

    /// Those that are in it now.
    #[must_use]
    pub fn now(&self) -> CpuSet<WORDS> {
        CpuSet(core::array::from_fn(|word| self.0[word].load(Ordering::Acquire)))
    }
}

impl<const WORDS: usize> Default for GrowingCpuSet<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn added_and_left_out() {
        let set = GrowingCpuSet::<4>::new();
        assert!(set.now().is_empty());
        [0, 63, 64, 200, 255, 64].into_iter().for_each(|cpu| set.add(cpu));
        assert!(set.now().iter().eq([0, 63, 64, 200, 255]));
        assert!(set.now().without(200).without(1).iter().eq([0, 63, 64, 255]));
        assert!([0, 63, 64, 200, 255].into_iter().fold(set.now(), CpuSet::without).is_empty());
    }
}
