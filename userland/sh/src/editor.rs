//! The editor of a line that a person types: bytes in, bytes for the terminal out.
//!
//! | key | |
//! |---|---|
//! | arrows, Home, End, Ctrl-A, -E, -B, -F | move; Alt-B, Alt-F and Ctrl with arrows by words |
//! | Backspace, Delete, Ctrl-D | delete a character; Ctrl-D on an empty line ends the input |
//! | Ctrl-K, -U, -W, Alt-D, Alt-Backspace | cut to the end, to the beginning, a word; Ctrl-Y puts in what was cut |
//! | Ctrl-T | exchanges two characters |
//! | Up, Down, Ctrl-P, -N | lines that were typed before |
//! | Ctrl-R | looks for one that has a text in it; again for an older one; Ctrl-G gives up |
//! | Tab | completes a word; twice shows how it can go on |
//! | Ctrl-L | clears the screen |
//! | Ctrl-C | gives the line up |

mod keys;
mod line;
mod screen;

pub use keys::{Key, Keys};
pub use screen::COLUMNS;

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use line::{Line, Motion};
use screen::Screen;

/// Lines that are remembered.
pub const MAX_HISTORY: usize = 500;
/// Words of which a person is shown all.
const MAX_SHOWN: usize = 200;

/// What a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// The line is not complete.
    Nothing,
    /// It is.
    Line(String),
    /// It is given up.
    GivenUp,
    /// There will be no more.
    End,
}

/// How a word could go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Where the word begins, in bytes of the line.
    pub from: usize,
    /// What it could be: how it stands in the line.
    pub words: Vec<String>,
}

/// Who knows words.
pub trait Complete {
    /// How the end of `line`, up to the cursor, could go on.
    fn complete(&mut self, line: &str) -> Completion;
}

/// A search for a line.
#[derive(Clone, Debug, Default)]
struct Search {
    text: String,
    /// The line that was found.
    found: Option<usize>,
}

/// The editor.
#[derive(Clone, Debug)]
pub struct Editor {
    keys: Keys,
    line: Line,
    screen: Screen,
    prompt: String,
    history: Vec<String>,
    /// Which of them is shown.
    shown: Option<usize>,
    /// The line that was typed before one of them was shown.
    typed: String,
    search: Option<Search>,
    /// The last key was Tab, and changed nothing.
    is_stuck: bool,
}

impl Default for Editor {
    fn default() -> Self {
        Self {
            keys: Keys::default(),
            line: Line::default(),
            screen: Screen::new(),
            prompt: String::new(),
            history: Vec::new(),
            shown: None,
            typed: String::new(),
            search: None,
            is_stuck: false,
        }
    }
}

impl Editor {
    /// Asks the terminal how wide it is: what to send, at the beginning of a line. Its answer comes as keys.
    #[must_use]
    pub const fn ask_columns() -> &'static str {
        // To a column that there is not, and back.
        "\u{1b}7\u{1b}[999C\u{1b}[6n\u{1b}8"
    }

    /// The terminal is so wide.
    pub fn set_columns(&mut self, columns: usize) {
        self.screen.set_columns(columns);
    }

    /// How wide it is.
    #[must_use]
    pub const fn columns(&self) -> usize {
        self.screen.columns()
    }

    /// Shows a prompt.
    pub fn begin(&mut self, prompt: &str, out: &mut String) {
        self.prompt = prompt.into();
        self.line.set("");
        (self.shown, self.search, self.is_stuck) = (None, None, false);
        self.screen.begin();
        out.push_str(prompt);
        // Where the cursor is then.
        let mut nowhere = String::new();
        self.screen.draw(prompt, "", "", &mut nowhere);
    }

    /// Remembers a line, unless it is the same as the last one, or begins with a blank.
    pub fn remember(&mut self, line: &str) {
        let is_new = self.history.last().is_none_or(|last| last != line);
        if line.trim().is_empty() || line.starts_with(' ') || !is_new {
            return;
        }
        if self.history.len() == MAX_HISTORY {
            self.history.remove(0);
        }
        self.history.push(line.into());
    }

    /// Takes a byte; what is to be shown goes to `out`.
    pub fn byte(&mut self, byte: u8, words: &mut impl Complete, out: &mut String) -> Typed {
        match self.keys.byte(byte) {
            Some(key) => self.key(key, words, out),
            None => Typed::Nothing,
        }
    }

    /// Takes a key.
    pub fn key(&mut self, key: Key, words: &mut impl Complete, out: &mut String) -> Typed {
        if let Key::Column(columns) = key {
            self.screen.set_columns(columns.into());
            return Typed::Nothing;
        }
        if self.search.is_some() && self.searched(key, out) {
            return Typed::Nothing;
        }
        let was_stuck = core::mem::take(&mut self.is_stuck);
        match key {
            Key::Control('m' | 'j') => {
                self.screen.leave(&self.prompt, self.line.text(), out);
                return Typed::Line(self.line.take());
            }
            Key::Control('c') => {
                out.push_str("^C");
                self.screen.leave(&self.prompt, self.line.text(), out);
                self.line.take();
                return Typed::GivenUp;
            }
            Key::Control('d') if self.line.text().is_empty() => {
                out.push_str("\r\n");
                return Typed::End;
            }
            Key::Character(character) if !character.is_control() => {
                let is_end = self.line.behind().is_empty();
                let mut buffer = [0; 4];
                if !self.line.insert(character.encode_utf8(&mut buffer))
                    || is_end && self.screen.append(character, out)
                {
                    return Typed::Nothing;
                }
            }
            Key::Backspace => {
                let is_end = self.line.behind().is_empty();
                let deleted = self.line.delete(Motion::Left);
                let Some(character) = deleted.chars().next() else { return Typed::Nothing };
                if is_end && self.screen.erase(character, out) {
                    return Typed::Nothing;
                }
            }
            Key::Control('i') => self.tab(was_stuck, words, out),
            Key::Control('l') => {
                out.push_str("\u{1b}[H\u{1b}[2J");
                self.screen.begin();
            }
            Key::Control('r') => self.search = Some(Search::default()),
            Key::Up | Key::Control('p') => self.older(),
            Key::Down | Key::Control('n') => self.newer(),
            other => {
                if !self.edit(other) {
                    return Typed::Nothing;
                }
            }
        }
        self.draw(out);
        Typed::Nothing
    }

    /// What changes the line or the place in it: whether the key does.
    fn edit(&mut self, key: Key) -> bool {
        let line = &mut self.line;
        match key {
            Key::Left | Key::Control('b') => line.go(Motion::Left),
            Key::Right | Key::Control('f') => line.go(Motion::Right),
            Key::WordLeft | Key::Alt('b') => line.go(Motion::WordLeft),
            Key::WordRight | Key::Alt('f') => line.go(Motion::WordRight),
            Key::Home | Key::Control('a') => line.go(Motion::Beginning),
            Key::End | Key::Control('e') => line.go(Motion::End),
            Key::Delete | Key::Control('d') => _ = line.delete(Motion::Right),
            Key::Control('k') => line.cut(Motion::End),
            Key::Control('u') => line.cut(Motion::Beginning),
            Key::Control('w') => line.cut_word(),
            Key::Alt('d') => line.cut(Motion::WordRight),
            Key::Alt('\u{7f}' | '\u{8}') => line.cut(Motion::WordLeft),
            Key::Control('y') => line.put_in(),
            Key::Control('t') => line.transpose(),
            _ => return false,
        }
        true
    }

    fn draw(&mut self, out: &mut String) {
        match &self.search {
            None => self.screen.draw(&self.prompt, self.line.before(), self.line.behind(), out),
            Some(search) => {
                let prompt = format!("(search '{}') ", search.text);
                let found = search.found.and_then(|found| self.history.get(found));
                self.screen.draw(&prompt, found.map_or("", String::as_str), "", out);
            }
        }
    }

    fn show(&mut self, place: usize) {
        self.shown = Some(place);
        if let Some(line) = self.history.get(place) {
            self.line.set(line);
        }
    }

    fn older(&mut self) {
        match self.shown {
            None if !self.history.is_empty() => {
                self.typed = self.line.text().into();
                self.show(self.history.len() - 1);
            }
            Some(place @ 1..) => self.show(place - 1),
            _ => {}
        }
    }

    fn newer(&mut self) {
        match self.shown {
            Some(place) if place + 1 < self.history.len() => self.show(place + 1),
            Some(_) => {
                self.shown = None;
                let typed = core::mem::take(&mut self.typed);
                self.line.set(&typed);
            }
            None => {}
        }
    }

    /// A key during a search: whether it is done with. If not, the search is over, and the key is one like any other.
    fn searched(&mut self, key: Key, out: &mut String) -> bool {
        let Some(mut search) = self.search.take() else { return false };
        match key {
            Key::Character(character) if !character.is_control() => {
                search.text.push(character);
                let from = search.found.map_or(self.history.len(), |found| found + 1);
                self.look(&mut search, from);
            }
            Key::Backspace => {
                search.text.pop();
                let from = self.history.len();
                self.look(&mut search, from);
            }
            Key::Control('r') => {
                let from = search.found.unwrap_or(0);
                self.look(&mut search, from);
            }
            Key::Control('g' | 'c') => {
                self.draw(out);
                return true;
            }
            _ => {
                if let Some(found) = search.found {
                    self.show(found);
                }
                self.draw(out);
                return false;
            }
        }
        self.search = Some(search);
        self.draw(out);
        true
    }

    /// Looks for a line before that one; what was found before stays if there is none.
    fn look(&self, search: &mut Search, before: usize) {
        let older = self.history.get(..before).unwrap_or_default();
        let found = older.iter().rposition(|line| !search.text.is_empty() && line.contains(&search.text));
        let is_right = |place: usize| self.history.get(place).is_some_and(|line| line.contains(&search.text));
        let before = search.found.filter(|place| !search.text.is_empty() && is_right(*place));
        search.found = found.or(before);
    }

    fn tab(&mut self, was_stuck: bool, words: &mut impl Complete, out: &mut String) {
        let Completion { from, words } = words.complete(self.line.before());
        let Some(common) = common(&words) else { return };
        let now = self.line.before().get(from..).unwrap_or_default();
        if common.len() > now.len() || words.len() == 1 {
            self.line.replace(from, common);
            return;
        }
        if !was_stuck {
            self.is_stuck = true;
            return;
        }
        self.screen.leave(&self.prompt, self.line.text(), out);
        list(&words, self.screen.columns(), out);
        self.screen.begin();
    }
}

/// What all words begin with.
fn common(words: &[String]) -> Option<&str> {
    let first = words.first()?;
    let shared = |length: usize, word: &String| {
        let same = first.char_indices().zip(word.chars()).take_while(|((_, one), other)| one == other);
        same.last().map_or(0, |((place, last), _)| place + last.len_utf8()).min(length)
    };
    let length = words.iter().fold(first.len(), shared);
    Some(&first[..length])
}

/// Words in columns. Of a path the last name is shown.
fn list(words: &[String], columns: usize, out: &mut String) {
    let name = |word: &String| {
        let path = word.trim_end().trim_end_matches('/');
        let begin = path.rfind('/').map_or(0, |slash| slash + 1);
        String::from(word[begin..].trim_end())
    };
    let names: Vec<String> = words.iter().take(MAX_SHOWN).map(name).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0) + 2;
    let per_row = (columns.saturating_sub(1) / width).max(1);
    for row in names.chunks(per_row) {
        let row: String = row.iter().map(|name| format!("{name:width$}")).collect();
        out.push_str(row.trim_end());
        out.push_str("\r\n");
    }
    if words.len() > MAX_SHOWN {
        out.push_str(&format!("and {} more\r\n", words.len() - MAX_SHOWN));
    }
}
