//! `echo` and `printf`.

use alloc::format;
use alloc::string::String;

use crate::shell::{Run, Shell};
use crate::world::World;

/// The widest field.
const MAX_WIDTH: usize = 1024;

impl<W: World> Shell<W> {
    pub(super) fn echo(&mut self, words: &[&str]) -> Run {
        let (words, end) = match words {
            ["-n", words @ ..] => (words, ""),
            words => (words, "\n"),
        };
        self.print(&format!("{}{end}", words.join(" "))).map(|()| 0)
    }

    pub(super) fn printf(&mut self, format: &str, words: &[&str]) -> Run {
        let (mut text, mut status, mut rest) = (String::new(), 0, words);
        loop {
            let before = rest.len();
            if let Err(why) = once(format, &mut rest, &mut text) {
                status = 1;
                self.complain(&format!("printf: {why}"));
            }
            // The format is used again as long as it takes words.
            if rest.is_empty() || rest.len() == before {
                break;
            }
        }
        self.print(&text).map(|()| status)
    }
}

/// Once through the format.
fn once(format: &str, words: &mut &[&str], text: &mut String) -> Result<(), String> {
    let mut rest = format.chars();
    let mut wrong = Ok(());
    while let Some(next) = rest.next() {
        match next {
            '\\' => escape(&mut rest, text),
            '%' if rest.as_str().starts_with('%') => {
                rest.next();
                text.push('%');
            }
            '%' => {
                let spec = rest.as_str();
                let length = spec.find(|letter: char| letter.is_ascii_alphabetic());
                let Some(length) = length else { return Err("'%' with nothing behind it".into()) };
                let (flags, letter) = (&spec[..length], spec[length..].chars().next().unwrap_or('s'));
                rest = spec[length + letter.len_utf8()..].chars();
                let (word, left) = words.split_first().map_or(("", *words), |(word, left)| (*word, left));
                *words = left;
                match field(flags, letter, word) {
                    Ok(field) => text.push_str(&field),
                    Err(why) => wrong = Err(why),
                }
            }
            other => text.push(other),
        }
    }
    wrong
}

fn escape(rest: &mut core::str::Chars<'_>, text: &mut String) {
    match rest.next() {
        Some('n') => text.push('\n'),
        Some('t') => text.push('\t'),
        Some('r') => text.push('\r'),
        Some('a') => text.push('\u{7}'),
        Some('e') => text.push('\u{1b}'),
        Some('\\') | None => text.push('\\'),
        Some(digit @ '0'..='7') => {
            let mut value = digit.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                let Some(digit) = rest.clone().next().and_then(|digit| digit.to_digit(8)) else { break };
                value = value * 8 + digit;
                rest.next();
            }
            text.extend(char::from_u32(value));
        }
        Some(other) => text.extend(['\\', other]),
    }
}

fn field(flags: &str, letter: char, word: &str) -> Result<String, String> {
    let is_left = flags.contains('-');
    let digits = flags.trim_start_matches(['-', '+', ' ', '#']);
    let has_zeros = digits.starts_with('0') && !is_left;
    let (width, precision) =
        digits.split_once('.').map_or((digits, None), |(width, part)| (width, Some(part)));
    let number = |text: &str| match text {
        "" => Ok(0),
        text => text.parse::<usize>().ok().filter(|width| *width <= MAX_WIDTH).ok_or("that is too wide"),
    };
    let width = number(width)?;
    let precision = precision.map(number).transpose()?;
    let value = || -> Result<i64, String> {
        let digits = word.trim();
        let parsed = match digits.strip_prefix("0x") {
            Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16),
            None if digits.is_empty() => Ok(0),
            None => digits.parse(),
        };
        parsed.map_err(|_| format!("'{word}' is no number"))
    };
    let text = match letter {
        's' => match precision {
            Some(most) => word.chars().take(most).collect(),
            None => word.into(),
        },
        'b' => {
            let (mut text, mut rest) = (String::new(), word.chars());
            while let Some(next) = rest.next() {
                match next {
                    '\\' => escape(&mut rest, &mut text),
                    other => text.push(other),
                }
            }
            text
        }
        'c' => word.chars().take(1).collect(),
        'd' | 'i' | 'u' => format!("{}", value()?),
        'x' => format!("{:x}", value()?),
        'X' => format!("{:X}", value()?),
        'o' => format!("{:o}", value()?),
        other => return Err(format!("'%{other}' is no format")),
    };
    Ok(match (is_left, has_zeros) {
        (true, _) => format!("{text:width$}"),
        (false, true) if matches!(letter, 'd' | 'i' | 'u' | 'x' | 'X' | 'o') => {
            match text.strip_prefix('-') {
                Some(digits) => format!("-{digits:0>width$}", width = width.saturating_sub(1)),
                None => format!("{text:0>width$}"),
            }
        }
        (false, _) => format!("{text:>width$}"),
    })
}
