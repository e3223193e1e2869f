//! The word that a program's first thread begins with.

/// Words below this are plain numbers: the lowest page of a space is never mapped.
pub const NUMBERS: u64 = 4096;

/// What the word says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nobody prepared a start area; a number that means what the program takes it for.
    Number(u64),
    /// The start area's address.
    Area(u64),
}

impl Argument {
    /// Reads the word.
    #[must_use]
    pub const fn of(word: u64) -> Self {
        if word < NUMBERS { Self::Number(word) } else { Self::Area(word) }
    }
}
