//! Random numbers: ChaCha20 from the seed that the program was started with. The same seed gives the same numbers.

use chacha20::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};

use anax_sys::lock::Lock;

static GENERATOR: Lock<Option<ChaCha20Rng>> = Lock::new(None);

/// From a seed.
pub(crate) fn begin(seed: &[u8; 32]) {
    *GENERATOR.lock() = Some(ChaCha20Rng::from_seed(*seed));
}

fn with<T>(of: impl FnOnce(&mut ChaCha20Rng) -> T) -> T {
    of(GENERATOR.lock().get_or_insert_with(|| ChaCha20Rng::from_seed([0; 32])))
}

/// 64 random bits.
#[must_use]
pub fn u64() -> u64 {
    with(|generator| generator.next_u64())
}

/// A number below `end`, each as likely; 0 if that is 0.
#[must_use]
pub fn below(end: u64) -> u64 {
    if end == 0 {
        return 0;
    }
    // What lies beyond the last whole multiple would make the first ones likelier.
    let most = u64::MAX - u64::MAX % end;
    loop {
        let number = u64();
        if number < most {
            return number % end;
        }
    }
}

/// Fills bytes.
pub fn fill(bytes: &mut [u8]) {
    with(|generator| generator.fill_bytes(bytes));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_decides() {
        let mut draw = |seed| {
            begin(&[seed; 32]);
            let mut bytes = [0; 5];
            fill(&mut bytes);
            (u64(), below(10), bytes)
        };
        let (one, again, other) = (draw(1), draw(1), draw(2));
        assert_eq!(one, again);
        assert_ne!(one, other);
        assert!((0..1000).all(|_| below(3) < 3));
        assert_eq!((below(0), below(1)), (0, 0));
    }
}
