//! Lines, words, bytes and characters, from pieces of any size.

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Ends of lines.
    pub lines: u64,
    /// Words: what stands between blanks.
    pub words: u64,
    /// Bytes.
    pub bytes: u64,
    /// Characters of UTF-8: bytes that begin one.
    pub characters: u64,
    is_in_word: bool,
}

impl Count {
    /// Counts a piece more.
    pub fn add(&mut self, piece: &[u8]) {
        for byte in piece {
            self.lines += u64::from(*byte == b'\n');
            self.characters += u64::from(byte & 0xc0 != 0x80);
            let is_blank = byte.is_ascii_whitespace();
            self.words += u64::from(!is_blank && !self.is_in_word);
            self.is_in_word = !is_blank;
        }
        self.bytes += piece.len() as u64;
    }

    /// Adds what another one has counted.
    pub const fn sum(&mut self, other: &Self) {
        self.lines += other.lines;
        self.words += other.words;
        self.bytes += other.bytes;
        self.characters += other.characters;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn counts() {
        let mut count = Count::default();
        count.add("one two\n  drei ü".as_bytes());
        assert_eq!((count.lines, count.words, count.bytes, count.characters), (1, 4, 17, 16));
    }

    proptest! {
        #[test]
        fn pieces_are_the_whole(text in "[a ü\n]{0,60}", at in 0_usize..60) {
            let (mut whole, mut parts) = (Count::default(), Count::default());
            whole.add(text.as_bytes());
            let at = at.min(text.len());
            parts.add(&text.as_bytes()[..at]);
            parts.add(&text.as_bytes()[at..]);
            prop_assert_eq!(whole, parts);
            prop_assert_eq!(whole.words as usize, text.split_whitespace().count());
            prop_assert_eq!(whole.characters as usize, text.chars().count());
        }
    }
}
