//! Tokens: operators, words, and the ends of lines, with the lines of here-documents taken away behind them.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::words::Reading;
use super::{MAX_DEPTH, Part, Position, Quoted, SyntaxError, SyntaxErrorKind, Word};

/// A token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(Word),
    /// A number directly before `<` or `>`.
    Number(usize),
    Operator(&'static str),
    Newline,
    End,
}

/// Longer ones first.
const OPERATORS: [&str; 14] = ["<<<", "&&", "||", ";;", "<<", ">>", "<&", ">&", "|", "&", ";", "<", ">", "("];

/// A here-document whose lines are still to come.
struct Pending {
    delimiter: String,
    is_quoted: bool,
    strips_tabs: bool,
    body: Rc<OnceCell<Word>>,
    at: usize,
}

pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    /// The next byte.
    pub(super) at: usize,
    /// Where the token begins that was read last, and where it ends.
    pub(super) token_at: usize,
    pub(super) token_end: usize,
    peeked: Option<Token>,
    pub(super) depth: usize,
    pending: Vec<Pending>,
}

impl<'a> Lexer<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, token_at: 0, token_end: 0, peeked: None, depth: 0, pending: Vec::new() }
    }

    /// Line and column of a byte.
    pub(super) fn position(&self, at: usize) -> Position {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Position { line: line as u32, column: column as u32 }
    }

    pub(super) fn error<T>(&self, at: usize, kind: SyntaxErrorKind) -> Result<T, SyntaxError> {
        Err(SyntaxError { at: self.position(at), kind })
    }

    /// One level further in.
    pub(super) fn deeper<T>(
        &mut self,
        act: impl FnOnce(&mut Self) -> Result<T, SyntaxError>,
    ) -> Result<T, SyntaxError> {
        if self.depth == MAX_DEPTH {
            return self.error(self.at, SyntaxErrorKind::TooDeep);
        }
        self.depth += 1;
        let done = act(self);
        self.depth -= 1;
        done
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn character(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn take(&mut self) -> Option<char> {
        let next = self.character()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let is_there = self.rest().starts_with(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Result<&Token, SyntaxError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.read()?,
        };
        Ok(self.peeked.insert(token))
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token, SyntaxError> {
        let token = match self.peeked.take() {
            Some(token) => token,
            None => self.read()?,
        };
        self.token_end = self.at;
        Ok(token)
    }

    fn skip_blanks(&mut self) {
        loop {
            if self.eat("\\\n") || self.eat(" ") || self.eat("\t") || self.eat("\r") {
                continue;
            }
            if self.rest().starts_with('#') {
                self.at += self.rest().find('\n').unwrap_or(self.rest().len());
            }
            return;
        }
    }

    fn read(&mut self) -> Result<Token, SyntaxError> {
        self.skip_blanks();
        self.token_at = self.at;
        let Some(next) = self.character() else { return self.end() };
        if next == '\n' {
            self.at += 1;
            self.here_documents()?;
            return Ok(Token::Newline);
        }
        if let Some(operator) = OPERATORS.into_iter().chain([")"]).find(|operator| self.eat(operator)) {
            return Ok(Token::Operator(operator));
        }
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if (1..4).contains(&digits) && self.rest()[digits..].starts_with(['<', '>']) {
            let number = self.rest()[..digits].parse().unwrap_or(usize::MAX);
            self.at += digits;
            return Ok(Token::Number(number));
        }
        let begins = self.at;
        let word = self.word(Reading::Word)?;
        // Those of a substitution within it were read meanwhile.
        self.token_at = begins;
        Ok(Token::Word(word))
    }

    fn end(&mut self) -> Result<Token, SyntaxError> {
        match self.pending.first() {
            Some(pending) => self.error(pending.at, SyntaxErrorKind::Open("here-document")),
            None => Ok(Token::End),
        }
    }

    /// Remembers that a here-document begins with the next line; `<<` was just read.
    pub(super) fn here_document(&mut self) -> Result<Rc<OnceCell<Word>>, SyntaxError> {
        let strips_tabs = self.eat("-");
        let at = self.at;
        let Token::Word(word) = self.next()? else {
            return self.error(at, SyntaxErrorKind::MissingWord);
        };
        let (mut delimiter, mut is_quoted) = (String::new(), false);
        for part in &word.parts {
            let Part::Text(text, quoted) = part else {
                return self.error(at, SyntaxErrorKind::MissingWord);
            };
            delimiter.push_str(text);
            is_quoted |= *quoted == Quoted::Yes;
        }
        let body = Rc::new(OnceCell::new());
        self.pending.push(Pending { delimiter, is_quoted, strips_tabs, body: Rc::clone(&body), at });
        Ok(body)
    }

    /// Takes the lines away that belong to here-documents; a line has just ended.
    fn here_documents(&mut self) -> Result<(), SyntaxError> {
        for pending in core::mem::take(&mut self.pending) {
            let mut body = String::new();
            let begins = self.at;
            loop {
                if self.rest().is_empty() {
                    return self.error(pending.at, SyntaxErrorKind::Open("here-document"));
                }
                let line = self.rest().split_inclusive('\n').next().unwrap_or_default();
                self.at += line.len();
                let line = if pending.strips_tabs { line.trim_start_matches('\t') } else { line };
                if line.strip_suffix('\n').unwrap_or(line) == pending.delimiter {
                    break;
                }
                body.push_str(line);
            }
            let word = if pending.is_quoted {
                Word { parts: [Part::Text(body, Quoted::Yes)].into(), at: self.position(begins) }
            } else {
                let mut inner = Lexer { depth: self.depth, ..Lexer::new(&body) };
                inner.word(Reading::HereDocument)?
            };
            // It is new.
            let _ = pending.body.set(word);
        }
        Ok(())
    }
}
