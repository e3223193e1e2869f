//! A person at the console: a prompt on COM1, one line at a time.

use alloc::string::String;

use super::{Sink, execute};
use crate::arch::serial::{self, Line};

/// Longest line.
const MAX_LINE: usize = 1024;
const CONTROL_C: u8 = 3;
const CONTROL_D: u8 = 4;
const CONTROL_U: u8 = 21;
const BACKSPACE: [u8; 2] = [8, 127];

/// Reads and runs lines until the machine is switched off.
pub(super) fn interact() -> ! {
    print("type 'help' for the commands\n");
    loop {
        print("anax> ");
        let line = read_line();
        execute(&line, &mut Sink::Console);
    }
}

/// Writes text, ending lines as terminals like them.
pub(super) fn print(text: &str) {
    for (index, part) in text.split('\n').enumerate() {
        if index > 0 {
            serial::write(Line::Com1, b"\r\n");
        }
        serial::write(Line::Com1, part.as_bytes());
    }
}

/// The next byte that was typed.
fn read_byte() -> u8 {
    loop {
        let mut byte = [0];
        if serial::read(Line::Com1, &mut byte) == 1 {
            return byte[0];
        }
        super::wait_a_little();
    }
}

/// A line with echo; backspace, Ctrl-U and Ctrl-C do what one expects, Ctrl-D on an empty line switches off.
fn read_line() -> String {
    let mut line = String::new();
    loop {
        match read_byte() {
            b'\r' | b'\n' => {
                print("\n");
                return line;
            }
            CONTROL_C => {
                print("^C\n");
                return String::new();
            }
            CONTROL_D if line.is_empty() => {
                print("\n");
                return String::from("poweroff");
            }
            CONTROL_U => {
                while !line.is_empty() {
                    erase(&mut line);
                }
            }
            byte if BACKSPACE.contains(&byte) => erase(&mut line),
            byte @ 0x20..0x7f if line.len() < MAX_LINE => {
                line.push(char::from(byte));
                serial::write(Line::Com1, &[byte]);
            }
            _ => {}
        }
    }
}

/// Takes the last character away, from the line and from the screen.
fn erase(line: &mut String) {
    if line.pop().is_some() {
        print("\u{8} \u{8}");
    }
}
