//! Bytes as they travel.

/// Most bytes of a piece.
pub const PIECE: usize = 32;

/// Up to [`PIECE`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    bytes: [u8; PIECE],
    length: usize,
}

impl Piece {
    /// What `bytes` begins with, as much as fits.
    #[must_use]
    pub fn beginning(bytes: &[u8]) -> Self {
        let length = bytes.len().min(PIECE);
        let mut piece = Self { bytes: [0; PIECE], length };
        piece.bytes[..length].copy_from_slice(&bytes[..length]);
        piece
    }

    /// From a message; nothing if it claims more bytes than there can be.
    #[must_use]
    pub fn from_words(length: u8, words: [u64; PIECE / 8]) -> Option<Self> {
        let length = usize::from(length);
        let mut piece = Self { bytes: [0; PIECE], length };
        for (bytes, word) in piece.bytes.as_chunks_mut().0.iter_mut().zip(words) {
            *bytes = word.to_le_bytes();
        }
        (length <= PIECE).then_some(piece)
    }

    /// For a message: how many, and the words.
    #[must_use]
    pub fn words(&self) -> (u8, [u64; PIECE / 8]) {
        let mut words = [0; PIECE / 8];
        for (word, bytes) in words.iter_mut().zip(self.bytes.as_chunks().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        // At most `PIECE`.
        (self.length as u8, words)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back() {
        let all: [u8; 40] = core::array::from_fn(|place| place as u8 + 1);
        for length in 0..=all.len() {
            let piece = Piece::beginning(&all[..length]);
            assert_eq!(piece.bytes(), &all[..length.min(PIECE)]);
            let (count, words) = piece.words();
            assert_eq!(Piece::from_words(count, words), Some(piece));
        }
    }

    #[test]
    fn a_lie_about_the_length_is_seen() {
        assert_eq!(Piece::from_words(PIECE as u8 + 1, [0; 4]), None);
        assert_eq!(Piece::from_words(u8::MAX, [1; 4]), None);
    }
}
