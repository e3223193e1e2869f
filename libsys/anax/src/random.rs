//! Random numbers that nobody can guess who doesn't know the seed: ChaCha20, as RFC 8439 has it.
//!
//! The seed comes from whoever started the program; the time of the first use is mixed in, so that a program that is started
//! again with the same seed goes on differently. A program that was started without a seed has the time alone, which is no secret.

use core::num::NonZeroU64;

use anax_startup::Seed;
use anax_sys::Instant;
use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use anax_sys::lock::Lock;

static PROGRAM: Lock<Option<Generator>> = Lock::new(None);

/// Fills `bytes`.
pub fn fill(bytes: &mut [u8]) {
    with(|generator| generator.fill(bytes));
}

/// Any number.
#[must_use]
pub fn u64() -> u64 {
    with(Generator::u64)
}

/// A number below `limit`, each as likely as the others.
#[must_use]
pub fn below(limit: NonZeroU64) -> u64 {
    with(|generator| generator.below(limit))
}

fn with<T>(use_it: impl FnOnce(&mut Generator) -> T) -> T {
    let begin = || Generator::new(crate::start().seed, crate::time::now());
    use_it(PROGRAM.lock().get_or_insert_with(begin))
}

/// A generator: the same for the same seed and time. Programs use the functions of this module.
#[derive(Debug)]
pub struct Generator(ChaCha20Rng);

impl Generator {
    /// For one seed there are as many sequences as times.
    #[must_use]
    pub fn new(seed: Seed, time: Instant) -> Self {
        let mut generator = ChaCha20Rng::from_seed(seed.0);
        if cfg!(not(bite = "random-repeats")) {
            generator.set_stream(time.nanoseconds());
        }
        Self(generator)
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }

    /// Any number.
    #[must_use]
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`, each as likely as the others: the upper half of a product, but for those lower halves that would make
    /// some likelier (Lemire, "Fast Random Integer Generation in an Interval", 2019).
    #[must_use]
    pub fn below(&mut self, limit: NonZeroU64) -> u64 {
        let limit = limit.get();
        // 2^64 modulo the limit.
        let unfair = limit.wrapping_neg() % limit;
        loop {
            let product = u128::from(self.u64()) * u128::from(limit);
            if product as u64 >= unfair {
                return (product >> 64) as u64;
            }
        }
    }
}
