//! A record as a line of the console.

use core::fmt::{self, Write};

use arrayvec::ArrayString;
use log::Level;

/// A line of at most `N` bytes with its end: seconds since boot, the level if it is none of the usual, the text, cut where it is too long.
#[must_use]
pub fn line<const N: usize>(nanoseconds: u64, level: Level, text: fmt::Arguments<'_>) -> ArrayString<N> {
    let mut line = ArrayString::new();
    let (seconds, microseconds) = (nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000 / 1000);
    let _ = write!(Truncated(&mut line), "[{seconds:>5}.{microseconds:06}] {}{text}", mark(level));
    let _ = line.try_push_str("\r\n");
    line
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::Error => "error: ",
        Level::Warn => "warning: ",
        Level::Info => "",
        Level::Debug => "debug: ",
        Level::Trace => "trace: ",
    }
}

/// Takes text as long as there is room, but for two bytes: the line's end. Cuts between characters.
#[derive(Debug)]
pub struct Truncated<'a, const N: usize>(pub &'a mut ArrayString<N>);

impl<const N: usize> Write for Truncated<'_, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (N - 2).saturating_sub(self.0.len());
        let end = text.floor_char_boundary(room.min(text.len()));
        let _ = self.0.try_push_str(&text[..end]);
        Ok(())
    }
}

/// What a program wants to have logged: its text as it is, but nothing that moves a cursor or is no text.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a [u8]);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As good as always.
        if self.0.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return f.write_str(core::str::from_utf8(self.0).unwrap_or_default());
        }
        for chunk in self.0.utf8_chunks() {
            for part in chunk.valid().split_inclusive(char::is_control) {
                match part.chars().next_back().filter(|last| last.is_control()) {
                    Some(last) => {
                        write!(f, "{}{}", &part[..part.len() - last.len_utf8()], last.escape_default())?
                    }
                    None => f.write_str(part)?,
                }
            }
            if !chunk.invalid().is_empty() {
                write!(f, "{}", chunk.invalid().escape_ascii())?;
            }
        }
        Ok(())
    }
}

/// The console's last words: text whose lines end as a terminal wants it, written at once; the first line is remembered.
#[derive(Debug)]
pub struct LastWords<W, const N: usize> {
    write: W,
    first_line: ArrayString<N>,
    /// Lines that are complete.
    lines: usize,
}

impl<W: FnMut(&[u8]), const N: usize> LastWords<W, N> {
    /// None yet; `write` writes them.
    pub fn new(write: W) -> Self {
        Self { write, first_line: ArrayString::new(), lines: 0 }
    }

    /// The first line that was written, cut where it is too long.
    pub fn first_line(&self) -> &str {
        &self.first_line
    }
}

impl<W: FnMut(&[u8]), const N: usize> Write for LastWords<W, N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                (self.write)(b"\r\n");
                self.lines += 1;
            }
            (self.write)(part.as_bytes());
            if self.lines == 0 {
                Truncated(&mut self.first_line).write_str(part)?;
            }
        }
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_end_whatever_the_text() {
        let short = line::<64>(12_345_678_901, Level::Info, format_args!("ready"));
        assert_eq!(short.as_str(), "[   12.345678] ready\r\n");
        let cut = line::<32>(0, Level::Warn, format_args!("ääääääääääääääääääää"));
        assert_eq!(cut.as_str(), "[    0.000000] warning: äää\r\n");
    }

    #[test]
    fn what_programs_say_is_text() {
        let said = |bytes: &[u8]| std::format!("{}", Plain(bytes));
        assert_eq!(
            said("it can't be \"opened\": größer \\ ☺".as_bytes()),
            "it can't be \"opened\": größer \\ ☺"
        );
        assert_eq!(said(b"a\r\n\x1b[2J\x7f\xff\xc3"), r"a\r\n\u{1b}[2J\u{7f}\xff\xc3");
        assert_eq!(said("\u{9b}2J".as_bytes()), r"\u{9b}2J");
    }

    #[test]
    fn the_first_of_the_last_words_is_remembered() {
        let mut written = std::vec::Vec::new();
        let mut words = LastWords::<_, 16>::new(|bytes: &[u8]| written.extend_from_slice(bytes));
        write!(words, "one {}\ntwo\n", 1).expect("never fails");
        write!(words, "three").expect("never fails");
        assert_eq!(words.first_line(), "one 1");
        assert_eq!(written, b"one 1\r\ntwo\r\nthree");
        let mut words = LastWords::<_, 8>::new(|_: &[u8]| ());
        write!(words, "a long line").expect("never fails");
        assert_eq!(words.first_line(), "a long");
    }
}
