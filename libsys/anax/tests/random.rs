//! Random numbers: the same for the same seed and time, and each number below a limit as likely as the others.

use std::num::NonZeroU64;

use anax::random::{self, Generator};
use anax::time::Instant;
use anax_startup::Seed;
use proptest::prelude::*;

fn sequence(seed: u8, time: u64) -> [u64; 8] {
    let mut generator = Generator::new(Seed([seed; 32]), Instant::from_nanoseconds(time));
    std::array::from_fn(|_| generator.u64())
}

#[test]
fn seed_and_time_decide() {
    assert_eq!(sequence(1, 5), sequence(1, 5));
    assert_ne!(sequence(1, 5), sequence(2, 5));
    assert_ne!(sequence(1, 5), sequence(1, 6), "a program that is started again repeats itself");
}

/// RFC 8439, appendix A.1, test vector 1: the key stream for a key and a nonce of zeros.
#[test]
fn it_is_chacha20() {
    let mut bytes = [0; 16];
    Generator::new(Seed([0; 32]), Instant::from_nanoseconds(0)).fill(&mut bytes);
    assert_eq!(bytes, 0x76b8_e0ad_a0f1_3d90_405d_6ae5_5386_bd28_u128.to_be_bytes());
}

#[test]
fn the_programs_own() {
    let mut bytes = [0; 64];
    random::fill(&mut bytes);
    assert!(bytes.iter().any(|byte| *byte != 0));
    assert_ne!(random::u64(), random::u64());
    assert_eq!(random::below(NonZeroU64::MIN), 0);
}

#[test]
fn all_below_a_limit_are_as_likely() {
    const LIMIT: NonZeroU64 = NonZeroU64::new(6).unwrap();
    let mut generator = Generator::new(Seed([7; 32]), Instant::default());
    let mut found = [0_u32; 6];
    for _ in 0..60_000 {
        found[usize::try_from(generator.below(LIMIT)).unwrap()] += 1;
    }
    // Five standard deviations of 91.
    assert!(found.iter().all(|count| (9_540..=10_460).contains(count)), "{found:?}");
}

proptest! {
    #[test]
    fn below_is_below(seed: [u8; 32], limit: NonZeroU64) {
        prop_assert!(Generator::new(Seed(seed), Instant::default()).below(limit) < limit.get());
    }
}
