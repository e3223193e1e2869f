//! Frames that have come in.

use alloc::vec::Vec;
use core::ops::Range;

use anax_frames::{Buffer, Received, Verdict};
use anax_inet::{Bytes, Sum, Verified, sum_of_copies};
use anax_ring::SharedBytes;
use anax_socket::ring::Ring;

/// A frame that has come in, in whatever it lies.
#[derive(Debug)]
pub enum Frame {
    /// One buffer of a card's.
    One(Received<'static>),
    /// Several, one behind the other.
    Many(Vec<Received<'static>>),
    /// This server's own memory: what it says to itself, and packets that were put together.
    Own(Vec<u8>),
}

/// Bytes of a pool, to be looked at as an [`anax_inet`] frame is.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a>(pub SharedBytes<'a>);

impl Bytes for Pool<'_> {
    fn length(&self) -> usize {
        self.0.len()
    }

    fn copy(&self, at: usize, into: &mut [u8]) {
        // Callers stay within the length; else nothing is copied.
        let _ = self.0.copy_out(at, into);
    }

    fn sum(&self, range: Range<usize>) -> u16 {
        sum(self.0, range)
    }
}

/// The sum of a run of bytes where they lie.
fn sum(bytes: SharedBytes<'_>, range: Range<usize>) -> u16 {
    let range = range.start..range.end.min(bytes.len());
    let part = bytes.part(range.start, range.len());
    part.map_or(0, |part| Sum::of_words(part.sum(0)).folded())
}

fn length_of(part: &Received<'_>) -> usize {
    part.head().len() + part.length
}

impl Bytes for Frame {
    fn length(&self) -> usize {
        match self {
            Self::One(part) => part.length,
            Self::Many(parts) => parts.iter().map(length_of).sum(),
            Self::Own(bytes) => bytes.len(),
        }
    }

    fn copy(&self, at: usize, into: &mut [u8]) {
        match self {
            Self::One(part) => _ = part.frame().copy_out(at, into),
            Self::Own(bytes) => bytes.as_slice().copy(at, into),
            Self::Many(_) => {
                let mut done = 0;
                self.pieces(at, into.len(), |piece| {
                    let to = &mut into[done..];
                    done += match piece {
                        Piece::Pool(bytes) => {
                            let count = bytes.len().min(to.len());
                            let _ = bytes.copy_out(0, &mut to[..count]);
                            count
                        }
                        Piece::Own(bytes) => {
                            let count = bytes.len().min(to.len());
                            to[..count].copy_from_slice(&bytes[..count]);
                            count
                        }
                    };
                });
            }
        }
    }

    fn sum(&self, range: Range<usize>) -> u16 {
        match self {
            Self::One(part) => sum(part.frame(), range),
            Self::Own(bytes) => bytes.as_slice().sum(range),
            Self::Many(_) => sum_of_copies(self, range),
        }
    }
}

/// A run of a frame's bytes.
enum Piece<'a> {
    Pool(SharedBytes<'a>),
    Own(&'a [u8]),
}

impl Frame {
    /// What the card has found right. Nothing if it has found something wrong.
    #[must_use]
    pub fn verified(&self) -> Option<Verified> {
        let checked = match self {
            Self::One(part) => part.checked,
            Self::Many(parts) => parts.first()?.checked,
            Self::Own(_) => return Some(Verified { internet: true, transport: true }),
        };
        let is_bad = checked.internet == Verdict::Bad || checked.transport == Verdict::Bad;
        (!is_bad).then_some(Verified {
            internet: checked.internet == Verdict::Good,
            transport: checked.transport == Verdict::Good,
        })
    }

    /// Shows the runs of which some of its bytes consist.
    fn pieces<'a>(&'a self, at: usize, length: usize, mut show: impl FnMut(Piece<'a>)) {
        let mut cursor = Cursor { skip: at, left: length };
        match self {
            Self::One(part) => cursor.pool(part.frame(), &mut show),
            Self::Own(bytes) => cursor.own(bytes, &mut show),
            Self::Many(parts) => {
                for part in parts {
                    if cursor.left == 0 {
                        return;
                    }
                    cursor.own(part.head(), &mut show);
                    cursor.pool(part.frame(), &mut show);
                }
            }
        }
    }

    /// Copies some of its bytes into a ring, from a position on: the one copy that a received byte has.
    pub fn to_ring(&self, at: usize, length: usize, ring: Ring<'_>, position: u64) {
        let mut position = position;
        self.pieces(at, length, |piece| match piece {
            Piece::Own(bytes) => {
                ring.write(position, bytes);
                position += bytes.len() as u64;
            }
            Piece::Pool(bytes) => {
                let [first, second] = ring.pieces(position, bytes.len());
                first.copy_from(bytes, 0);
                second.copy_from(bytes, first.len());
                position += bytes.len() as u64;
            }
        });
    }

    /// The card's buffers, to be given back.
    pub fn buffers(self, mut each: impl FnMut(Buffer<'static>)) {
        match self {
            Self::One(part) => each(part.buffer),
            Self::Many(parts) => parts.into_iter().for_each(|part| each(part.buffer)),
            Self::Own(_) => {}
        }
    }
}

/// Goes through what lies one behind the other.
struct Cursor {
    skip: usize,
    left: usize,
}

impl Cursor {
    /// The part of the next `length` bytes that is wanted.
    fn next(&mut self, length: usize) -> Option<Range<usize>> {
        let start = self.skip.min(length);
        let count = (length - start).min(self.left);
        (self.skip, self.left) = (self.skip - start, self.left - count);
        (count > 0).then_some(start..start + count)
    }

    fn pool<'a>(&mut self, bytes: SharedBytes<'a>, show: &mut impl FnMut(Piece<'a>)) {
        if let Some(range) = self.next(bytes.len())
            && let Ok(bytes) = bytes.part(range.start, range.len())
        {
            show(Piece::Pool(bytes));
        }
    }

    fn own<'a>(&mut self, bytes: &'a [u8], show: &mut impl FnMut(Piece<'a>)) {
        if let Some(range) = self.next(bytes.len()) {
            show(Piece::Own(&bytes[range]));
        }
    }
}
