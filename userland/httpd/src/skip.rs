//! Bodies of requests, of which nothing is wanted: they are passed over, strictly by the letter (RFC 9112, section 7.1), so that the next request begins where it
//! begins for everybody.

use crate::head::Length;

/// Bytes of a line with a chunk's length, or of a trailer, at most.
const LONGEST_LINE: usize = 1024;
/// Bytes of all trailers, at most.
const MOST_TRAILERS: usize = 4096;

/// What is still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    stage: Stage,
    /// Bytes of the body that may still come.
    allowed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// So many bytes.
    Bytes(u64),
    /// Digits of a chunk's length.
    Size {
        size: u64,
        digits: u8,
    },
    /// Behind them: nothing is done with extensions.
    Extension {
        size: u64,
        length: usize,
    },
    /// The end of that line.
    SizeEnd(u64),
    /// So many bytes of a chunk.
    Chunk(u64),
    /// Its end.
    ChunkEnd {
        seen: u8,
    },
    /// Trailers: bytes of all, of this line, and whether its end has begun.
    Trailer {
        all: usize,
        line: usize,
        has_return: bool,
    },
    Done,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// There is more.
    Going,
    /// The next byte is another request's.
    Done,
    /// It is no body.
    Bad,
    /// It is too much.
    TooLarge,
}

impl Skip {
    /// Of a body of that length, of which so much is allowed. None if it is too long.
    pub(crate) fn new(length: Length, allowed: u64) -> Option<Self> {
        let stage = match length {
            Length::Exactly(0) => Stage::Done,
            Length::Exactly(bytes) if bytes > allowed => return None,
            Length::Exactly(bytes) => Stage::Bytes(bytes),
            Length::Chunked => Stage::Size { size: 0, digits: 0 },
        };
        Some(Self { stage, allowed })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Passes over what has come: how many bytes, and what became of it.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Skipped) {
        let mut taken = 0;
        while taken < bytes.len() {
            match self.stage {
                Stage::Done => break,
                Stage::Bytes(left) | Stage::Chunk(left) => {
                    let count = left.min((bytes.len() - taken) as u64);
                    taken += count as usize;
                    self.stage = match (self.stage, left - count) {
                        (Stage::Bytes(_), 0) => Stage::Done,
                        (Stage::Bytes(_), left) => Stage::Bytes(left),
                        (_, 0) => Stage::ChunkEnd { seen: 0 },
                        (_, left) => Stage::Chunk(left),
                    };
                }
                stage => match self.step(stage, bytes[taken]) {
                    Ok(stage) => {
                        self.stage = stage;
                        taken += 1;
                    }
                    Err(end) => return (taken, end),
                },
            }
        }
        (taken, if self.is_done() { Skipped::Done } else { Skipped::Going })
    }

    /// A byte between chunks.
    fn step(&mut self, stage: Stage, byte: u8) -> Result<Stage, Skipped> {
        Ok(match (stage, byte) {
            (Stage::Size { size, digits }, byte) if byte.is_ascii_hexdigit() && digits < 15 => {
                let digit = char::from(byte).to_digit(16).unwrap_or_default();
                Stage::Size { size: size << 4 | u64::from(digit), digits: digits + 1 }
            }
            (Stage::Size { size, digits: 1.. }, b'\r') => Stage::SizeEnd(size),
            (Stage::Size { size, digits: 1.. }, b';') => Stage::Extension { size, length: 0 },
            (Stage::Extension { size, .. }, b'\r') => Stage::SizeEnd(size),
            (Stage::Extension { size, length }, byte)
                if length < LONGEST_LINE && (byte >= b' ' || byte == b'\t') =>
            {
                Stage::Extension { size, length: length + 1 }
            }
            (Stage::SizeEnd(0), b'\n') => Stage::Trailer { all: 0, line: 0, has_return: false },
            (Stage::SizeEnd(size), b'\n') => {
                self.allowed = self.allowed.checked_sub(size).ok_or(Skipped::TooLarge)?;
                Stage::Chunk(size)
            }
            (Stage::ChunkEnd { seen: 0 }, b'\r') => Stage::ChunkEnd { seen: 1 },
            (Stage::ChunkEnd { seen: 1 }, b'\n') => Stage::Size { size: 0, digits: 0 },
            (Stage::Trailer { line: 0, has_return: true, .. }, b'\n') => Stage::Done,
            (Stage::Trailer { all, has_return: true, .. }, b'\n') => {
                Stage::Trailer { all, line: 0, has_return: false }
            }
            (Stage::Trailer { all, line, has_return: false }, b'\r') => {
                Stage::Trailer { all, line, has_return: true }
            }
            (Stage::Trailer { all, line, has_return: false }, byte)
                if all < MOST_TRAILERS && (byte >= b' ' || byte == b'\t') =>
            {
                Stage::Trailer { all: all + 1, line: line + 1, has_return: false }
            }
            (Stage::Trailer { all, .. }, _) if all >= MOST_TRAILERS => return Err(Skipped::TooLarge),
            (Stage::Extension { length, .. }, _) if length >= LONGEST_LINE => return Err(Skipped::TooLarge),
            _ => return Err(Skipped::Bad),
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn all(body: &[u8], piece: usize) -> (usize, Skipped) {
        let mut skip = Skip::new(Length::Chunked, 100).unwrap();
        let (mut taken, mut end) = (0, Skipped::Going);
        while end == Skipped::Going && taken < body.len() {
            let (more, seen) = skip.take(&body[taken..body.len().min(taken + piece)]);
            (taken, end) = (taken + more, seen);
        }
        (taken, end)
    }

    #[test]
    fn chunks_by_the_letter() {
        let good: [&[u8]; 4] = [
            b"0\r\n\r\n",
            b"5\r\nhello\r\n0\r\n\r\n",
            b"A;x=\"y\"\r\n0123456789\r\n00\r\nTrailer: a\r\nB: c\r\n\r\n",
            b"064\r\n0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789\r\n0\r\n\r\n",
        ];
        for body in good {
            for piece in 1..body.len() {
                let mut behind = body.to_vec();
                behind.extend(b"GET");
                assert_eq!(all(&behind, piece), (body.len(), Skipped::Done), "{}", body.escape_ascii());
            }
        }
        let bad: [&[u8]; 9] = [
            b"\r\n",
            b"-1\r\n",
            b"0x5\r\n",
            b" 5\r\n",
            b"5\nhello",
            b"5\r\nhello!\r\n",
            b"5 \r\nhello",
            b"5\r\nhello\n",
            b"0\r\nA\n\r\n",
        ];
        for body in bad {
            assert_eq!(all(body, 100).1, Skipped::Bad, "{}", body.escape_ascii());
        }
        for large in [&b"65\r\n"[..], b"fffffffffffffff\r\n"] {
            assert_eq!(all(large, 100).1, Skipped::TooLarge);
        }
        assert_eq!(all(b"1000000000000000\r\n", 100).1, Skipped::Bad, "more digits than anybody needs");
        assert_eq!(Skip::new(Length::Exactly(101), 100), None);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(body in "[0-9a]{1,2}\r\n[ -~]{0,20}(\r\n)?0?\r\n\r\n", piece in 1usize..8) {
            prop_assert_eq!(all(body.as_bytes(), piece), all(body.as_bytes(), 1000));
        }
    }
}
