//! What a terminal makes of keys.

use anax_proto::{Fixed, Reader, Writer};

/// How keys become bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// A line at a time, shown as it is typed, with what was wrong taken back. Ctrl-D is the end of input, Ctrl-C ends the program.
    #[default]
    Lines,
    /// Each key by itself, and nothing is shown: for editors. Ctrl-\ still ends the program.
    Keys,
}

impl Fixed for Typing {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self as u64);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        match from.word()? {
            0 => Some(Self::Lines),
            1 => Some(Self::Keys),
            _ => None,
        }
    }
}
