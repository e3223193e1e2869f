//! Where text lies on a terminal that wraps it.

use alloc::string::String;
use core::fmt::Write as _;

use unicode_width::UnicodeWidthChar as _;

/// Columns of a terminal that says nothing of itself, and the fewest that are believed.
pub const COLUMNS: usize = 80;
const LEAST: usize = 8;

/// A place on the screen, from where the prompt begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    row: usize,
    column: usize,
}

/// What is shown, as far as moving about in it needs.
#[derive(Clone, Debug)]
pub(super) struct Screen {
    columns: usize,
    /// Where the cursor is.
    cursor: Place,
}

/// How many columns a character takes.
fn width(character: char) -> usize {
    character.width().unwrap_or(0)
}

impl Screen {
    pub(super) const fn new() -> Self {
        Self { columns: COLUMNS, cursor: Place { row: 0, column: 0 } }
    }

    pub(super) fn set_columns(&mut self, columns: usize) {
        if columns >= LEAST {
            self.columns = columns;
        }
    }

    pub(super) const fn columns(&self) -> usize {
        self.columns
    }

    /// Where a text ends. Sequences in it, as of colours, take no room.
    fn end(&self, text: &str, from: Place) -> Place {
        let (mut place, mut characters) = (from, text.chars());
        while let Some(character) = characters.next() {
            if character == '\u{1b}' {
                // A control sequence ends with a letter.
                let _sequence = characters.by_ref().find(char::is_ascii_alphabetic);
                continue;
            }
            let width = width(character);
            if place.column + width > self.columns {
                place = Place { row: place.row + 1, column: 0 };
            }
            place.column += width;
            if place.column == self.columns {
                place = Place { row: place.row + 1, column: 0 };
            }
        }
        place
    }

    /// A new prompt is to be shown, where the cursor is now.
    pub(super) fn begin(&mut self) {
        self.cursor = Place::default();
    }

    /// Shows all of it, with the cursor before `behind`.
    pub(super) fn draw(&mut self, prompt: &str, before: &str, behind: &str, out: &mut String) {
        self.go(Place { row: 0, column: 0 }, out);
        out.push_str("\u{1b}[J");
        out.push_str(prompt);
        out.push_str(before);
        out.push_str(behind);
        let cursor = self.end(before, self.end(prompt, Place::default()));
        let end = self.end(behind, cursor);
        if end.column == 0 && end.row > 0 {
            // Terminals wrap when the next character comes.
            out.push_str("\r\n");
        }
        self.cursor = end;
        self.go(cursor, out);
    }

    /// Shows a character more at the end, if that can be done without drawing all anew.
    pub(super) fn append(&mut self, character: char, out: &mut String) -> bool {
        let width = width(character);
        if width == 0 || self.cursor.column + width > self.columns {
            return false;
        }
        out.push(character);
        self.cursor.column += width;
        if self.cursor.column == self.columns {
            // Terminals wrap when the next character comes.
            out.push_str("\r\n");
            self.cursor = Place { row: self.cursor.row + 1, column: 0 };
        }
        true
    }

    /// Takes the character before the cursor, which is the last one, away, likewise.
    pub(super) fn erase(&mut self, character: char, out: &mut String) -> bool {
        if width(character) != 1 || self.cursor.column <= 1 {
            return false;
        }
        out.push_str("\u{8} \u{8}");
        self.cursor.column -= 1;
        true
    }

    /// Moves the cursor.
    fn go(&mut self, to: Place, out: &mut String) {
        let from = self.cursor;
        // Nothing fails that writes to a text.
        let _ = match (from.row, to.row) {
            (from, to) if to < from => write!(out, "\u{1b}[{}A", from - to),
            (from, to) if to > from => write!(out, "\u{1b}[{}B", to - from),
            _ => Ok(()),
        };
        if from != to {
            out.push('\r');
            if to.column > 0 {
                let _ = write!(out, "\u{1b}[{}C", to.column);
            }
        }
        self.cursor = to;
    }

    /// Moves behind the last line of what is shown.
    pub(super) fn leave(&mut self, prompt: &str, line: &str, out: &mut String) {
        let end = self.end(line, self.end(prompt, Place::default()));
        let rows = end.row.saturating_sub(self.cursor.row);
        if rows > 0 {
            let _ = write!(out, "\u{1b}[{rows}B");
        }
        // A line that fills its last row has gone to the next one already.
        out.push_str(if end.column == 0 && end.row > 0 { "\r" } else { "\r\n" });
        self.cursor = Place::default();
    }
}
