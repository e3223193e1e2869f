//! Bytes as numbers and characters.

use alloc::string::String;
use core::fmt::Write as _;

/// Bytes of a row.
pub const COLUMNS: usize = 16;

/// A row: where it lies, up to [`COLUMNS`] bytes as numbers, and those that are ASCII as characters.
#[must_use]
pub fn dump(offset: u64, row: &[u8]) -> String {
    let mut text = String::with_capacity(80);
    // Nothing fails that writes to a text.
    let _ = write!(text, "{offset:08x} ");
    for place in 0..COLUMNS {
        if place == COLUMNS / 2 {
            text.push(' ');
        }
        let _ = match row.get(place) {
            Some(byte) => write!(text, " {byte:02x}"),
            None => text.write_str("   "),
        };
    }
    text.push_str("  |");
    text.extend(row.iter().map(|byte| match byte {
        0x20..0x7f => char::from(*byte),
        _ => '.',
    }));
    text.push('|');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows() {
        assert_eq!(
            dump(0x10, b"0123456789\n\xff"),
            "00000010  30 31 32 33 34 35 36 37  38 39 0a ff              |0123456789..|"
        );
        assert_eq!(dump(0, &[0; 16]).len(), "00000000".len() + 2 + 16 * 3 + 1 + 2 + 17);
    }
}
