//! Where bytes lie in memory that two sides share.

use anax_proto::{Fixed, Reader, Writer};

/// Bytes in an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where they begin.
    pub offset: u32,
    /// How many.
    pub length: u32,
}

impl Text {
    /// Bytes from an offset on.
    #[must_use]
    pub const fn new(offset: u32, length: u32) -> Self {
        Self { offset, length }
    }
}

/// One word.
impl Fixed for Text {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(u64::from(self.offset) | u64::from(self.length) << 32);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let word = from.word()?;
        Some(Self::new(word as u32, (word >> 32) as u32))
    }
}
