//! How numbers are shown, and read.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

/// Bytes in the unit in which they have at most four digits: `512`, `1.5K`, `20M`.
#[must_use]
pub fn human(bytes: u64) -> String {
    let (mut value, mut rest, mut unit) = (bytes, 0, "");
    for next in ["K", "M", "G", "T", "P", "E"] {
        if value < 1024 {
            break;
        }
        (value, rest, unit) = (value / 1024, value % 1024, next);
    }
    if unit.is_empty() || value >= 10 {
        format!("{value}{unit}")
    } else {
        format!("{value}.{}{unit}", rest * 10 / 1024)
    }
}

/// A time in days, hours, minutes and seconds.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let clock = format!("{hours:02}:{minutes:02}:{:02}", seconds % 60);
    match days {
        0 => clock,
        1 => format!("1 day {clock}"),
        days => format!("{days} days {clock}"),
    }
}

/// The longest time that a program waits: a thousand days.
const LONGEST: u64 = 1000 * 86_400;

/// A time as people write it: `1.5`, `2m`, `3h`, `1d`.
#[must_use]
pub fn seconds(text: &str) -> Option<Duration> {
    let (digits, unit) = match text.as_bytes().last()? {
        b's' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 60),
        b'h' => (&text[..text.len() - 1], 3600),
        b'd' => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) || part.len() > 9 {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let part: u64 = format!("{part:0<9}").parse().ok()?;
    if whole > LONGEST / unit {
        return None;
    }
    Some(Duration::from_secs(whole * unit) + Duration::from_nanos(part) * unit as u32)
}

/// Rows in columns, the first one's the headings: those whose headings begin with a minus are aligned to the right.
#[must_use]
pub fn table(rows: &[Vec<String>]) -> String {
    let Some(headings) = rows.first() else { return String::new() };
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column)).map(|cell| plain(cell).chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for ((cell, width), heading) in row.iter().zip(&widths).zip(headings) {
            let (cell, width) = (plain(cell), *width);
            let cell = if is_right(heading) { format!("{cell:>width$}") } else { format!("{cell:width$}") };
            if !line.is_empty() {
                line.push_str("  ");
            }
            line.push_str(&cell);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn is_right(heading: &str) -> bool {
    heading.starts_with('-')
}

/// A heading without its mark.
fn plain(cell: &str) -> String {
    match cell.strip_prefix('-') {
        Some(heading) if heading.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            heading.to_string()
        }
        _ => cell.to_string(),
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn numbers() {
        for (bytes, text) in
            [(0, "0"), (1023, "1023"), (1024, "1.0K"), (1536, "1.5K"), (20 << 20, "20M"), (u64::MAX, "15E")]
        {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(duration(Duration::from_secs(3 * 86_400 + 3661)), "3 days 01:01:01");
        assert_eq!(duration(Duration::from_secs(59)), "00:00:59");
        for (text, milliseconds) in
            [("1", 1000), ("0.25", 250), ("2m", 120_000), ("1.5h", 5_400_000), ("10s", 10_000)]
        {
            assert_eq!(seconds(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "x", "-1", "1.", ".5", "9999999999999999999", "s", "1ü", "99999d"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn tables() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        assert_eq!(
            table(&[row(["name", "-KiB", "what"]), row(["a", "5", "x"]), row(["bcdef", "12345", ""])]),
            "name     KiB  what\na          5  x\nbcdef  12345\n"
        );
    }
}
