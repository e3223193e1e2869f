//! Words: quotes, and what a `$` begins.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::lexer::Lexer;
use super::{
    Change, Empty, Extent, Parameter, Part, Quoted, Side, SyntaxError, SyntaxErrorKind, Word, is_name,
};

/// What is being read, and so where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A word of a command.
    Word,
    /// The inside of double quotes; the closing one is left.
    Quotes,
    /// All that there is.
    HereDocument,
    /// The inside of `${...}`, in quotes or not; the closing bracket is left.
    Brace(Quoted),
    /// The inside of `$((...))`; the closing brackets are left.
    Arithmetic,
}

impl Reading {
    const fn quoted(self) -> Quoted {
        match self {
            Self::Word | Self::Brace(Quoted::No) => Quoted::No,
            Self::Quotes | Self::HereDocument | Self::Brace(Quoted::Yes) | Self::Arithmetic => Quoted::Yes,
        }
    }
}

/// Adds text to a word, behind text of the same kind if there is.
fn push(parts: &mut Vec<Part>, character: char, quoted: Quoted) {
    if let Some(Part::Text(text, of)) = parts.last_mut()
        && *of == quoted
    {
        text.push(character);
    } else {
        parts.push(Part::Text(character.into(), quoted));
    }
}

impl Lexer<'_> {
    /// A word, or what is like one.
    pub(super) fn word(&mut self, reading: Reading) -> Result<Word, SyntaxError> {
        let (mut parts, begins, mut open) = (Vec::new(), self.at, 0_usize);
        while let Some(next) = self.character() {
            let (at, quoted) = (self.at, reading.quoted());
            match (reading, next) {
                (Reading::Word, ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '<' | '>' | '(' | ')')
                | (Reading::Quotes, '"')
                | (Reading::Brace(_), '}') => break,
                (Reading::Arithmetic, ')') if open == 0 => break,
                (Reading::Arithmetic, '(') => {
                    open += 1;
                    self.take();
                    push(&mut parts, next, quoted);
                }
                (Reading::Arithmetic, ')') => {
                    open -= 1;
                    self.take();
                    push(&mut parts, next, quoted);
                }
                (_, '\\') => {
                    self.take();
                    self.escaped(reading, &mut parts)?;
                }
                (Reading::Word | Reading::Brace(Quoted::No), '\'') => {
                    self.take();
                    let Some(length) = self.rest().find('\'') else {
                        return self.error(at, SyntaxErrorKind::Open("quote"));
                    };
                    let text = self.rest()[..length].into();
                    self.at += length + 1;
                    parts.push(Part::Text(text, Quoted::Yes));
                }
                (Reading::Word | Reading::Brace(_), '"') => {
                    self.take();
                    let inner = self.deeper(|lexer| lexer.word(Reading::Quotes))?;
                    if !self.eat("\"") {
                        return self.error(at, SyntaxErrorKind::Open("quote"));
                    }
                    // Quotes with nothing in them are a word all the same.
                    parts.push(Part::Text(String::new(), Quoted::Yes));
                    parts.extend(inner.parts);
                }
                (_, '$') => self.dollar(quoted, &mut parts)?,
                (_, '`') => {
                    // The old form of `$(...)` has quoting rules of its own.
                    return self.error(at, SyntaxErrorKind::Unexpected("'`' (use '$(...)')"));
                }
                _ => {
                    self.take();
                    push(&mut parts, next, quoted);
                }
            }
        }
        Ok(Word { parts, at: self.position(begins) })
    }

    /// What stands behind a backslash.
    fn escaped(&mut self, reading: Reading, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        match (reading.quoted(), self.character()) {
            (_, Some('\n')) => _ = self.take(),
            (Quoted::No, Some(character)) => {
                self.take();
                push(parts, character, Quoted::Yes);
            }
            (Quoted::Yes, Some(character @ ('$' | '"' | '\\' | '`' | '}'))) => {
                self.take();
                push(parts, character, Quoted::Yes);
            }
            (Quoted::Yes, Some(_)) => push(parts, '\\', Quoted::Yes),
            (_, None) => return self.error(self.at, SyntaxErrorKind::EndsTooEarly),
        }
        Ok(())
    }

    /// What a `$` begins.
    fn dollar(&mut self, quoted: Quoted, parts: &mut Vec<Part>) -> Result<(), SyntaxError> {
        let at = self.at;
        self.take();
        if self.eat("((") {
            let inner = self.deeper(|lexer| lexer.word(Reading::Arithmetic))?;
            if !self.eat("))") {
                return self.error(at, SyntaxErrorKind::Open("'$(('"));
            }
            parts.push(Part::Arithmetic(Box::new(inner), quoted));
        } else if self.eat("(") {
            let list = self.deeper(|lexer| lexer.list_until(")"))?;
            if !self.eat_operator(")")? {
                return self.error(at, SyntaxErrorKind::Open("'$('"));
            }
            parts.push(Part::Output(Rc::new(list), quoted));
        } else if self.eat("{") {
            let parameter = self.deeper(|lexer| lexer.parameter(quoted, at))?;
            if !self.eat("}") {
                return self.error(at, SyntaxErrorKind::Open("'${'"));
            }
            parts.push(Part::Parameter(Box::new(parameter), quoted));
        } else {
            let rest = self.rest();
            let length = match rest.bytes().next() {
                Some(b'0'..=b'9' | b'?' | b'$' | b'#' | b'@' | b'*' | b'!' | b'-') => 1,
                _ => name_length(rest),
            };
            if length == 0 {
                push(parts, '$', quoted);
                return Ok(());
            }
            let name = rest[..length].into();
            self.at += length;
            parts.push(Part::Parameter(Box::new(Parameter { name, change: Change::None }), quoted));
        }
        Ok(())
    }

    /// What stands in `${...}`.
    fn parameter(&mut self, quoted: Quoted, at: usize) -> Result<Parameter, SyntaxError> {
        let is_length = self.rest().starts_with('#') && !self.rest().starts_with("#}");
        if is_length {
            self.take();
        }
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let length = match rest.bytes().next() {
            Some(b'?' | b'$' | b'#' | b'@' | b'*' | b'!' | b'-') => 1,
            _ if digits > 0 => digits,
            _ => name_length(rest),
        };
        let name: String = rest[..length].into();
        self.at += length;
        if name.is_empty() {
            let kind =
                if rest.is_empty() { SyntaxErrorKind::Open("'${'") } else { SyntaxErrorKind::BadParameter };
            return self.error(at, kind);
        }
        if is_length {
            return Ok(Parameter { name, change: Change::Length });
        }
        if self.rest().is_empty() || self.rest().starts_with('}') {
            return Ok(Parameter { name, change: Change::None });
        }
        let trims = [
            ("##", Side::Beginning, Extent::Most),
            ("#", Side::Beginning, Extent::Least),
            ("%%", Side::End, Extent::Most),
            ("%", Side::End, Extent::Least),
        ];
        for (sign, side, extent) in trims {
            if self.eat(sign) {
                // A pattern is one also in quotes; only quotes within take that away.
                let pattern = self.word(Reading::Brace(Quoted::No))?;
                return Ok(Parameter { name, change: Change::Trim(side, extent, pattern) });
            }
        }
        let empty = if self.eat(":") { Empty::IsUnset } else { Empty::IsSet };
        let sign = self.take();
        let mut word = || self.word(Reading::Brace(quoted));
        let can_be_set = is_name(&name);
        let change = match sign {
            Some('-') => Change::Default(empty, word()?),
            Some('=') if can_be_set => Change::Assign(empty, word()?),
            Some('?') => Change::Error(empty, word()?),
            Some('+') => Change::Alternative(empty, word()?),
            _ => return self.error(at, SyntaxErrorKind::BadParameter),
        };
        Ok(Parameter { name, change })
    }
}

/// How many bytes of it are a variable's name.
fn name_length(text: &str) -> usize {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    match text.bytes().next() {
        Some(first) if first.is_ascii_alphabetic() || first == b'_' => {
            text.bytes().take_while(is_of_name).count()
        }
        _ => 0,
    }
}
