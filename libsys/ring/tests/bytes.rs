//! Shared bytes agree with an ordinary array, and stay within their range; so do descriptors.
#![cfg(not(loom))]

use anax_ring::{AtomicU64, OutOfRange, Payload, SharedBlock, SharedBytes};
use proptest::prelude::*;

const WORDS: usize = 8;
const BYTES: usize = WORDS * 8;

fn memory() -> [AtomicU64; WORDS] {
    core::array::from_fn(|_| AtomicU64::new(0))
}

proptest! {
    #[test]
    fn copies_agree_with_an_array(
        from in 0..BYTES, length in 0..BYTES,
        steps in prop::collection::vec((0..BYTES + 8, prop::collection::vec(any::<u8>(), 0..40)), 1..30),
    ) {
        let words = memory();
        let all = SharedBytes::new(SharedBlock::from_words(&words));
        let mut array = [0_u8; BYTES];
        let part = all.part(from, length);
        prop_assert_eq!(part.is_ok(), from + length <= BYTES);
        let Ok(part) = part else { return Ok(()) };
        prop_assert_eq!(part.len(), length);
        for (offset, data) in steps {
            let fits = offset + data.len() <= length;
            prop_assert_eq!(part.copy_in(offset, &data).is_ok(), fits);
            if fits {
                array[from + offset..][..data.len()].copy_from_slice(&data);
            }
            let mut out = vec![0; data.len()];
            prop_assert_eq!(part.copy_out(offset, &mut out).is_ok(), fits);
            prop_assert!(!fits || out == data);
        }
        let mut out = [0; BYTES];
        prop_assert_eq!(all.copy_out(0, &mut out), Ok(()));
        prop_assert_eq!(out, array, "bytes beside the range changed");
        part.fill(7);
        array[from..from + length].fill(7);
        prop_assert_eq!(all.copy_out(0, &mut out), Ok(()));
        prop_assert_eq!(out, array);
    }

    #[test]
    fn descriptors_lie_within_their_region_or_not(
        region: u32, offset: u64, length: u32, near in 0_u64..20, bytes in 0_u64..100,
    ) {
        for offset in [offset, near, near.wrapping_sub(10), u64::MAX - near] {
            for length in [length, near as u32, u32::MAX] {
                let payload = Payload { region, offset, length };
                prop_assert_eq!(Payload::from_words(payload.to_words()), payload);
                let end = u128::from(offset) + u128::from(length);
                let expected = if end <= u128::from(bytes) { Ok(end as u64) } else { Err(OutOfRange) };
                prop_assert_eq!(payload.end_within(bytes), expected);
            }
        }
    }
}

#[test]
fn numbers_at_any_alignment() {
    let words = memory();
    let bytes = SharedBytes::new(SharedBlock::from_words(&words));
    for offset in 0..=BYTES - 8 {
        bytes.write_u64(offset, 0x0102_0304_0506_0708).expect("in range");
        assert_eq!(bytes.read_u64(offset), Ok(0x0102_0304_0506_0708));
        assert_eq!(bytes.read_u32(offset), Ok(0x0506_0708));
        assert_eq!(bytes.read_u16(offset + 6), Ok(0x0102));
        assert_eq!(bytes.read_u8(offset + 7), Ok(1));
        bytes.write_u16(offset + 1, 0xaabb).expect("in range");
        bytes.write_u8(offset + 3, 0xcc).expect("in range");
        bytes.write_u32(offset + 4, 0xddee_ff00).expect("in range");
        assert_eq!(bytes.read_u64(offset), Ok(0xddee_ff00_ccaa_bb08));
    }
    assert_eq!(bytes.read_u64(BYTES - 7), Err(OutOfRange));
    assert_eq!(bytes.read_u8(usize::MAX), Err(OutOfRange));
    assert_eq!(bytes.write_u16(usize::MAX, 1), Err(OutOfRange));
}

#[test]
fn a_descriptor_finds_its_region_and_its_bytes() {
    let (first, second) = (memory(), memory());
    let regions = [&first, &second].map(|words| SharedBytes::new(SharedBlock::from_words(words)));
    let payload = Payload { region: 1, offset: 5, length: 4 };
    let region = payload.find(&regions, |region| region.len() as u64).expect("there are two");
    let bytes = region.payload(payload).expect("in range");
    bytes.fill(0xff);
    assert_eq!((bytes.len(), bytes.is_empty(), regions[1].read_u32(5)), (4, false, Ok(u32::MAX)));
    assert_eq!(regions[1].read_u64(2), Ok(0x00ff_ffff_ff00_0000));
    assert!(Payload { region: 2, ..payload }.find(&regions, |region| region.len() as u64).is_err());
    assert!(Payload { offset: 61, ..payload }.find(&regions, |region| region.len() as u64).is_err());
    assert!(region.payload(Payload { offset: u64::MAX, ..payload }).is_err());
}

/// A neighbour who writes the other half of a word at the same time loses nothing.
#[test]
fn neighbours_in_one_word_do_not_disturb_each_other() {
    let words = memory();
    let bytes = SharedBytes::new(SharedBlock::from_words(&words));
    std::thread::scope(|scope| {
        for half in [0, 4] {
            scope.spawn(move || {
                let mine = bytes.part(half, 4).expect("in range");
                for number in 0..200_000 {
                    mine.write_u32(0, number).expect("in range");
                    assert_eq!(mine.read_u32(0), Ok(number));
                }
            });
        }
    });
}

/// The sum of RFC 1071 by 64-bit words, as defined.
fn slow_sum(bytes: &[u8]) -> u64 {
    let words = bytes.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u128::from(u64::from_ne_bytes(word))
    });
    let mut sum: u128 = words.sum();
    while sum >> 64 != 0 {
        sum = (sum & u128::from(u64::MAX)) + (sum >> 64);
    }
    sum as u64
}

#[test]
fn runs_of_any_length_from_anywhere() {
    let words: Vec<AtomicU64> = (0..64).map(|_| AtomicU64::new(0)).collect();
    let all = SharedBytes::new(SharedBlock::from_words(&words));
    let (from, to) = (all.part(0, 256).unwrap(), all.part(256, 256).unwrap());
    let source: Vec<u8> = (0..256u32).map(|at| if at % 5 == 0 { 0xff } else { (at * 37) as u8 }).collect();
    from.copy_in(0, &source).unwrap();
    for length in 0..=230 {
        for (a, b) in (0..17).map(|step| (step, step * 5 % 17)) {
            to.fill(0xee);
            let (part, target) = (from.part(a, length).unwrap(), to.part(b, length).unwrap());
            target.copy_from(part, 0);
            let mut seen = [0; 256];
            to.copy_out(0, &mut seen).unwrap();
            let mut expected = [0xee; 256];
            expected[b..b + length].copy_from_slice(&source[a..a + length]);
            assert_eq!(seen, expected, "{length} bytes from {a} to {b}");
            assert_eq!(part.sum(0), slow_sum(&source[a..a + length]), "{length} bytes from {a}");
        }
    }
    // All ones, where each carry carries again.
    from.fill(0xff);
    assert_eq!(from.sum(u64::MAX), u64::MAX);
    assert_eq!(from.sum(1), 1);
}
