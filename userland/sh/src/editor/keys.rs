//! Bytes become keys: UTF-8, control characters, and the sequences of terminals (ECMA-48; xterm's control sequences).

use core::str;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Character(char),
    /// Ctrl with that letter, in lower case. Tab is `i`, Enter `m`.
    Control(char),
    /// Alt with that character.
    Alt(char),
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// An arrow.
    Left,
    /// An arrow.
    Right,
    /// An arrow.
    Up,
    /// An arrow.
    Down,
    /// An arrow with Ctrl or Alt.
    WordLeft,
    /// An arrow with Ctrl or Alt.
    WordRight,
    /// Home.
    Home,
    /// End.
    End,
    /// The terminal says in which column its cursor is, from 1 on.
    Column(u16),
}

/// Bytes of the longest sequence.
const MAX_SEQUENCE: usize = 16;
const ESCAPE: u8 = 0x1b;

/// The bytes of a key that is not complete.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    bytes: [u8; MAX_SEQUENCE],
    count: usize,
}

impl Keys {
    /// Takes a byte: the key that it completes.
    pub fn byte(&mut self, byte: u8) -> Option<Key> {
        if self.count == MAX_SEQUENCE {
            self.count = 0;
        }
        self.bytes[self.count] = byte;
        self.count += 1;
        let bytes = &self.bytes[..self.count];
        match bytes {
            [ESCAPE] | [ESCAPE, b'[' | b'O'] => None,
            // A key behind an escape that meant nothing.
            [ESCAPE, ESCAPE] => {
                self.count = 1;
                None
            }
            [ESCAPE, b'[', parameters @ .., last] => {
                if !(0x40..=0x7e).contains(last) {
                    return None;
                }
                let key = sequence(parameters, *last);
                self.count = 0;
                key
            }
            [ESCAPE, b'O', last] => {
                let key = sequence(&[], *last);
                self.count = 0;
                key
            }
            [ESCAPE, byte @ (0x08 | 0x7f)] => self.done(Key::Alt(char::from(byte & 0x7f))),
            [ESCAPE, byte] if byte.is_ascii_graphic() => self.done(Key::Alt(char::from(*byte))),
            [ESCAPE, ..] => {
                self.count = 0;
                None
            }
            [0x08 | 0x7f] => self.done(Key::Backspace),
            [byte @ 0..0x20] => self.done(Key::Control(char::from(byte + 0x60))),
            bytes => match str::from_utf8(bytes) {
                Ok(text) => {
                    let character = text.chars().next();
                    self.count = 0;
                    character.map(Key::Character)
                }
                // More is to come.
                Err(error) if error.error_len().is_none() => None,
                Err(_) => {
                    // What can't be a character is none; its last byte may begin another.
                    let is_first = self.count == 1;
                    self.count = 0;
                    if is_first { None } else { self.byte(byte) }
                }
            },
        }
    }

    fn done(&mut self, key: Key) -> Option<Key> {
        self.count = 0;
        Some(key)
    }
}

fn sequence(parameters: &[u8], last: u8) -> Option<Key> {
    let parameters = str::from_utf8(parameters).ok()?;
    let (first, second) = parameters.split_once(';').unwrap_or((parameters, ""));
    // 3 is Alt, 5 Ctrl, 2 to 8 their combinations with Shift.
    let is_word = matches!(second, "3" | "4" | "5" | "6" | "7" | "8");
    Some(match (last, first) {
        (b'A', _) => Key::Up,
        (b'B', _) => Key::Down,
        (b'C', _) if is_word => Key::WordRight,
        (b'D', _) if is_word => Key::WordLeft,
        (b'C', _) => Key::Right,
        (b'D', _) => Key::Left,
        (b'H', _) | (b'~', "1" | "7") => Key::Home,
        (b'F', _) | (b'~', "4" | "8") => Key::End,
        (b'~', "3") => Key::Delete,
        (b'R', _) => Key::Column(second.parse().ok()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|byte| keys.byte(*byte)).collect()
    }

    #[test]
    fn what_is_which() {
        assert_eq!(keys("aü€😀".as_bytes()), ['a', 'ü', '€', '😀'].map(Key::Character));
        assert_eq!(
            keys(b"\x01\r\n\t\x7f\x08"),
            [
                Key::Control('a'),
                Key::Control('m'),
                Key::Control('j'),
                Key::Control('i'),
                Key::Backspace,
                Key::Backspace
            ]
        );
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[3~\x1b[1;5C\x1b[1;3D\x1b[H\x1b[4~"),
            [Key::Up, Key::Down, Key::Delete, Key::WordRight, Key::WordLeft, Key::Home, Key::End]
        );
        assert_eq!(keys(b"\x1bb\x1b[24;80Rx"), [Key::Alt('b'), Key::Column(80), Key::Character('x')]);
        // What is none is passed over.
        assert_eq!(
            keys(b"\x1b[99zx\xff\xc3x\x1b\x1b[A"),
            [Key::Character('x'), Key::Character('x'), Key::Up]
        );
    }

    proptest! {
        #[test]
        fn after_any_bytes_there_are_keys_again(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut keys = Keys::default();
            for byte in bytes {
                let _any = keys.byte(byte);
            }
            let all: Vec<_> = b"~~xx".iter().filter_map(|byte| keys.byte(*byte)).collect();
            prop_assert_eq!(all.last(), Some(&Key::Character('x')));
        }
    }
}
