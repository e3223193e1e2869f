//! What is wrong with a manifest, in the compiler's way of speaking: what, where, and what is allowed.

use std::fmt;
use std::ops::Range;

use super::file::File;

/// Something wrong at a place in a file. Shown without the word `error`, which whoever prints it puts before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Complaint {
    /// What is wrong.
    message: String,
    /// File, line and column, as editors understand them.
    place: String,
    line_number: usize,
    /// The line as it stands in the file.
    line: String,
    /// Characters before what is wrong, and of it.
    marked: (usize, usize),
    /// What is allowed; what else is concerned.
    remarks: Vec<(&'static str, String)>,
}

impl Complaint {
    /// Something wrong with the bytes `span` of `file`.
    pub(super) fn new(file: &File, span: &Range<usize>, message: String) -> Self {
        let (line_number, line, before) = file.line(span.start);
        // What goes on in further lines is marked to the end of the first.
        let rest = line.chars().count().saturating_sub(before);
        let length = file.text(span).chars().count().clamp(1, rest.max(1));
        Self {
            message,
            place: file.place(span),
            line_number,
            line: line.to_owned(),
            marked: (before, length),
            remarks: Vec::new(),
        }
    }

    /// Adds what is allowed.
    pub(super) fn help(mut self, hint: impl Into<String>) -> Self {
        self.remarks.push(("help", hint.into()));
        self
    }

    /// Adds what else is concerned.
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.remarks.push(("note", note.into()));
        self
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.line_number.to_string();
        let margin = " ".repeat(number.len());
        // Tabs stay tabs, so that the marks stand below what they mark.
        let blanks = |c: char| if c == '\t' { '\t' } else { ' ' };
        let before: String = self.line.chars().take(self.marked.0).map(blanks).collect();
        let marks = "^".repeat(self.marked.1);
        writeln!(f, "{}", self.message)?;
        writeln!(f, "{margin}--> {}", self.place)?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{number} | {}", self.line)?;
        write!(f, "{margin} | {before}{marks}")?;
        self.remarks.iter().try_for_each(|(kind, remark)| write!(f, "\n{margin} = {kind}: {remark}"))
    }
}
