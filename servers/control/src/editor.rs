//! A line that a person types, with echo.

use alloc::string::String;

/// Longest line.
const MAX_LINE: usize = 1024;
const CONTROL_C: u8 = 3;
const CONTROL_D: u8 = 4;
const CONTROL_U: u8 = 21;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

/// What a key did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Nothing that could be seen.
    Nothing,
    /// The terminal is to show this.
    Echo(String),
    /// The line is complete; the terminal is still to go on to the next.
    Line(String),
    /// The line is given up.
    GivenUp,
}

/// The line so far.
#[derive(Debug, Default)]
pub struct Editor {
    line: String,
}

impl Editor {
    /// What is there of a line that is over by other means.
    pub(crate) fn take(&mut self) -> String {
        core::mem::take(&mut self.line)
    }

    /// Takes a key: characters of ASCII, backspace, Ctrl-U for all of it, Ctrl-C for another prompt; Ctrl-D on an empty line switches off.
    pub fn key(&mut self, key: u8) -> Typed {
        match key {
            b'\r' | b'\n' => Typed::Line(core::mem::take(&mut self.line)),
            CONTROL_C => {
                self.line.clear();
                Typed::GivenUp
            }
            CONTROL_D if self.line.is_empty() => Typed::Line("power-off".into()),
            CONTROL_U => Self::erase(core::mem::take(&mut self.line).len()),
            BACKSPACE | DELETE => Self::erase(usize::from(self.line.pop().is_some())),
            0x20..0x7f if self.line.len() < MAX_LINE => {
                self.line.push(char::from(key));
                Typed::Echo(char::from(key).into())
            }
            _ => Typed::Nothing,
        }
    }

    /// What takes the last characters off the screen.
    fn erase(count: usize) -> Typed {
        if count == 0 { Typed::Nothing } else { Typed::Echo("\u{8} \u{8}".repeat(count)) }
    }
}
