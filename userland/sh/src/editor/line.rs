//! The line, the place in it, and what was cut out of it.

use alloc::string::String;

/// Bytes of the longest line.
pub(super) const MAX_LINE: usize = 16 << 10;

/// A line under way.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    text: String,
    /// A boundary between characters.
    at: usize,
    cut: String,
}

impl Line {
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn before(&self) -> &str {
        &self.text[..self.at]
    }

    pub(super) fn behind(&self) -> &str {
        &self.text[self.at..]
    }

    pub(super) fn set(&mut self, text: &str) {
        self.text = text.into();
        self.at = self.text.len();
    }

    pub(super) fn take(&mut self) -> String {
        self.at = 0;
        core::mem::take(&mut self.text)
    }

    /// Whether it fits.
    pub(super) fn insert(&mut self, text: &str) -> bool {
        let fits = self.text.len() + text.len() <= MAX_LINE;
        if fits {
            self.text.insert_str(self.at, text);
            self.at += text.len();
        }
        fits
    }

    fn left(&self) -> usize {
        self.before().char_indices().next_back().map_or(0, |(place, _)| place)
    }

    fn right(&self) -> usize {
        self.at + self.behind().chars().next().map_or(0, char::len_utf8)
    }

    /// The beginning of the word before.
    fn word_left(&self) -> usize {
        let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let trimmed = self.before().trim_end_matches(|character| !is_of_word(character));
        trimmed.trim_end_matches(is_of_word).len()
    }

    /// The end of the word behind.
    fn word_right(&self) -> usize {
        let is_of_word = |character: char| character.is_alphanumeric() || character == '_';
        let trimmed = self.behind().trim_start_matches(|character| !is_of_word(character));
        self.text.len() - trimmed.trim_start_matches(is_of_word).len()
    }

    pub(super) fn go(&mut self, to: Motion) {
        self.at = match to {
            Motion::Left => self.left(),
            Motion::Right => self.right(),
            Motion::WordLeft => self.word_left(),
            Motion::WordRight => self.word_right(),
            Motion::Beginning => 0,
            Motion::End => self.text.len(),
        };
    }

    /// Removes what lies between the cursor and there.
    pub(super) fn delete(&mut self, to: Motion) -> String {
        let from = self.at;
        self.go(to);
        let (from, to) = (self.at.min(from), self.at.max(from));
        self.at = from;
        self.text.drain(from..to).collect()
    }

    /// The same, to be put in elsewhere.
    pub(super) fn cut(&mut self, to: Motion) {
        let cut = self.delete(to);
        if !cut.is_empty() {
            self.cut = cut;
        }
    }

    /// Cuts back to a blank.
    pub(super) fn cut_word(&mut self) {
        let before = self.before().trim_end();
        let begin = before.rfind(' ').map_or(0, |blank| blank + 1);
        let end = core::mem::replace(&mut self.at, begin);
        let cut: String = self.text.drain(begin..end).collect();
        if !cut.is_empty() {
            self.cut = cut;
        }
    }

    pub(super) fn put_in(&mut self) {
        let cut = core::mem::take(&mut self.cut);
        self.insert(&cut);
        self.cut = cut;
    }

    /// Replaces what stands before the cursor, from that place on.
    pub(super) fn replace(&mut self, from: usize, with: &str) {
        let end = self.at;
        if self.text.is_char_boundary(from) && from <= end && self.text.len() + with.len() <= MAX_LINE {
            self.text.replace_range(from..end, with);
            self.at = from + with.len();
        }
    }

    /// Exchanges the two characters before the cursor, or around it.
    pub(super) fn transpose(&mut self) {
        if self.behind().is_empty() {
            self.at = self.left();
        }
        let (left, right) = (self.left(), self.right());
        if left == self.at || right == self.at {
            return self.go(Motion::End);
        }
        let first: String = self.text.drain(left..self.at).collect();
        self.text.insert_str(right - first.len(), &first);
        self.at = right;
    }
}

/// Where the cursor goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    Left,
    Right,
    WordLeft,
    WordRight,
    Beginning,
    End,
}
