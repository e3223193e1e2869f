//! The last lines, or bytes, of what comes in pieces: no more is kept than is shown.

use alloc::collections::VecDeque;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Lines.
    Lines,
    /// Bytes.
    Bytes,
}

/// Bytes that are kept at most.
const MAX_KEPT: usize = 8 << 20;

/// The last so many of them.
#[derive(Clone, Debug)]
pub struct Tail {
    count: usize,
    unit: Unit,
    kept: VecDeque<u8>,
    /// Ends of lines in it.
    lines: usize,
}

impl Tail {
    /// So many.
    #[must_use]
    pub const fn new(count: usize, unit: Unit) -> Self {
        Self { count, unit, kept: VecDeque::new(), lines: 0 }
    }

    /// Adds a piece.
    pub fn add(&mut self, piece: &[u8]) {
        self.kept.extend(piece);
        self.lines += piece.iter().filter(|byte| **byte == b'\n').count();
        while self.is_too_much() {
            let gone = self.kept.pop_front();
            self.lines -= usize::from(gone == Some(b'\n'));
        }
    }

    fn is_too_much(&self) -> bool {
        let is_beyond = match self.unit {
            Unit::Bytes => self.kept.len() > self.count,
            // A last line without an end is one, too.
            Unit::Lines => {
                let has_part = self.kept.back().is_some_and(|last| *last != b'\n');
                self.lines + usize::from(has_part) > self.count
            }
        };
        is_beyond || self.kept.len() > MAX_KEPT
    }

    /// What is left.
    #[must_use]
    pub fn rest(&self) -> (&[u8], &[u8]) {
        self.kept.as_slices()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::string::String;

    use super::*;

    fn tail(pieces: &[&str], count: usize, unit: Unit) -> String {
        let mut tail = Tail::new(count, unit);
        pieces.iter().for_each(|piece| tail.add(piece.as_bytes()));
        let (first, second) = tail.rest();
        String::from_utf8([first, second].concat()).unwrap()
    }

    #[test]
    fn the_last_ones() {
        assert_eq!(tail(&["a\nb", "\nc\n"], 2, Unit::Lines), "b\nc\n");
        assert_eq!(tail(&["a\nb\nc"], 2, Unit::Lines), "b\nc");
        assert_eq!(tail(&["a\n"], 5, Unit::Lines), "a\n");
        assert_eq!(tail(&["abc", "de"], 3, Unit::Bytes), "cde");
        assert_eq!(tail(&["abc\n"], 0, Unit::Lines), "");
    }
}
