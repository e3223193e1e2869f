//! A packet that is too long for its way, in pieces.

use core::ops::Range;

/// A piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Which bytes of the payload.
    pub range: Range<usize>,
    /// Whether others follow.
    pub more: bool,
}

/// Cuts `length` bytes of payload into pieces, each of which fits an interface with this `mtu` behind `headers` bytes, the fragment header among them. Nothing, if
/// not even 8 bytes do, or more are to be sent than a packet can be.
pub fn cut(length: usize, mtu: usize, headers: usize) -> impl Iterator<Item = Cut> + Clone {
    let room = mtu.saturating_sub(headers);
    let each = room / 8 * 8;
    let possible = each > 0 && length + headers <= 0xffff;
    let count = if possible { length.div_ceil(each.max(1)).max(1) } else { 0 };
    // The last piece may fill the room that is left of 8.
    let count = if count > 1 && length - (count - 2) * each <= room { count - 1 } else { count };
    (0..count).map(move |index| {
        let more = index + 1 < count;
        let start = index * each;
        Cut { range: start..if more { start + each } else { length }, more }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_fit_and_lack_nothing() {
        for (length, mtu, headers) in [
            (1480, 1500, 20),
            (1481, 1500, 20),
            (8008, 1500, 20),
            (65_000, 1280, 48),
            (0, 576, 20),
            (9, 29, 20),
            (17, 29, 20),
        ] {
            let mut next = 0;
            for piece in cut(length, mtu, headers) {
                assert_eq!(piece.range.start, next);
                assert!(piece.range.len() + headers <= mtu);
                assert!(!piece.more || piece.range.len() % 8 == 0);
                assert_eq!(piece.more, piece.range.end < length);
                next = piece.range.end;
            }
            assert_eq!(next, length);
        }
        assert_eq!(cut(100, 20, 20).count(), 0);
        assert_eq!(cut(65_530, 1500, 20).count(), 0);
        assert_eq!(cut(1480, 1500, 20).count(), 1);
    }
}
