//! Every size around every threshold, against the language's own idea of the same.

use std::vec::Vec;

use super::*;

/// Sizes from nothing to past the last threshold.
fn sizes() -> impl Iterator<Item = usize> {
    (0..300).chain([511, 512, 513, 4095, 4096, 4103])
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 7 + index / 256 + 1) as u8).collect()
}

#[test]
fn copies() {
    sizes().for_each(copy);
    use_fast_strings();
    sizes().for_each(copy);
}

fn copy(n: usize) {
    let source = pattern(n + 2);
    let mut copy = std::vec![0xee; n + 2];
    // SAFETY: both are `n` bytes long from 1 on.
    let back = unsafe { memcpy(copy.as_mut_ptr().add(1), source.as_ptr().add(1), n) };
    assert_eq!(back, copy[1..].as_mut_ptr());
    assert_eq!((copy[0], copy[n + 1]), (0xee, 0xee), "{n}");
    assert_eq!(copy[1..=n], source[1..=n], "{n}");
}

#[test]
fn moves_in_both_directions() {
    for n in sizes() {
        for distance in [0, 1, 3, 8, 15, 16, 17, 31, 33, 64, 100] {
            for (from, to) in [(0, distance), (distance, 0)] {
                let mut moved = pattern(n + distance + 1);
                let mut expected = moved.clone();
                expected.copy_within(from..from + n, to);
                let base = moved.as_mut_ptr();
                // SAFETY: both ranges lie in the vector.
                let back = unsafe { memmove(base.add(to), base.add(from), n) };
                assert_eq!(back, base.wrapping_add(to));
                assert_eq!(moved, expected, "{n} bytes from {from} to {to}");
            }
        }
    }
}

#[test]
fn fills() {
    for n in sizes() {
        let mut filled = std::vec![0xee; n + 2];
        // SAFETY: there are `n` bytes from 1 on.
        let back = unsafe { memset(filled.as_mut_ptr().add(1), 0x1a5, n) };
        assert_eq!(back, filled[1..].as_mut_ptr());
        assert_eq!((filled[0], filled[n + 1]), (0xee, 0xee), "{n}");
        assert!(filled[1..=n].iter().all(|&byte| byte == 0xa5), "{n}");
    }
}

#[test]
fn compares() {
    let compare = |left: &[u8], right: &[u8]| {
        // SAFETY: both are that long.
        let (order, equal) = unsafe {
            let n = left.len();
            (memcmp(left.as_ptr(), right.as_ptr(), n), bcmp(left.as_ptr(), right.as_ptr(), n))
        };
        assert_eq!(order == 0, equal == 0);
        order.cmp(&0)
    };
    for n in 0..40 {
        let left = pattern(n);
        assert_eq!(compare(&left, &left), core::cmp::Ordering::Equal);
        for place in 0..n {
            for change in [1, 0x80, 0xff] {
                let mut right = left.clone();
                right[place] ^= change;
                // What comes after the first difference has no say.
                right.iter_mut().skip(place + 1).for_each(|byte| *byte = !*byte);
                assert_eq!(compare(&left, &right), left.cmp(&right), "{n} bytes, {place}");
            }
        }
    }
}

#[test]
fn lengths() {
    for text in [c"", c"a", c"some more"] {
        // SAFETY: it ends in zero.
        assert_eq!(unsafe { strlen(text.as_ptr().cast()) }, text.count_bytes());
    }
}
