//! What can be wrong with a script, said so that a person finds the place.

use core::fmt;

/// A place in a script, both from 1 on. Columns count characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Which line.
    pub line: u32,
    /// Which character of it.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a script is none, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub at: Position,
    /// Why.
    pub kind: SyntaxErrorKind,
}

impl SyntaxError {
    /// Whether more lines could make it right.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        matches!(self.kind, SyntaxErrorKind::Open(_) | SyntaxErrorKind::EndsTooEarly)
    }
}

/// The rules that a script can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyntaxErrorKind {
    /// Something that is never closed, such as a quote; the place is where it begins.
    Open(&'static str),
    /// The script ends where a command has to follow.
    EndsTooEarly,
    /// This stands where something else has to.
    Unexpected(&'static str),
    /// A command has to stand here.
    MissingCommand,
    /// A word has to stand here.
    MissingWord,
    /// That is no name of a variable.
    BadName,
    /// Streams are 0, 1 and 2.
    BadStream,
    /// `${...}` with something that it does not know.
    BadParameter,
    /// Too many brackets in brackets.
    TooDeep,
    /// It has more than a mebibyte.
    TooLong,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.at)?;
        match self.kind {
            SyntaxErrorKind::Open(what) => write!(f, "this {what} is never closed"),
            SyntaxErrorKind::EndsTooEarly => f.write_str("it ends where a command has to follow"),
            SyntaxErrorKind::Unexpected(what) => write!(f, "{what} is not expected here"),
            SyntaxErrorKind::MissingCommand => f.write_str("a command is missing here"),
            SyntaxErrorKind::MissingWord => f.write_str("a word is missing here"),
            SyntaxErrorKind::BadName => f.write_str("that is not the name of a variable"),
            SyntaxErrorKind::BadStream => f.write_str("there are the streams 0, 1 and 2 only"),
            SyntaxErrorKind::BadParameter => f.write_str("'${...}' knows no such form"),
            SyntaxErrorKind::TooDeep => f.write_str("too many brackets in brackets"),
            SyntaxErrorKind::TooLong => f.write_str("the script has more than a mebibyte"),
        }
    }
}

impl core::error::Error for SyntaxError {}
