//! Lines for the kernel's log, from those programs that hold the machine.
//!
//! A program without it logs to nobody: a service for the others is a server's business. Where to is a global, because a
//! panic asks nobody.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicU64, Ordering};

use anax_abi::Handle;

use crate::object::Machine;

/// The longest line, in bytes; what is beyond is cut off.
pub const LINE: usize = 512;

/// Word of the machine's handle; 0, which is no handle, for none.
static MACHINE: AtomicU64 = AtomicU64::new(0);

/// From now on, lines (and panics) of this program go to `machine`.
pub fn to(machine: Machine) {
    MACHINE.store(machine.handle().to_word(), Ordering::Relaxed);
}

/// Writes a line, if there is a log; see [`log!`](crate::log!).
pub fn line(text: fmt::Arguments<'_>) {
    let word = MACHINE.load(Ordering::Relaxed);
    if word == 0 {
        return;
    }
    let machine = Machine::from_handle(Handle::from_word(word));
    if let Some(text) = text.as_str() {
        // A line that could not be written has nowhere to be reported.
        let _ = machine.log(cut(text).as_bytes());
        return;
    }
    let mut line = Line { bytes: [0; LINE], used: 0 };
    let _ = line.write_fmt(text);
    let _ = machine.log(&line.bytes[..line.used]);
}

/// Writes a formatted line to the kernel's log: `log!("{n} drivers")`.
#[macro_export]
macro_rules! log {
    ($($argument:tt)*) => { $crate::log::line(::core::format_args!($($argument)*)) };
}

/// The start of `text` that fits a line.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LINE)]
}

/// A line being put together.
struct Line {
    bytes: [u8; LINE],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = &mut self.bytes[self.used..];
        let fits = &text[..text.floor_char_boundary(free.len())];
        free[..fits.len()].copy_from_slice(fits.as_bytes());
        self.used += fits.len();
        if fits.len() == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let mut line = Line { bytes: [0; LINE], used: 0 };
        let text = "ä".repeat(LINE / 2 - 1);
        assert!(line.write_str("x").is_ok());
        assert!(line.write_str(&text).is_ok());
        assert!(line.write_str("ä").is_err());
        assert_eq!(line.used, LINE - 1);
        assert_eq!(cut(&std::format!("x{text}ä")), std::format!("x{text}"));
        assert_eq!(cut("short"), "short");
    }
}
