//! Which lines a pattern finds: regular expressions of the crate `regex-automata`, in time proportional to the line whatever the expression.
//!
//! `.` any character, `[a-z]`, `*` `+` `?` `{2,3}`, `|`, `( )`, `^` and `$` the line's ends, `\b` a word's end, `\d` `\s` `\w` classes of ASCII.

use alloc::format;
use alloc::string::{String, ToString as _};

use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::nfa::thompson::{self, NFA};
use regex_automata::util::syntax::{Config, parse_with};

/// Bytes that the automaton of a pattern may take.
const MAX_SIZE: usize = 1 << 20;
/// Bytes of the longest pattern.
const MAX_PATTERN: usize = 4096;

/// How a pattern is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Syntax {
    /// As text, in which nothing is special.
    pub is_text: bool,
    /// Upper and lower case are the same.
    pub folds_case: bool,
    /// Only whole words count.
    pub is_word: bool,
    /// Only whole lines count.
    pub is_line: bool,
}

/// Finds lines.
#[derive(Debug)]
pub struct Matcher {
    machine: PikeVM,
    cache: Cache,
}

impl Matcher {
    /// By a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(pattern: &str, syntax: Syntax) -> Result<Self, String> {
        if pattern.len() > MAX_PATTERN {
            return Err("the pattern is too long".to_string());
        }
        let pattern = if syntax.is_text { escaped(pattern) } else { pattern.to_string() };
        let pattern = if syntax.is_word { format!(r"\b(?:{pattern})\b") } else { pattern };
        let pattern = if syntax.is_line { format!("^(?:{pattern})$") } else { pattern };
        let config = Config::new().case_insensitive(syntax.folds_case).unicode(false).utf8(false);
        let limits = thompson::Config::new().utf8(false).nfa_size_limit(Some(MAX_SIZE));
        let expression = parse_with(&pattern, &config).map_err(|error| {
            let text = format!("{error}");
            // Its last line says what is wrong, those before where.
            let why = text.lines().last().unwrap_or_default();
            format!("the pattern is none: {}", why.strip_prefix("error: ").unwrap_or(why))
        })?;
        let automaton = NFA::compiler().configure(limits).build_from_hir(&expression);
        let automaton = automaton.map_err(|_| "the pattern takes too much memory".to_string())?;
        let machine = PikeVM::new_from_nfa(automaton).map_err(|error| format!("the pattern: {error}"))?;
        let cache = machine.create_cache();
        Ok(Self { machine, cache })
    }

    /// Whether it finds something in a line.
    pub fn finds(&mut self, line: &[u8]) -> bool {
        self.machine.is_match(&mut self.cache, line)
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if character.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn finds(pattern: &str, syntax: Syntax, line: &str) -> bool {
        Matcher::new(pattern, syntax).unwrap().finds(line.as_bytes())
    }

    const PLAIN: Syntax = Syntax { is_text: false, folds_case: false, is_word: false, is_line: false };

    #[test]
    fn expressions() {
        for (pattern, line) in [
            ("b+c", "abbc"),
            ("^a.c$", "abc"),
            (r"\d{2,3}", "a123"),
            ("(one|two) three", "x two three"),
            ("[^a]", "aab"),
            ("", "anything"),
            ("ü", "grün"),
        ] {
            assert!(finds(pattern, PLAIN, line), "{pattern} {line}");
        }
        assert!(!finds("^b", PLAIN, "ab"));
        let text = Syntax { is_text: true, ..PLAIN };
        assert!(finds("a.*[", text, "xa.*[y") && !finds("a.c", text, "abc"));
        assert!(finds("ABC", Syntax { folds_case: true, ..PLAIN }, "xabcx"));
        let word = Syntax { is_word: true, ..PLAIN };
        assert!(finds("is", word, "it is so") && !finds("is", word, "this"));
        let line = Syntax { is_line: true, ..PLAIN };
        assert!(finds("a|b", line, "b") && !finds("a|b", line, "bc"));
        let why = Matcher::new("(", PLAIN).map(|_| ()).unwrap_err();
        assert_eq!(why, "the pattern is none: unclosed group");
        assert!(Matcher::new("(((a{99}){99}){99}){99}", PLAIN).is_err(), "it would take too much memory");
    }

    proptest! {
        #[test]
        fn text_finds_itself(text in "[a-z.*+\\[\\]()$^|\\\\ü -]{0,20}") {
            let is_found = finds(&text, Syntax { is_text: true, ..PLAIN }, &text);
            prop_assert!(is_found);
        }
    }
}
