//! What can be wrong with a command line, said so that a person can find the place.

use core::fmt;

/// Why a line was refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Byte offset in the line.
    pub position: usize,
    /// The rule that was broken there.
    pub kind: ParseErrorKind,
}

/// The rules a line can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseErrorKind {
    /// More than [`crate::MAX_BYTES`] bytes.
    TooLong,
    /// More than [`crate::MAX_STEPS`] steps.
    TooManySteps,
    /// More than [`crate::MAX_WORDS`] words.
    TooManyWords,
    /// A quote without its end; the position is the opening quote's.
    OpenQuote,
    /// A backslash with nothing behind it.
    LoneBackslash,
    /// A single `&`: there are no background jobs.
    LoneAmpersand,
    /// A `;`, `&&` or `||` where a command was expected.
    MissingCommand,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ParseErrorKind::TooLong => "the line is too long",
            ParseErrorKind::TooManySteps => "too many commands",
            ParseErrorKind::TooManyWords => "too many words",
            ParseErrorKind::OpenQuote => "this quote is never closed",
            ParseErrorKind::LoneBackslash => "nothing follows the backslash",
            ParseErrorKind::LoneAmpersand => "a single '&' is not supported",
            ParseErrorKind::MissingCommand => "a command is missing here",
        };
        write!(f, "at byte {}: {what}", self.position)
    }
}

impl core::error::Error for ParseError {}
