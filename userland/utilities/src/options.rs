//! Options of a command line: letters behind a minus, with values or without (POSIX XBD 12.2). `--` ends them.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Wrong {}

/// Options and what follows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Each letter, with its value if it has one, in their order.
    given: Vec<(char, Option<String>)>,
    /// All other words.
    pub words: Vec<String>,
}

impl Options {
    /// Sorts the words. `known` has the letters that there are, those with a value followed by a colon: `"ln:r"`. A minus with digits is the letter `#`, if that is known:
    /// `-20`.
    ///
    /// # Errors
    /// A letter that is not known; a value that is missing.
    pub fn of(arguments: &[String], known: &str) -> Result<Self, Wrong> {
        let (mut options, mut rest) = (Self::default(), arguments.iter());
        while let Some(word) = rest.next() {
            let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) else {
                options.words.push(word.clone());
                continue;
            };
            if letters == "-" {
                options.words.extend(rest.by_ref().cloned());
                break;
            }
            if known.contains('#') && letters.bytes().all(|byte| byte.is_ascii_digit()) {
                options.given.push(('#', Some(letters.to_string())));
                continue;
            }
            let mut characters = letters.chars();
            while let Some(letter) = characters.next() {
                let at = known.find(letter).filter(|_| !matches!(letter, ':' | '#'));
                let Some(at) = at else { return Err(Wrong(format!("there is no option -{letter}"))) };
                if !known[at + letter.len_utf8()..].starts_with(':') {
                    options.given.push((letter, None));
                    continue;
                }
                let attached = characters.as_str();
                let value =
                    if attached.is_empty() { rest.next().cloned() } else { Some(attached.to_string()) };
                let Some(value) = value else { return Err(Wrong(format!("-{letter} lacks its value"))) };
                options.given.push((letter, Some(value)));
                break;
            }
        }
        Ok(options)
    }

    /// Whether a letter was given.
    #[must_use]
    pub fn has(&self, letter: char) -> bool {
        self.given.iter().any(|(given, _)| *given == letter)
    }

    /// The value of a letter, the last one.
    #[must_use]
    pub fn value(&self, letter: char) -> Option<&str> {
        self.given.iter().rev().find(|(given, _)| *given == letter)?.1.as_deref()
    }

    /// The value of a letter as a number.
    ///
    /// # Errors
    /// It is none.
    pub fn number<T: FromStr>(&self, letter: char) -> Result<Option<T>, Wrong> {
        self.value(letter).map(number).transpose()
    }
}

/// A number.
///
/// # Errors
/// It is none, or out of range.
pub fn number<T: FromStr>(text: &str) -> Result<T, Wrong> {
    text.parse().map_err(|_| Wrong(format!("'{text}' is no number that fits here")))
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn of(line: &str, known: &str) -> Result<Options, Wrong> {
        let words: Vec<String> = line.split_whitespace().map(String::from).collect();
        Options::of(&words, known)
    }

    #[test]
    fn letters_values_and_words() {
        let options = of("-la a -n 5 b -k3 - -- -x", "lan:k:").unwrap();
        assert!(options.has('l') && options.has('a') && !options.has('x'));
        assert_eq!((options.number::<u32>('n'), options.value('k')), (Ok(Some(5)), Some("3")));
        assert_eq!(options.words, ["a", "b", "-", "-x"]);
        assert_eq!(of("-20 f", "#n:").unwrap().value('#'), Some("20"));
        assert_eq!(of("-x", "l"), Err(Wrong("there is no option -x".into())));
        assert_eq!(of("-:", "n:"), Err(Wrong("there is no option -:".into())));
        assert_eq!(of("-n", "n:"), Err(Wrong("-n lacks its value".into())));
        assert_eq!(
            of("-n x", "n:").unwrap().number::<u32>('n'),
            Err(Wrong("'x' is no number that fits here".into()))
        );
    }

    proptest! {
        #[test]
        fn any_words(words in proptest::collection::vec("[-a-c#:ü0-9]{0,6}", 0..8)) {
            let _any = Options::of(&words, "ab:#");
        }
    }
}
