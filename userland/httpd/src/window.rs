//! Where a connection writes: the free part of a send ring, filled from its beginning, or passed over where bytes are sent from where they lie.

use core::fmt;

use anax_net::Loan;
use anax_ring::SharedBytes;

/// Who has bytes sent from where they lie: nothing is written into the ring for them.
pub trait Lends: fmt::Debug {
    /// How many bytes are lent already, from so many behind the window's beginning on.
    fn lent(&self, behind: usize) -> u64;

    /// Lends some, from so many behind the window's beginning on. Whether that goes: else they are to be written.
    fn lend(&self, behind: usize, loan: &Loan) -> bool;
}

/// Room in one piece or two.
#[derive(Debug)]
pub struct Window<'a> {
    pieces: [SharedBytes<'a>; 2],
    filled: usize,
    lends: Option<&'a dyn Lends>,
}

impl<'a> Window<'a> {
    /// All of it is free.
    #[must_use]
    pub const fn new(pieces: [SharedBytes<'a>; 2]) -> Self {
        Self { pieces, filled: 0, lends: None }
    }

    /// The same of a stream that has bytes sent from where they lie.
    #[must_use]
    pub const fn lending(pieces: [SharedBytes<'a>; 2], lends: &'a dyn Lends) -> Self {
        Self { pieces, filled: 0, lends: Some(lends) }
    }

    /// Bytes that were written.
    #[must_use]
    pub const fn filled(&self) -> usize {
        self.filled
    }

    /// Bytes that there is room for.
    #[must_use]
    pub const fn room(&self) -> usize {
        self.pieces[0].len() + self.pieces[1].len() - self.filled
    }

    /// What is free of the piece that is written next.
    fn next(&self) -> SharedBytes<'a> {
        let first = self.pieces[0];
        let (piece, at) = match self.filled.checked_sub(first.len()) {
            None => (first, self.filled),
            Some(at) => (self.pieces[1], at),
        };
        // Never more was written than there is.
        piece.part(at, piece.len() - at).unwrap_or(piece)
    }

    /// Writes as much as fits: how many bytes.
    pub fn put(&mut self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() && self.room() > 0 {
            let next = self.next();
            let count = next.len().min(bytes.len() - done);
            // Within both, as counted.
            let _ = next.copy_in(0, &bytes[done..done + count]);
            self.filled += count;
            done += count;
        }
        done
    }

    /// Passes over bytes that are lent here already, `most` at most: how many.
    pub fn pass_lent(&mut self, most: u64) -> usize {
        let Some(lends) = self.lends else { return 0 };
        let count = lends.lent(self.filled).min(most).min(self.room() as u64) as usize;
        self.filled += count;
        count
    }

    /// Lends bytes, whose loan `loan` is asked for if there is anybody to lend them to. As many of them as there is room for are [passed](Self::pass_lent) over: how many.
    pub fn lend(&mut self, loan: impl FnOnce() -> Option<Loan>) -> usize {
        let Some(lends) = self.lends.filter(|_| self.room() > 0) else { return 0 };
        match loan() {
            Some(loan) if lends.lend(self.filled, &loan) => self.pass_lent(loan.length),
            _ => 0,
        }
    }

    /// What was written last, so many bytes of it, was not: it was wrong. All of it, if it was less.
    pub const fn take_back(&mut self, count: usize) {
        self.filled = self.filled.saturating_sub(count);
    }

    /// Copies as much as fits from other shared memory: how many bytes.
    pub fn put_shared(&mut self, from: SharedBytes<'_>) -> usize {
        let mut done = 0;
        while done < from.len() && self.room() > 0 {
            let next = self.next();
            let count = next.len().min(from.len() - done);
            next.copy_from(from, done);
            self.filled += count;
            done += count;
        }
        done
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec;
    use std::vec::Vec;

    use anax_ring::{AtomicU64, SharedBlock};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_there_in_order(
            sizes in proptest::array::uniform2(0usize..60), puts in proptest::collection::vec((0usize..50, any::<bool>()), 0..6)
        ) {
            let words = || -> Vec<AtomicU64> { (0..16).map(|_| AtomicU64::new(0)).collect() };
            let (to, from) = (words(), words());
            let to = SharedBytes::new(SharedBlock::from_words(&to));
            let from = SharedBytes::new(SharedBlock::from_words(&from));
            let pieces = [to.part(3, sizes[0]).unwrap(), to.part(65, sizes[1]).unwrap()];
            let mut window = Window::new(pieces);
            let mut expected = Vec::new();
            for (number, (length, is_shared)) in puts.into_iter().enumerate() {
                let bytes: Vec<u8> = (0..length).map(|at| (number * 50 + at + 1) as u8).collect();
                from.copy_in(1, &bytes).unwrap();
                let fits = length.min(window.room());
                let put = if is_shared { window.put_shared(from.part(1, length).unwrap()) } else { window.put(&bytes) };
                prop_assert_eq!(put, fits);
                expected.extend(&bytes[..fits]);
            }
            prop_assert_eq!(window.filled(), expected.len());
            let mut came = vec![0; sizes[0] + sizes[1]];
            pieces[0].copy_out(0, &mut came[..sizes[0]]).unwrap();
            pieces[1].copy_out(0, &mut came[sizes[0]..]).unwrap();
            prop_assert_eq!(&came[..expected.len()], &expected[..]);
        }
    }
}
