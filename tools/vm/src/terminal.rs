//! This terminal as the guest's: every key goes to the guest, Ctrl-C too, but for one that quits.
//!
//! The same for all emulators, in the manner of QEMU: Ctrl-A X quits, Ctrl-A twice sends one Ctrl-A.

use std::io::{self, Read, Write};
use std::sync::mpsc::Sender;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::Event;

const CTRL_A: u8 = 1;

/// The terminal in raw mode; dropping it brings the old mode back.
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// Switches standard input to raw mode; `None` if it is no terminal.
    pub(crate) fn enter() -> Option<Self> {
        let before = tcgetattr(io::stdin()).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        // Output stays as it was, so that the guest's plain line feeds still return the carriage.
        raw.output_modes = before.output_modes;
        debug_assert!(!raw.local_modes.contains(LocalModes::ISIG));
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw).ok()?;
        Some(Self { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // Nothing to be done if the terminal is gone.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// What the keys so far ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    Plain,
    /// Ctrl-A was pressed: the next key is for the tool.
    Escaped,
}

/// Sends standard input to the guest until the user quits, input ends or the guest is gone.
pub(crate) fn forward(mut from: impl Read, mut to: impl Write, events: &Sender<Event>) {
    let mut keys = Keys::Plain;
    let mut buffer = [0; 256];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let mut out = Vec::with_capacity(length);
        for &byte in &buffer[..length] {
            keys = match (keys, byte) {
                (Keys::Plain, CTRL_A) => Keys::Escaped,
                (Keys::Escaped, b'x' | b'X') => {
                    let _ = events.send(Event::Quit);
                    return;
                }
                // An unknown key behind Ctrl-A is dropped, as QEMU does.
                (Keys::Escaped, byte) if byte != CTRL_A => Keys::Plain,
                (_, byte) => {
                    out.push(byte);
                    Keys::Plain
                }
            };
        }
        if to.write_all(&out).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn typed(input: &[u8]) -> (Vec<u8>, Vec<Event>) {
        let (sender, receiver) = mpsc::channel();
        let mut out = Vec::new();
        forward(input, &mut out, &sender);
        drop(sender);
        (out, receiver.into_iter().collect())
    }

    #[test]
    fn every_key_but_one_reaches_the_guest() {
        assert_eq!(typed(b"ls\r\x03\x04\x1a"), (b"ls\r\x03\x04\x1a".to_vec(), vec![]));
        assert_eq!(typed(b"a\x01\x01b"), (b"a\x01b".to_vec(), vec![]));
        assert_eq!(typed(b"a\x01cb"), (b"ab".to_vec(), vec![]));
    }

    #[test]
    fn ctrl_a_x_quits() {
        assert_eq!(typed(b"\x01x"), (vec![], vec![Event::Quit]));
        assert_eq!(typed(b"\x01\x01x").1, vec![]);
    }
}
