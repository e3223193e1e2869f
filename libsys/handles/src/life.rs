//! An object's life: a generation, moved on when the object ends or all handles to it are revoked, and a count of what refers to it in
//! that generation (handles, parcels, mappings), in one atomic word. Whoever takes the last reference away ends the object.
//!
//! One word, so that no two CPUs both find theirs the last reference, and a revoked object begins its next generation with the one
//! reference of whoever revoked it.

use anax_lwkt::sync::{AtomicU64, Ordering, const_unless_loom};

/// Generation in the high half, references in the low half. Any CPU.
#[derive(Debug)]
#[repr(transparent)]
pub struct Life(AtomicU64);

const fn word(generation: u32, references: u32) -> u64 {
    (generation as u64) << 32 | references as u64
}

impl Life {
    const_unless_loom! {
        /// The first generation, without references.
        #[must_use]
        pub fn new() -> Self {
            Self(AtomicU64::new(word(1, 0)))
        }
    }

    /// Which use of the object's memory, and which set of handles to it, is valid now.
    #[inline(always)]
    #[must_use]
    pub fn generation(&self) -> u32 {
        (self.0.load(Ordering::Acquire) >> 32) as u32
    }

    /// References in the present generation. Past when it is returned.
    #[inline]
    #[must_use]
    pub fn references(&self) -> u32 {
        self.0.load(Ordering::Acquire) as u32
    }

    /// Adds a reference if the object is still in `generation`.
    #[inline]
    #[must_use]
    pub fn retain(&self, generation: u32) -> bool {
        self.change(generation, |references| references + 1).is_some()
    }

    /// Takes a reference of `generation` away; true if it was the last one: the caller then has the object ended. A reference of an
    /// earlier generation went with that generation.
    #[inline]
    #[must_use]
    pub fn release(&self, generation: u32) -> bool {
        #[cfg(bite = "header-release-in-two")]
        {
            let before = self.0.load(Ordering::Acquire);
            self.0.store(before - 1, Ordering::Release);
            before == word(generation, 1)
        }
        #[cfg(not(bite = "header-release-in-two"))]
        {
            self.change(generation, |references| references - 1) == Some(0)
        }
    }

    /// Begins a new generation with `references` references: everybody else's are dead from now on. Only the object's home, which knows
    /// that nobody else does so.
    pub fn renew(&self, references: u32) -> u32 {
        let generation = next(self.generation());
        self.0.store(word(generation, references), Ordering::Release);
        generation
    }

    /// Ends `generation` and begins the next, with `references` references: that one, for one caller only.
    pub fn supersede(&self, generation: u32, references: u32) -> Option<u32> {
        let life = word(next(generation), references);
        #[cfg(bite = "header-revoke-in-two")]
        {
            let life = word(next(self.generation()), references);
            self.0.store(life, Ordering::Release);
            Some((life >> 32) as u32)
        }
        #[cfg(not(bite = "header-revoke-in-two"))]
        {
            let ended = |now: u64| ((now >> 32) as u32 == generation).then_some(life);
            self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, ended).ok()?;
            Some(next(generation))
        }
    }

    #[inline]
    fn change(&self, generation: u32, change: impl Fn(u32) -> u32) -> Option<u32> {
        let mut life = self.0.load(Ordering::Relaxed);
        while (life >> 32) as u32 == generation {
            let references = change(life as u32);
            let after = word(generation, references);
            match self.0.compare_exchange_weak(life, after, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(references),
                Err(now) => life = now,
            }
        }
        None
    }
}

impl Default for Life {
    fn default() -> Self {
        Self::new()
    }
}

/// Generation 0 is never used: an all-zero slot must not match.
fn next(generation: u32) -> u32 {
    generation.wrapping_add(1).max(1)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn references_are_of_their_generation() {
        let life = Life::new();
        assert!(life.retain(1) && life.retain(1));
        assert_eq!((life.generation(), life.references()), (1, 2));
        assert!(!life.release(1));
        assert_eq!(life.supersede(1, 1), Some(2));
        assert_eq!(life.supersede(1, 1), None);
        assert!(!life.retain(1) && !life.release(1), "an earlier generation's");
        assert!(life.release(2));
        assert_eq!(life.renew(0), 3);
        assert_eq!((life.generation(), life.references()), (3, 0));
    }

    #[test]
    fn no_generation_is_zero() {
        let life = Life(AtomicU64::new(word(u32::MAX, 1)));
        assert_eq!(life.supersede(u32::MAX, 0), Some(1));
        let life = Life(AtomicU64::new(word(u32::MAX, 1)));
        assert_eq!(life.renew(4), 1);
    }
}
