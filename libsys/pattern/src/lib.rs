//! Streams whose every byte both ends know: what `peerd` in the guest and `netpeer` on the host say to each other at [`PORT`].
//!
//! A byte is a function of the stream's number, its direction and its position, so that one that was lost, doubled, moved, damaged or taken from another
//! stream is seen as such, and where. Nothing has to be kept: a buffer is filled and checked at any position, eight bytes at a time.
//!
//! ```text
//! client                                   guest
//!   Request: stream, to_guest, from_guest ──▶
//!   to_guest bytes ─────────────────────────▶     both at once
//!   ◀───────────────────────── from_guest bytes
//!   ◀── Report: how many came, the first wrong one     after all of both; then the guest closes
//! ```
//!
//! The client closes when it has the report; nobody closes a half before.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

mod message;

pub use message::{MAGIC, NotARequest, Report, Request};

/// The TCP port of the service.
pub const PORT: u16 = 7001;

/// Which way a stream's bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client on the host.
    ToGuest,
    /// To it.
    FromGuest,
}

/// One direction of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    key: u64,
}

impl Pattern {
    /// That of a stream, by its number.
    #[must_use]
    pub const fn new(stream: u64, direction: Direction) -> Self {
        let bit = match direction {
            Direction::ToGuest => 0,
            Direction::FromGuest => 1,
        };
        Self { key: stream.wrapping_mul(2).wrapping_add(bit) }
    }

    /// Bytes `8 * index` to `8 * index + 7`, little-endian.
    #[must_use]
    pub const fn word(self, index: u64) -> u64 {
        split_mix(self.key.wrapping_add(index.wrapping_mul(STEP)))
    }

    /// The byte at a position.
    #[must_use]
    pub const fn byte(self, position: u64) -> u8 {
        self.word(position / 8).to_le_bytes()[(position % 8) as usize]
    }

    /// Fills a buffer with what stands at `position` and after it.
    pub fn fill(self, position: u64, buffer: &mut [u8]) {
        let (head, words) = buffer.split_at_mut(head(position, buffer.len()));
        for (at, byte) in (position..).zip(head.iter_mut()) {
            *byte = self.byte(at);
        }
        let first = (position + head.len() as u64) / 8;
        let mut chunks = words.chunks_exact_mut(8);
        let mut index = first;
        for chunk in &mut chunks {
            chunk.copy_from_slice(&self.word(index).to_le_bytes());
            index += 1;
        }
        let rest = chunks.into_remainder();
        let count = rest.len();
        rest.copy_from_slice(&self.word(index).to_le_bytes()[..count]);
    }

    /// Checks that a buffer has what stands at `position` and after it; if not, the position of the first byte that is wrong.
    #[must_use]
    pub fn first_wrong(self, position: u64, buffer: &[u8]) -> Option<u64> {
        let (head, words) = buffer.split_at(head(position, buffer.len()));
        let first = (position + head.len() as u64) / 8;
        let (chunks, rest) = words.as_chunks::<8>();
        let is_right = (position..).zip(head).all(|(at, byte)| *byte == self.byte(at))
            && (first..).zip(chunks).all(|(index, chunk)| u64::from_le_bytes(*chunk) == self.word(index))
            && (cfg!(bite = "pattern-rest-unchecked")
                || rest == &self.word(first + chunks.len() as u64).to_le_bytes()[..rest.len()]);
        if is_right {
            return None;
        }
        // Seldom: so byte by byte.
        (position..).zip(buffer).find(|(at, byte)| **byte != self.byte(*at)).map(|(at, _)| at)
    }
}

/// How many bytes there are before the next whole word.
fn head(position: u64, length: usize) -> usize {
    ((8 - position % 8) % 8).min(length as u64) as usize
}

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// SplitMix64: what its generator says first when it begins at `state`.
#[must_use]
pub const fn split_mix(state: u64) -> u64 {
    let z = state.wrapping_add(STEP);
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The end of a stream that takes what comes and says at last what was wrong.
#[derive(Clone, Copy, Debug)]
pub struct Checker {
    pattern: Pattern,
    seen: Report,
}

impl Checker {
    /// Before the first byte.
    #[must_use]
    pub const fn new(pattern: Pattern) -> Self {
        Self { pattern, seen: Report { received: 0, first_wrong: None } }
    }

    /// The next bytes, as they come.
    pub fn take(&mut self, bytes: &[u8]) {
        if self.seen.first_wrong.is_none() {
            self.seen.first_wrong = self.pattern.first_wrong(self.seen.received, bytes);
        }
        self.seen.received += bytes.len() as u64;
    }

    /// What has come so far.
    #[must_use]
    pub const fn report(&self) -> Report {
        self.seen
    }
}
