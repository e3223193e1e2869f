//! Lines in order.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// What comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// By the number that a line begins with; none is 0.
    pub by_number: bool,
    /// Upper and lower case of ASCII are the same.
    pub folds_case: bool,
    /// The other way round.
    pub is_reversed: bool,
    /// Of equal lines only the first.
    pub is_unique: bool,
    /// By the field of that number, from 1 on, and what is behind it.
    pub field: Option<usize>,
}

impl Order {
    fn compare(&self, one: &[u8], other: &[u8]) -> Ordering {
        let (left, right) = (self.key(one), self.key(other));
        let order = if self.by_number {
            number(left).cmp(&number(right))
        } else if self.folds_case {
            left.iter().map(u8::to_ascii_lowercase).cmp(right.iter().map(u8::to_ascii_lowercase))
        } else {
            left.cmp(right)
        };
        if self.is_reversed { order.reverse() } else { order }
    }

    fn key<'a>(&self, line: &'a [u8]) -> &'a [u8] {
        let mut rest = line;
        for _ in 1..self.field.unwrap_or(1) {
            rest = rest.trim_ascii_start();
            let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            rest = &rest[end..];
        }
        if self.field.is_some() { rest.trim_ascii_start() } else { rest }
    }
}

/// A number with a sign and a fraction, as something that can be compared: thousandths.
fn number(text: &[u8]) -> i128 {
    let text = text.trim_ascii_start();
    let (sign, digits) = match text.first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let (mut value, mut decimals) = (0_i128, None);
    for byte in digits.iter().take(30) {
        match (byte, decimals) {
            (b'.', None) => decimals = Some(0),
            (b'0'..=b'9', Some(3)) => break,
            (b'0'..=b'9', _) => {
                value = value * 10 + i128::from(byte - b'0');
                decimals = decimals.map(|count| count + 1);
            }
            _ => break,
        }
    }
    sign * value * 10_i128.pow(3 - decimals.unwrap_or(0))
}

/// Sorts lines; equal ones keep their order.
pub fn sort(lines: &mut Vec<&[u8]>, order: Order) {
    lines.sort_by(|one, other| order.compare(one, other));
    if order.is_unique {
        lines.dedup_by(|one, other| order.compare(one, other) == Ordering::Equal);
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::string::String;
    use proptest::prelude::*;

    use super::*;

    fn sorted(text: &str, order: Order) -> String {
        let mut lines: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        sort(&mut lines, order);
        String::from_utf8(lines.join(&b' ')).unwrap()
    }

    #[test]
    fn orders() {
        let plain = Order::default();
        assert_eq!(sorted("b a C 10 9", plain), "10 9 C a b");
        assert_eq!(sorted("b a C", Order { folds_case: true, ..plain }), "a b C");
        assert_eq!(sorted("b a a", Order { is_reversed: true, is_unique: true, ..plain }), "b a");
        let by_number = Order { by_number: true, ..plain };
        assert_eq!(sorted("10 9 -3 x 2.5 2.25 +1", by_number), "-3 x +1 2.25 2.5 9 10");
        let mut lines: Vec<&[u8]> = [&b"a 3"[..], b"b  1", b"c 2"].into();
        sort(&mut lines, Order { field: Some(2), ..by_number });
        assert_eq!(lines, [&b"b  1"[..], b"c 2", b"a 3"]);
        assert!(number(&[b'9'; 100]) > 0);
    }

    proptest! {
        #[test]
        fn any_lines(text in "[-+.0-9a ]{0,60}", field in 0_usize..4) {
            let _any = sorted(&text, Order { by_number: true, field: Some(field), ..Order::default() });
        }
    }
}
