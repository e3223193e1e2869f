//! Words become fields: parameters, substitutions, splitting, patterns (POSIX XCU 2.6).

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use super::arithmetic::{self, Names};
use super::{Flow, Shell};
use crate::pattern::Pattern;
use crate::syntax::{Change, Empty, Extent, Parameter, Part, Quoted, Side, Word};
use crate::world::World;

/// Bytes that one word may come to, and fields of one command.
const MAX_BYTES: usize = 1 << 20;
const MAX_FIELDS: usize = 16_384;

/// A part of what a word comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String, Quoted),
    /// The field ends here, if there is one.
    Blank,
    /// The field ends here, even if it is empty.
    Separator,
}

/// A field under way.
#[derive(Debug, Default)]
struct Field {
    text: String,
    /// The same as a pattern, in which quoted characters are nothing special.
    pattern: String,
}

impl Field {
    fn push(&mut self, text: &str, quoted: Quoted) {
        self.text.push_str(text);
        push_pattern(&mut self.pattern, text, quoted);
    }
}

fn push_pattern(pattern: &mut String, text: &str, quoted: Quoted) {
    match quoted {
        Quoted::No => pattern.push_str(text),
        Quoted::Yes => {
            for character in text.chars() {
                if matches!(character, '*' | '?' | '[' | ']' | '\\' | '-' | '!' | '^') {
                    pattern.push('\\');
                }
                pattern.push(character);
            }
        }
    }
}

impl<W: World> Names for Shell<W> {
    fn value(&self, name: &str) -> Option<String> {
        self.parameter(name)
    }

    fn set(&mut self, name: &str, value: i64) {
        self.variables.set(name, &value.to_string());
    }
}

impl<W: World> Shell<W> {
    /// The fields of a command's words.
    pub(super) fn fields(&mut self, words: &[Word]) -> Result<Vec<String>, Flow> {
        let mut all = Vec::new();
        for word in words {
            let pieces = self.pieces(word)?;
            for field in assemble(pieces) {
                self.find_paths(field.text, &field.pattern, &mut all);
                if all.len() > MAX_FIELDS {
                    self.complain("these are too many words");
                    return Err(Flow::Abandon(1));
                }
            }
        }
        Ok(all)
    }

    fn find_paths(&mut self, text: String, pattern: &str, all: &mut Vec<String>) {
        if self.options.no_patterns || !pattern.contains(['*', '?', '[']) {
            return all.push(text);
        }
        let found = self.paths(pattern);
        // Nothing that matches: it stands for itself.
        if found.is_empty() { all.push(text) } else { all.extend(found) }
    }

    /// A word as one text, which is neither split nor a pattern.
    pub(super) fn text(&mut self, word: &Word) -> Result<String, Flow> {
        let separator = self.separator();
        let mut text = String::new();
        for piece in self.pieces_unsplit(word)? {
            match piece {
                Piece::Text(more, _) => text.push_str(&more),
                Piece::Blank | Piece::Separator => text.extend(separator),
            }
        }
        Ok(text)
    }

    /// A word as a pattern.
    pub(super) fn pattern(&mut self, word: &Word) -> Result<Pattern, Flow> {
        let mut pattern = String::new();
        for piece in self.pieces_unsplit(word)? {
            match piece {
                Piece::Text(more, quoted) => push_pattern(&mut pattern, &more, quoted),
                Piece::Blank | Piece::Separator => pattern.push(' '),
            }
        }
        Ok(Pattern::new(&pattern))
    }

    /// What stands between arguments in `"$*"`.
    fn separator(&self) -> Option<char> {
        self.variables.value("IFS").map_or(Some(' '), |separators| separators.chars().next())
    }

    fn pieces(&mut self, word: &Word) -> Result<Vec<Piece>, Flow> {
        let mut pieces = Vec::new();
        for piece in self.raw_pieces(word)? {
            match piece {
                (piece, Origin::Script) => pieces.push(piece),
                (Piece::Text(text, Quoted::No), Origin::Value) => self.split(&text, &mut pieces),
                (piece, Origin::Value) => pieces.push(piece),
            }
        }
        Ok(pieces)
    }

    fn pieces_unsplit(&mut self, word: &Word) -> Result<Vec<Piece>, Flow> {
        Ok(self.raw_pieces(word)?.into_iter().map(|(piece, _)| piece).collect())
    }

    /// Splits a value at the characters of `IFS`.
    fn split(&self, text: &str, pieces: &mut Vec<Piece>) {
        let separators = self.variables.value("IFS").unwrap_or(" \t\n");
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|character| separators.contains(character)).unwrap_or(rest.len());
            if end > 0 {
                pieces.push(Piece::Text(rest[..end].into(), Quoted::No));
            }
            rest = &rest[end..];
            let Some(separator) = rest.chars().next() else { return };
            rest = &rest[separator.len_utf8()..];
            let is_blank = matches!(separator, ' ' | '\t' | '\n');
            // Blanks beside another separator belong to it.
            let is_beside = matches!(pieces.last(), Some(Piece::Separator));
            match (is_blank, pieces.last()) {
                (true, Some(Piece::Blank | Piece::Separator)) => {}
                (true, _) => pieces.push(Piece::Blank),
                (false, Some(Piece::Blank)) if !is_beside && pieces.len() > 1 => {
                    pieces.pop();
                    pieces.push(Piece::Separator);
                }
                (false, _) => pieces.push(Piece::Separator),
            }
        }
    }

    fn raw_pieces(&mut self, word: &Word) -> Result<Vec<(Piece, Origin)>, Flow> {
        let mut pieces = Vec::new();
        let mut bytes = 0;
        for (place, part) in word.parts.iter().enumerate() {
            match part {
                Part::Text(text, Quoted::No) if place == 0 && text.starts_with('~') => {
                    let text = self.home(text, word.parts.len() == 1);
                    pieces.push((Piece::Text(text, Quoted::No), Origin::Script));
                }
                Part::Text(text, quoted) => pieces.push((Piece::Text(text.clone(), *quoted), Origin::Script)),
                Part::Parameter(parameter, quoted) => {
                    self.parameter_pieces(parameter, *quoted, &mut pieces)?
                }
                Part::Output(list, quoted) => {
                    let output = self.output(list)?;
                    pieces.push((Piece::Text(output, *quoted), Origin::Value));
                }
                Part::Arithmetic(word, quoted) => {
                    let text = self.text(word)?;
                    match arithmetic::evaluate(&text, self) {
                        Ok(value) => pieces.push((Piece::Text(value.to_string(), *quoted), Origin::Value)),
                        Err(why) => return self.give_up(&why),
                    }
                }
            }
            bytes = pieces.iter().fold(0, |bytes, (piece, _)| match piece {
                Piece::Text(text, _) => bytes + text.len(),
                _ => bytes,
            });
            if bytes > MAX_BYTES {
                break;
            }
        }
        if bytes > MAX_BYTES { self.give_up("this word becomes too long") } else { Ok(pieces) }
    }

    /// An error that the line can't go on from.
    fn give_up<T>(&mut self, why: &str) -> Result<T, Flow> {
        self.complain(why);
        Err(Flow::Abandon(1))
    }

    /// `~` and `~/...`.
    fn home(&self, text: &str, is_all: bool) -> String {
        let rest = &text[1..];
        match self.variables.value("HOME") {
            Some(home) if rest.starts_with('/') || rest.is_empty() && is_all => {
                format!("{}{rest}", home.trim_end_matches('/'))
            }
            _ => text.into(),
        }
    }

    /// The value of a parameter; arguments together are none.
    pub(super) fn parameter(&self, name: &str) -> Option<String> {
        if let Ok(number) = name.parse::<usize>() {
            return match number.checked_sub(1) {
                None => Some(self.name.clone()),
                Some(place) => self.arguments.get(place).cloned(),
            };
        }
        Some(match name {
            "?" => self.status.to_string(),
            "$" => self.world.process().to_string(),
            "#" => self.arguments.len().to_string(),
            "!" => self.jobs.last_process()?.to_string(),
            "-" => self.options_text(),
            name => return self.variables.value(name).map(String::from),
        })
    }

    fn parameter_pieces(
        &mut self,
        parameter: &Parameter,
        quoted: Quoted,
        pieces: &mut Vec<(Piece, Origin)>,
    ) -> Result<(), Flow> {
        let is_list = matches!(&*parameter.name, "@" | "*");
        if is_list && parameter.change == Change::None {
            self.argument_pieces(&parameter.name, quoted, pieces);
            return Ok(());
        }
        let value = if is_list {
            (!self.arguments.is_empty()).then(|| self.arguments.join(" "))
        } else {
            self.parameter(&parameter.name)
        };
        if self.options.unset_is_error
            && value.is_none()
            && matches!(parameter.change, Change::None | Change::Length | Change::Trim(..))
        {
            return self.give_up(&format!("{}: is not set", parameter.name));
        }
        let is_set =
            |empty: Empty| value.as_ref().is_some_and(|value| empty == Empty::IsSet || !value.is_empty());
        let text = match &parameter.change {
            Change::None => value.unwrap_or_default(),
            Change::Length if is_list => self.arguments.len().to_string(),
            Change::Length => value.unwrap_or_default().chars().count().to_string(),
            Change::Default(empty, word) if !is_set(*empty) => {
                return self.word_pieces(word, quoted, pieces);
            }
            Change::Alternative(empty, word) if is_set(*empty) => {
                return self.word_pieces(word, quoted, pieces);
            }
            Change::Alternative(..) => String::new(),
            Change::Assign(empty, word) if !is_set(*empty) => {
                let text = self.text(word)?;
                self.variables.set(&parameter.name, &text);
                text
            }
            Change::Error(empty, word) if !is_set(*empty) => {
                let text = self.text(word)?;
                let why = if text.is_empty() { "is not set" } else { &*text };
                return self.give_up(&format!("{}: {why}", parameter.name));
            }
            Change::Default(..) | Change::Assign(..) | Change::Error(..) => value.unwrap_or_default(),
            Change::Trim(side, extent, word) => {
                let pattern = self.pattern(word)?;
                trimmed(&value.unwrap_or_default(), *side, *extent, &pattern)
            }
        };
        pieces.push((Piece::Text(text, quoted), Origin::Value));
        Ok(())
    }

    /// A word within `${...}`, whose own quotes hold.
    fn word_pieces(
        &mut self,
        word: &Word,
        quoted: Quoted,
        pieces: &mut Vec<(Piece, Origin)>,
    ) -> Result<(), Flow> {
        if quoted == Quoted::Yes {
            let text = self.text(word)?;
            pieces.push((Piece::Text(text, Quoted::Yes), Origin::Value));
        } else {
            let inner = self.raw_pieces(word)?;
            // Its blanks split, too, unless they are quoted.
            pieces.extend(inner.into_iter().map(|(piece, _)| (piece, Origin::Value)));
        }
        Ok(())
    }

    fn argument_pieces(&self, name: &str, quoted: Quoted, pieces: &mut Vec<(Piece, Origin)>) {
        if quoted == Quoted::Yes && name == "*" {
            let mut text = String::new();
            for (place, argument) in self.arguments.iter().enumerate() {
                text.extend(self.separator().filter(|_| place > 0));
                text.push_str(argument);
            }
            return pieces.push((Piece::Text(text, quoted), Origin::Value));
        }
        if self.arguments.is_empty()
            && quoted == Quoted::Yes
            && pieces.last().is_some_and(|(piece, _)| *piece == Piece::Text(String::new(), Quoted::Yes))
        {
            // "$@" without arguments is no field, though its quotes would be an empty one.
            pieces.pop();
        }
        for (place, argument) in self.arguments.iter().enumerate() {
            if place > 0 {
                pieces.push((Piece::Blank, Origin::Value));
            }
            pieces.push((Piece::Text(argument.clone(), quoted), Origin::Value));
        }
    }

    /// What commands print, without the ends of lines at its end.
    fn output(&mut self, list: &crate::syntax::List) -> Result<String, Flow> {
        let sink = match self.world.sink() {
            Ok(sink) => sink,
            Err(why) => return self.give_up(&why),
        };
        let status = self.deeper(|shell| {
            shell.subshell(|shell| {
                shell.streams[1] = sink.clone();
                shell.list(list)
            })
        })?;
        self.substituted = Some(status);
        let Some(bytes) = self.world.written(&sink) else {
            return self.give_up("a substitution prints more than memory can take");
        };
        let mut text = String::from_utf8_lossy(&bytes).replace('\0', "");
        text.truncate(text.trim_end_matches('\n').len());
        Ok(text)
    }
}

/// Where a piece comes from: what comes from values is split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Script,
    Value,
}

fn assemble(pieces: Vec<Piece>) -> Vec<Field> {
    let (mut fields, mut field) = (Vec::new(), None::<Field>);
    for piece in pieces {
        match piece {
            Piece::Text(text, Quoted::No) if text.is_empty() => {}
            Piece::Text(text, quoted) => field.get_or_insert_default().push(&text, quoted),
            Piece::Blank => fields.extend(field.take()),
            Piece::Separator => fields.push(field.take().unwrap_or_default()),
        }
    }
    fields.extend(field);
    fields
}

/// A value without what matches at one of its sides.
fn trimmed(value: &str, side: Side, extent: Extent, pattern: &Pattern) -> String {
    let mut places: Vec<usize> = value.char_indices().map(|(place, _)| place).chain([value.len()]).collect();
    // As little as matches is tried first, or as much.
    if (side == Side::End) == (extent == Extent::Least) {
        places.reverse();
    }
    for place in places {
        let (before, behind) = value.split_at(place);
        let (part, rest) = if side == Side::Beginning { (before, behind) } else { (behind, before) };
        if pattern.matches(part) {
            return rest.into();
        }
    }
    value.into()
}
