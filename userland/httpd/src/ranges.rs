//! Parts of a file (RFC 9110, section 14): what the field asks for, and whether that makes sense.

use alloc::vec::Vec;
use core::ops::Range;

/// More parts than that are an attack, and the whole file is sent.
pub(crate) const MOST: usize = 16;

/// What is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ranges {
    /// All of it: the field says nothing that can be understood, or asks for more than there is by asking for things twice.
    Whole,
    /// Nothing of what is asked for is there.
    None,
    /// That, in that order; at least one part, none of them empty.
    Parts(Vec<Range<u64>>),
}

impl Ranges {
    /// What a `Range` field asks for, of a file of `size` bytes.
    #[must_use]
    pub(crate) fn parse(field: &[u8], size: u64) -> Self {
        let Some(set) =
            field.get(..6).filter(|unit| unit.eq_ignore_ascii_case(b"bytes=")).map(|_| &field[6..])
        else {
            return Self::Whole;
        };
        let mut parts = Vec::new();
        let mut total = 0u64;
        let mut specified = 0;
        for spec in set.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty()) {
            specified += 1;
            let Some(part) = part(spec, size) else { return Self::Whole };
            if specified > MOST {
                return Self::Whole;
            }
            if !part.is_empty() {
                total = total.saturating_add(part.end - part.start);
                parts.push(part);
            }
        }
        match specified {
            0 => Self::Whole,
            _ if parts.is_empty() => Self::None,
            // Overlapping parts are never worth more than the file.
            _ if total > size => Self::Whole,
            _ => Self::Parts(parts),
        }
    }
}

/// One of them, empty if nothing of it is there. None if it can't be understood.
fn part(spec: &[u8], size: u64) -> Option<Range<u64>> {
    let dash = spec.iter().position(|byte| *byte == b'-')?;
    let (first, last) = (&spec[..dash], &spec[dash + 1..]);
    match (first, last) {
        (b"", last) => Some(size - number(last)?.min(size)..size),
        (first, b"") => Some(number(first)?.min(size)..size),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| first.min(size)..last.saturating_add(1).min(size))
        }
    }
}

/// Digits; what is beyond all numbers is the largest one.
pub(crate) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        digit.is_ascii_digit().then(|| number.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use alloc::vec;
    use core::slice;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standards_examples() {
        let parts = |field: &str| Ranges::parse(field.as_bytes(), 10_000);
        let one = |part: Range<u64>| Ranges::Parts(slice::from_ref(&part).to_vec());
        assert_eq!(parts("bytes=0-499"), one(0..500));
        assert_eq!(parts("bytes=500-999"), one(500..1000));
        assert_eq!(parts("bytes=-500"), one(9500..10_000));
        assert_eq!(parts("Bytes=9500-"), one(9500..10_000));
        assert_eq!(parts("bytes=0-0,-1"), Ranges::Parts(vec![0..1, 9999..10_000]));
        assert_eq!(
            parts("bytes= 0-999, 4500-5499, ,-1000"),
            Ranges::Parts(vec![0..1000, 4500..5500, 9000..10_000])
        );
        assert_eq!(parts("bytes=9999-20000"), one(9999..10_000));
        assert_eq!(parts("bytes=10000-"), Ranges::None);
        assert_eq!(parts("bytes=-0"), Ranges::None);
        assert_eq!(parts("bytes=99999999999999999999999-"), Ranges::None);
        for whole in [
            "",
            "bytes",
            "bytes=",
            "bytes=,",
            "lines=0-1",
            "bytes=1-0",
            "bytes=a-b",
            "bytes=-",
            "bytes=0-9000,1-9000",
        ] {
            assert_eq!(parts(whole), Ranges::Whole, "{whole}");
        }
        let many = std::format!("bytes={}", vec!["0-0"; MOST + 1].join(","));
        assert_eq!(parts(&many), Ranges::Whole);
        assert_eq!(Ranges::parse(b"bytes=0-", 0), Ranges::None);
    }

    proptest! {
        #[test]
        fn parts_lie_within(field in "bytes=[-0-9, ]{0,30}", size in 0u64..2000) {
            if let Ranges::Parts(parts) = Ranges::parse(field.as_bytes(), size) {
                prop_assert!(!parts.is_empty() && parts.len() <= MOST);
                prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= size));
            }
        }
    }
}
