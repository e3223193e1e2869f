//! Patterns in rings, by pieces that begin anywhere.

use anax_pattern::{Checker, Pattern};
use anax_ring::SharedBytes;

/// Bytes that are looked at or made at once.
const CHUNK: usize = 1024;

/// Fills pieces with what stands at a position and behind it, `most` bytes at most: how many.
pub(crate) fn fill(pattern: Pattern, position: u64, to: [SharedBytes<'_>; 2], most: u64) -> usize {
    let mut buffer = [0; CHUNK];
    let mut done = 0;
    for piece in to {
        let mut at = 0;
        while at < piece.len() && (done as u64) < most {
            let left = usize::try_from(most - done as u64).unwrap_or(usize::MAX);
            let count = CHUNK.min(piece.len() - at).min(left);
            let buffer = &mut buffer[..count];
            pattern.fill(position + done as u64, buffer);
            // Within, as counted.
            let _ = piece.copy_in(at, buffer);
            (at, done) = (at + count, done + count);
        }
    }
    done
}

/// Looks at pieces that have come, `most` bytes at most: how many.
pub(crate) fn check(checker: &mut Checker, from: [SharedBytes<'_>; 2], most: u64) -> usize {
    let mut buffer = [0; CHUNK];
    let mut done = 0;
    for piece in from {
        let mut at = 0;
        while at < piece.len() && (done as u64) < most {
            let left = usize::try_from(most - done as u64).unwrap_or(usize::MAX);
            let count = CHUNK.min(piece.len() - at).min(left);
            let buffer = &mut buffer[..count];
            // Within, as counted.
            let _ = piece.copy_out(at, buffer);
            checker.take(buffer);
            (at, done) = (at + count, done + count);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use anax_pattern::Direction;
    use anax_ring::{AtomicU64, SharedBlock};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_filled_is_right_and_one_wrong_byte_is_found(
            position in 0u64..10_000, first in 0usize..3000, second in 0usize..3000, most in 0u64..7000, wrong in any::<usize>()
        ) {
            let words: Vec<AtomicU64> = (0..1024).map(|_| AtomicU64::new(0)).collect();
            let bytes = SharedBytes::new(SharedBlock::from_words(&words));
            let pieces = [bytes.part(3001, first).unwrap(), bytes.part(1, second).unwrap()];
            let pattern = Pattern::new(7, Direction::FromGuest);
            let count = fill(pattern, position, pieces, most);
            prop_assert_eq!(count, (first + second).min(most as usize));
            // The checker's positions begin at 0: it is brought to the place by what stands before.
            let mut checker = Checker::new(pattern);
            let mut before = alloc::vec![0; position as usize];
            pattern.fill(0, &mut before);
            checker.take(&before);
            prop_assert_eq!(check(&mut checker, pieces, most), count);
            prop_assert_eq!(checker.report().first_wrong, None);
            prop_assert_eq!(checker.report().received, position + count as u64);
            if count > 0 {
                let wrong = wrong % count;
                let (piece, at) = if wrong < first { (pieces[0], wrong) } else { (pieces[1], wrong - first) };
                let byte = piece.read_u8(at).unwrap();
                piece.write_u8(at, !byte).unwrap();
                let mut checker = Checker::new(pattern);
                checker.take(&before);
                check(&mut checker, pieces, most);
                prop_assert_eq!(checker.report().first_wrong, Some(position + wrong as u64));
            }
        }
    }
}
