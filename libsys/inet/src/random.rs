//! Numbers that nobody outside can guess, the same again for the same seed: identifications, ports, jitter, keys of hash tables.
//!
//! SipHash of a counter: what was given away does not tell what comes next.

use core::hash::{BuildHasher, Hasher};
use core::time::Duration;

use siphasher::sip::{SipHasher13, SipHasher24};

/// A source of numbers.
#[derive(Clone, Debug)]
pub struct Random {
    key: (u64, u64),
    drawn: u64,
}

impl Random {
    /// From a seed, which has to be secret where the numbers have to be.
    #[must_use]
    pub const fn new(seed: (u64, u64)) -> Self {
        Self { key: seed, drawn: 0 }
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        let mut hasher = SipHasher24::new_with_keys(self.key.0, self.key.1);
        hasher.write_u64(self.drawn);
        self.drawn += 1;
        hasher.finish()
    }

    /// A number below `limit`; 0 if that is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(limit)) >> 64) as u64
    }

    /// A time from `least` to `most`.
    pub fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let span = most.saturating_sub(least).as_micros() as u64;
        least + Duration::from_micros(self.below(span.saturating_add(1)))
    }

    /// A source of its own for somebody else.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new((self.draw(), self.draw()))
    }

    /// A key for a hash table.
    pub fn key(&mut self) -> Keyed {
        Keyed(self.draw(), self.draw())
    }
}

/// Hashes with a key, so that nobody can choose what collides. Of SipHash the shorter kind: what it yields is never shown to anybody.
#[derive(Clone, Copy, Debug)]
pub struct Keyed(u64, u64);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}
