//! The guest's console: what COM1 says goes to the log file, to people, and line by line to the events.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::{Console, Event};

/// What is kept of the console; a guest that talks more than this has its log file.
const KEPT: usize = 4 << 20;

/// A line longer than this is cut into several.
const LINE: usize = 4096;

/// Takes out what makes a terminal do more than print: firmware clears the screen and moves the cursor about, which
/// is no part of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Plain {
    #[default]
    Text,
    /// Behind an escape character.
    Escape,
    /// In a control sequence (ECMA-48, 5.4): parameters up to a final byte.
    Sequence,
}

impl Plain {
    fn filter(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            *self = match (*self, byte) {
                (Self::Text, 0x1b) => Self::Escape,
                (Self::Escape, b'[') => Self::Sequence,
                (Self::Sequence, 0x20..=0x3f) => Self::Sequence,
                (Self::Escape | Self::Sequence, _) => Self::Text,
                (Self::Text, byte) => {
                    if matches!(byte, b'\n' | b'\t' | 0x20..=0x7e | 0x80..) {
                        text.push(byte);
                    }
                    Self::Text
                }
            };
        }
        text
    }
}

/// The console's text so far.
#[derive(Clone, Default)]
pub(crate) struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    /// All of it (the first 4 MiB), with U+FFFD for what is no UTF-8.
    pub(crate) fn get(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }

    fn add(&self, bytes: &[u8]) {
        let mut text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = KEPT.saturating_sub(text.len()).min(bytes.len());
        text.extend_from_slice(&bytes[..room]);
    }
}

/// Copies the console until the emulator hangs up.
pub(crate) fn read(
    mut stream: impl Read,
    shown: Console,
    mut log: Option<File>,
    text: &Text,
    events: &Sender<Event>,
) {
    let mut plain = Plain::default();
    let mut line = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        let bytes = &buffer[..length];
        // A full disk or a closed terminal must not stop the guest; the text is kept in memory as well.
        let _ = match shown {
            Console::Terminal => show(io::stdout(), bytes),
            Console::Stderr => show(io::stderr(), &plain.filter(bytes)),
            Console::Quiet => Ok(()),
        };
        if let Some(file) = &mut log {
            let _ = file.write_all(bytes);
        }
        text.add(bytes);
        for &byte in bytes {
            if byte != b'\n' && line.len() < LINE {
                line.push(byte);
                continue;
            }
            let _ = events.send(finish(&mut line));
            if byte != b'\n' {
                line.push(byte);
            }
        }
    }
    if !line.is_empty() {
        let _ = events.send(finish(&mut line));
    }
}

fn show(mut to: impl Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

fn finish(line: &mut Vec<u8>) -> Event {
    let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    line.clear();
    Event::Line(text)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn lines_come_out_whole_and_long_ones_cut() {
        let (sender, receiver) = mpsc::channel();
        let text = Text::default();
        let mut input = b"one\r\n\ntwo\nrest".to_vec();
        input.extend([b'x'; LINE]);
        read(&input[..], Console::Quiet, None, &text, &sender);
        drop(sender);
        let lines: Vec<_> = receiver
            .into_iter()
            .map(|event| match event {
                Event::Line(line) => line,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(lines[..3], ["one", "", "two"]);
        assert_eq!(lines[3].len() + lines[4].len(), LINE + 4);
        assert_eq!(text.get().len(), input.len());
    }

    #[test]
    fn control_sequences_are_no_text() {
        let mut plain = Plain::default();
        assert_eq!(plain.filter(b"\x1b[2J\x1b[01;0"), b"");
        assert_eq!(plain.filter(b"1Ha\r\nb\x1b7c\x07"), b"a\nbc");
    }

    #[test]
    fn the_log_has_every_byte() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let (sender, _receiver) = mpsc::channel();
        read(
            &b"a\r\n\xff"[..],
            Console::Quiet,
            Some(file.reopen().expect("open")),
            &Text::default(),
            &sender,
        );
        assert_eq!(std::fs::read(file.path()).expect("read"), b"a\r\n\xff");
    }
}
