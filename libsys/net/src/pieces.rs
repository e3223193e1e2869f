//! Bytes in two pieces: what lies in a ring round its end.

use anax_ring::SharedBytes;

/// Copies from one ring to another, as much as there is and as fits: how many bytes.
pub fn copy(from: [SharedBytes<'_>; 2], to: [SharedBytes<'_>; 2]) -> usize {
    let mut done = 0_usize;
    let mut begins = 0;
    for source in from {
        let mut at = done - begins;
        let mut place = 0;
        for target in to {
            let from_here = done.saturating_sub(place);
            if from_here < target.len() && at < source.len() {
                let count = (target.len() - from_here).min(source.len() - at);
                if let Ok(part) = target.part(from_here, count) {
                    part.copy_from(source, at);
                }
                (at, done) = (at + count, done + count);
            }
            place += target.len();
        }
        begins += source.len();
        if at < source.len() {
            break;
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use anax_ring::{AtomicU64, SharedBlock};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn pieces_come_across_in_order(lengths in proptest::array::uniform4(0usize..100)) {
            let words = |value| -> Vec<AtomicU64> { (0..64).map(|_| AtomicU64::new(value)).collect() };
            let (first, second) = (words(0), words(0));
            let first = SharedBytes::new(SharedBlock::from_words(&first));
            let second = SharedBytes::new(SharedBlock::from_words(&second));
            let bytes: Vec<u8> = (0..200).map(|n| n as u8 + 1).collect();
            let [a, b, c, d] = lengths;
            let from = [first.part(0, a).unwrap(), first.part(200, b).unwrap()];
            let to = [second.part(0, c).unwrap(), second.part(200, d).unwrap()];
            from[0].copy_in(0, &bytes[..a]).unwrap();
            from[1].copy_in(0, &bytes[a..a + b]).unwrap();
            let count = copy(from, to);
            prop_assert_eq!(count, (a + b).min(c + d));
            let mut came = vec![0; c + d];
            to[0].copy_out(0, &mut came[..c]).unwrap();
            to[1].copy_out(0, &mut came[c..]).unwrap();
            prop_assert_eq!(&came[..count], &bytes[..count]);
        }
    }
}
