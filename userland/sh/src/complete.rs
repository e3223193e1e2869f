//! How a word at the cursor could go on: commands, variables, paths.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::editor::{Complete, Completion};
use crate::shell::{BUILTINS, Shell};
use crate::world::{PathKind, World};

/// Words that a command follows.
const BEFORE_COMMANDS: [&str; 10] = ["!", "{", "if", "then", "elif", "else", "while", "until", "do", "exec"];
/// Characters that mean something in a script.
const SPECIAL: &str = " \t\\'\"$`*?[]&|;<>(){}#~!";

impl<W: World> Complete for Shell<W> {
    fn complete(&mut self, line: &str) -> Completion {
        let (from, word) = last_word(line);
        // A variable may stand anywhere in a word, also in quotes.
        let name =
            line.trim_end_matches(|character: char| character.is_ascii_alphanumeric() || character == '_');
        let (from, mut words) = if let Some(before) = name.strip_suffix('$') {
            (before.len(), self.variables_like(&line[name.len()..]))
        } else if is_command(&line[..from]) && !word.contains('/') {
            (from, self.commands_like(&word))
        } else {
            (from, self.paths_like(&word))
        };
        words.sort();
        words.dedup();
        Completion { from, words }
    }
}

impl<W: World> Shell<W> {
    fn variables_like(&self, begin: &str) -> Vec<String> {
        let names = self.variables.all().map(|(name, _)| name);
        names.filter(|name| name.starts_with(begin)).map(|name| format!("${name}")).collect()
    }

    fn commands_like(&mut self, begin: &str) -> Vec<String> {
        let builtins = BUILTINS.iter().map(|(name, ..)| String::from(*name));
        let mut all: Vec<String> = builtins.chain(self.function_names()).collect();
        all.extend(self.world.programs());
        all.retain(|name| name.starts_with(begin));
        all.iter_mut().for_each(|name| name.push(' '));
        all
    }

    fn paths_like(&mut self, begin: &str) -> Vec<String> {
        let (directory, name) = match begin.rfind('/') {
            Some(slash) => begin.split_at(slash + 1),
            None => ("", begin),
        };
        let names = self.world.list(if directory.is_empty() { "." } else { directory }).unwrap_or_default();
        let mut found = Vec::new();
        for of in names {
            // Hidden ones are only meant by who begins with the dot.
            if !of.starts_with(name) || of.starts_with('.') && name.is_empty() {
                continue;
            }
            let path = format!("{directory}{of}");
            let end = if self.world.look(&path) == Some(PathKind::Directory) { '/' } else { ' ' };
            found.push(format!("{}{end}", escaped(&path)));
        }
        found
    }
}

/// The word before the cursor, with its backslashes and quotes taken away, and where it begins.
fn last_word(line: &str) -> (usize, String) {
    let (mut from, mut word, mut quote) = (0, String::new(), None);
    let mut characters = line.char_indices();
    while let Some((place, character)) = characters.next() {
        match (quote, character) {
            (None, '\\') => word.extend(characters.next().map(|(_, next)| next)),
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, ' ' | '\t' | '|' | '&' | ';' | '(' | ')' | '<' | '>' | '=') => {
                word.clear();
                from = place + 1;
            }
            (_, other) => word.push(other),
        }
    }
    (from, word)
}

/// Whether a command's name stands behind that.
fn is_command(before: &str) -> bool {
    let before = before.trim_end();
    before.is_empty()
        || before.ends_with(['|', '&', ';', '('])
        || BEFORE_COMMANDS.contains(&before.rsplit([' ', ';', '\t']).next().unwrap_or_default())
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if SPECIAL.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
