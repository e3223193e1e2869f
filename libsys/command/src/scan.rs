//! The scanner: one pass over the characters, no look-back, no recursion.

use alloc::{string::String, vec::Vec};
use core::{iter::Peekable, mem, str::CharIndices};

use crate::{Connector, MAX_STEPS, MAX_WORDS, ParseError, ParseErrorKind, Step};

/// Runs the scanner over a line already known to be short enough.
pub(crate) fn steps(line: &str) -> Result<Vec<Step>, ParseError> {
    let mut scanner = Scanner {
        input: line.char_indices().peekable(),
        end: line.len(),
        steps: Vec::new(),
        connector: Connector::First,
        words: Vec::new(),
        words_before: 0,
    };
    scanner.run()?;
    Ok(scanner.steps)
}

struct Scanner<'a> {
    input: Peekable<CharIndices<'a>>,
    end: usize,
    steps: Vec<Step>,
    /// How the step being collected is tied to the one before.
    connector: Connector,
    words: Vec<String>,
    /// Words in the finished steps.
    words_before: usize,
}

impl Scanner<'_> {
    fn run(&mut self) -> Result<(), ParseError> {
        while let Some(&(position, character)) = self.input.peek() {
            match character {
                ' ' | '\t' | '\r' => {
                    self.input.next();
                }
                '\n' => {
                    self.input.next();
                    // Empty lines are fine, also behind a `&&` or `||`.
                    if !self.words.is_empty() {
                        self.finish_step(position, Connector::Then)?;
                    }
                }
                ';' => {
                    self.input.next();
                    self.finish_step(position, Connector::Then)?;
                }
                '&' => {
                    self.input.next();
                    if self.input.next_if(|&(_, next)| next == '&').is_none() {
                        return Err(error(position, ParseErrorKind::LoneAmpersand));
                    }
                    self.finish_step(position, Connector::AndThen)?;
                }
                '|' if self.is_double() => {
                    self.input.next();
                    self.input.next();
                    self.finish_step(position, Connector::OrElse)?;
                }
                _ => self.word(position)?,
            }
        }
        if !self.words.is_empty() {
            self.finish_step(self.end, Connector::Then)
        } else if matches!(self.connector, Connector::AndThen | Connector::OrElse) {
            Err(error(self.end, ParseErrorKind::MissingCommand))
        } else {
            Ok(())
        }
    }

    /// Whether the next two characters are the same.
    fn is_double(&self) -> bool {
        let mut ahead = self.input.clone().map(|(_, character)| character);
        ahead.next().is_some_and(|first| ahead.next() == Some(first))
    }

    /// Closes the step collected so far; the next one will be tied to it by `next`.
    fn finish_step(&mut self, position: usize, next: Connector) -> Result<(), ParseError> {
        if self.words.is_empty() {
            return Err(error(position, ParseErrorKind::MissingCommand));
        }
        if self.steps.len() == MAX_STEPS {
            return Err(error(position, ParseErrorKind::TooManySteps));
        }
        let words = mem::take(&mut self.words);
        self.words_before += words.len();
        self.steps.push(Step { connector: mem::replace(&mut self.connector, next), words });
        Ok(())
    }

    /// Reads one word, of which `start` is the first byte.
    fn word(&mut self, start: usize) -> Result<(), ParseError> {
        if self.words_before + self.words.len() == MAX_WORDS {
            return Err(error(start, ParseErrorKind::TooManyWords));
        }
        let mut word = String::new();
        loop {
            let ends = matches!(self.input.peek(), Some((_, '|'))) && self.is_double();
            let of_word = |next| !ends && !matches!(next, ' ' | '\t' | '\r' | '\n' | ';' | '&');
            let Some((position, character)) = self.input.next_if(|&(_, next)| of_word(next)) else { break };
            match character {
                '\'' => self.single_quoted(position, &mut word)?,
                '"' => self.double_quoted(position, &mut word)?,
                '\\' => match self.input.next() {
                    Some((_, literal)) => word.push(literal),
                    None => return Err(error(position, ParseErrorKind::LoneBackslash)),
                },
                other => word.push(other),
            }
        }
        self.words.push(word);
        Ok(())
    }

    fn single_quoted(&mut self, open: usize, word: &mut String) -> Result<(), ParseError> {
        for (_, character) in self.input.by_ref() {
            match character {
                '\'' => return Ok(()),
                other => word.push(other),
            }
        }
        Err(error(open, ParseErrorKind::OpenQuote))
    }

    fn double_quoted(&mut self, open: usize, word: &mut String) -> Result<(), ParseError> {
        while let Some((_, character)) = self.input.next() {
            match character {
                '"' => return Ok(()),
                '\\' => match self.input.next_if(|&(_, next)| matches!(next, '"' | '\\')) {
                    Some((_, escaped)) => word.push(escaped),
                    None => word.push('\\'),
                },
                other => word.push(other),
            }
        }
        Err(error(open, ParseErrorKind::OpenQuote))
    }
}

fn error(position: usize, kind: ParseErrorKind) -> ParseError {
    ParseError { position, kind }
}
