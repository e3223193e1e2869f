//! The sleep types of state S5 (soft off), found by pattern in the DSDT's byte code.
//!
//! They are the one thing this kernel wants from AML, and firmware always writes them as a constant package named
//! `_S5_`; an interpreter for that would be many times the size of the rest. Encoding: ACPI 20.2; meaning: 7.4.2.

const NAME_OP: u8 = 0x08;
const PACKAGE_OP: u8 = 0x12;
/// Sleep types have 3 bits.
const MAX_SLEEP_TYPE: u64 = 7;

/// The sleep types for PM1a and PM1b; `None` if no well-formed `Name (_S5_, Package () { … })` is there.
pub(super) fn s5(aml: &[u8]) -> Option<(u8, u8)> {
    aml.windows(4).enumerate().filter(|(_, name)| name == b"_S5_").find_map(|(index, _)| {
        let (before, after) = (&aml[..index], &aml[index + 4..]);
        // The name may be written relative to the root: `\_S5_`.
        let before = before.strip_suffix(b"\\").unwrap_or(before);
        (before.last() == Some(&NAME_OP)).then(|| package(after)).flatten()
    })
}

/// The first two numbers of the package that `code` begins with.
fn package(code: &[u8]) -> Option<(u8, u8)> {
    let mut code = Code(code);
    if code.byte()? != PACKAGE_OP {
        return None;
    }
    let mut content = code.package()?;
    let count = content.byte()?;
    let first = content.integer()?;
    let (a, b) = match count {
        0 => return None,
        // Both in one number: an early reading of the standard.
        1 => (first & 0xff, first >> 8),
        _ => (first, content.integer()?),
    };
    let sleep_type = |value: u64| u8::try_from(value).ok().filter(|_| value <= MAX_SLEEP_TYPE);
    Some((sleep_type(a)?, sleep_type(b)?))
}

/// Byte code not yet read.
struct Code<'a>(&'a [u8]);

impl<'a> Code<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self, bytes: usize) -> Option<u64> {
        let mut number = 0;
        for index in 0..bytes {
            number |= u64::from(self.byte()?) << (8 * index);
        }
        Some(number)
    }

    /// A constant: `ZeroOp`, `OneOp`, or a prefix and 1, 2, 4 or 8 bytes.
    fn integer(&mut self) -> Option<u64> {
        match self.byte()? {
            0x00 => Some(0),
            0x01 => Some(1),
            0x0a => self.number(1),
            0x0b => self.number(2),
            0x0c => self.number(4),
            0x0e => self.number(8),
            _ => None,
        }
    }

    /// What a package length, read here, leaves of the package it measures; the length counts itself too.
    fn package(&mut self) -> Option<Code<'a>> {
        let whole = self.0;
        let lead = self.byte()?;
        let more = usize::from(lead >> 6);
        let length = match more {
            0 => u64::from(lead & 0x3f),
            _ => self.number(more)? << 4 | u64::from(lead & 0x0f),
        };
        whole.get(1 + more..usize::try_from(length).ok()?).map(Code)
    }
}
