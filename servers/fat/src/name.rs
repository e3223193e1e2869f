//! Names: which there can be, the short one beside a long one, and which are the same.
//!
//! Which code page short names are in, no disk says. They are read as 850, of Western Europe, as `mtools` does. None that this program makes has anything but ASCII.

use alloc::string::String;
use alloc::vec::Vec;

use anax_files::{Failure, Name};

/// The upper half of code page 850.
const UPPER: &str = "\
ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ\
áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// A short name as it lies on the disk: eight bytes and three, filled up with spaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Short(pub(crate) [u8; 11]);

impl Short {
    pub(crate) const DOT: Self = Self(*b".          ");
    pub(crate) const DOTS: Self = Self(*b"..         ");

    /// The sum by which a long name knows it: fatgen103, `ChkSum`.
    pub(crate) fn checksum(&self) -> u8 {
        self.0.iter().fold(0_u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
    }

    /// As text, with what Windows NT notes of upper and lower case. What no name may have becomes `_`.
    pub(crate) fn text(&self, case: u8) -> String {
        let mut text = String::new();
        let mut raw = self.0;
        // The first byte of some Japanese names, which would mark an entry that is free.
        if raw[0] == 0x05 {
            raw[0] = 0xe5;
        }
        let (base, extension) = raw.split_at(8);
        let mut put = |bytes: &[u8], is_lower: bool| {
            let length = bytes.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
            for byte in &bytes[..length] {
                let character = match byte {
                    0..0x20 | b'/' | 0x7f => '_',
                    0x80.. => UPPER.chars().nth(usize::from(byte - 0x80)).unwrap_or('_'),
                    byte => char::from(*byte),
                };
                text.push(match (is_lower, character.to_lowercase().next()) {
                    (true, Some(lower)) => lower,
                    _ => character,
                });
            }
            text.len()
        };
        let end = put(base, case & 0x08 != 0);
        if put(extension, case & 0x10 != 0) > end {
            text.insert(end, '.');
        }
        text
    }
}

/// A name that is looked for: what is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    units: Vec<u16>,
}

impl Wanted {
    pub(crate) fn new(name: &str) -> Self {
        Self { units: folded(name).collect() }
    }

    /// What is compared.
    pub(crate) fn units(&self) -> &[u16] {
        &self.units
    }

    /// Whether that is the name.
    pub(crate) fn is(&self, text: &str) -> bool {
        folded(text).eq(self.units.iter().copied())
    }
}

/// UTF-16 with upper case only, one unit for one, as Windows compares.
fn folded(text: &str) -> impl Iterator<Item = u16> {
    text.encode_utf16().map(|unit| {
        if unit < 0x80 {
            return u16::from((unit as u8).to_ascii_uppercase());
        }
        let Some(character) = char::from_u32(unit.into()) else { return unit };
        let mut upper = character.to_uppercase();
        match (upper.next(), upper.next()) {
            (Some(upper), None) => u16::try_from(u32::from(upper)).unwrap_or(unit),
            _ => unit,
        }
    })
}

/// Whether there can be such a name: fatgen103, "Long Directory Entries". Those with a dot or a space at the end would be other programs' names without.
///
/// # Errors
/// `BadArgument`.
pub(crate) fn check(name: Name<'_>) -> Result<(), Failure> {
    let is_bad = |character| {
        matches!(character, '\0'..' ' | '"' | '*' | '/' | ':' | '<' | '>' | '?' | '\\' | '|' | '\x7f')
    };
    if name.chars().any(is_bad) || name.ends_with(['.', ' ']) {
        return Err(Failure::BadArgument);
    }
    Ok(())
}

/// What a name becomes as a short one: fatgen103, "The Basis-Name Generation Algorithm".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Basis {
    pub(crate) short: Short,
    pub(crate) fit: Fit,
    base: usize,
}

/// How well a short name says what the name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It is the same: no long one is needed.
    Same,
    /// But for upper and lower case.
    Cased,
    /// It needs a number at its end.
    Lossy,
}

impl Basis {
    /// Of a name that can be.
    pub(crate) fn of(name: Name<'_>) -> Self {
        let mut short = Short([b' '; 11]);
        let stem = name.trim_start_matches(['.', ' ']);
        let mut is_lossy = stem.len() != name.len();
        let (base, extension) = match stem.rfind('.') {
            Some(dot) => (&stem[..dot], &stem[dot + 1..]),
            None => (stem, ""),
        };
        let (base_bytes, extension_bytes) = short.0.split_at_mut(8);
        let length = put(base, base_bytes, &mut is_lossy).max(1);
        put(extension, extension_bytes, &mut is_lossy);
        if base_bytes[0] == b' ' {
            (base_bytes[0], is_lossy) = (b'_', true);
        }
        let fit = match short.text(0).as_str() {
            _ if is_lossy => Fit::Lossy,
            text if text == name.as_str() => Fit::Same,
            _ => Fit::Cased,
        };
        Self { short, fit, base: length }
    }

    /// With that number at its end.
    pub(crate) fn numbered(&self, number: u32) -> Short {
        let mut short = self.short;
        let digits = number.checked_ilog10().unwrap_or(0) as usize + 1;
        let keep = self.base.min(7 - digits.min(6));
        short.0[keep..8].fill(b' ');
        short.0[keep] = b'~';
        let mut rest = number;
        for place in (keep + 1..(keep + 1 + digits).min(8)).rev() {
            short.0[place] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        short
    }

    /// The number that makes this one of the others, if one does.
    pub(crate) fn number(&self, other: Short) -> Option<u32> {
        let base = other.0[..8].trim_ascii_end();
        let tilde = base.iter().rposition(|byte| *byte == b'~')?;
        let digits = core::str::from_utf8(&base[tilde + 1..]).ok()?;
        let number = digits.parse().ok()?;
        (self.numbered(number) == other).then_some(number)
    }
}

/// The first characters of a part of a name, as short names have them.
fn put(part: &str, to: &mut [u8], is_lossy: &mut bool) -> usize {
    let mut length = 0;
    for character in part.chars() {
        let byte = match character {
            // Left out.
            ' ' | '.' => {
                *is_lossy = true;
                continue;
            }
            character if character.is_ascii_alphanumeric() => character.to_ascii_uppercase() as u8,
            '$' | '%' | '\'' | '-' | '_' | '@' | '~' | '`' | '!' | '(' | ')' | '{' | '}' | '^' | '#'
            | '&' => character as u8,
            _ => {
                *is_lossy = true;
                b'_'
            }
        };
        let Some(place) = to.get_mut(length) else {
            *is_lossy = true;
            break;
        };
        *place = byte;
        length += 1;
    }
    length
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    fn basis(name: &str) -> Basis {
        Basis::of(Name::new(name).unwrap())
    }

    #[test]
    fn short_names() {
        for (name, short, fit) in [
            ("README.TXT", b"README  TXT", Fit::Same),
            ("readme.txt", b"README  TXT", Fit::Cased),
            ("A", b"A          ", Fit::Same),
            ("The quick brown.fox", b"THEQUICKFOX", Fit::Lossy),
            (".bashrc", b"BASHRC     ", Fit::Lossy),
            ("a.b.c", b"AB      C  ", Fit::Lossy),
            ("x+y", b"X_Y        ", Fit::Lossy),
            ("ünï", b"_N_        ", Fit::Lossy),
            ("file.html", b"FILE    HTM", Fit::Lossy),
        ] {
            let basis = basis(name);
            assert_eq!((basis.short.0, basis.fit), (*short, fit), "{name}");
        }
        let quick = basis("The quick brown.fox");
        assert_eq!(&quick.numbered(1).0, b"THEQUI~1FOX");
        assert_eq!(&quick.numbered(123_456).0, b"T~123456FOX");
        assert_eq!(quick.number(quick.numbered(77)), Some(77));
        assert_eq!(quick.number(quick.short), None);
        assert_eq!(&basis("ab+").numbered(10).0, b"AB_~10     ");
    }

    #[test]
    fn the_same_names() {
        let wanted = Wanted::new("Straße Ünï.TXT");
        assert!(wanted.is("sTRAßE üNÏ.txt"));
        assert!(!wanted.is("Strasse ünï.txt"));
        assert_eq!(Short(*b"README  TXT").text(0x18), "readme.txt");
        assert_eq!(Short(*b"\x05\x81\x84     \x8e\x9a ").text(0), "Õüä.ÄÜ");
        assert_eq!(UPPER.chars().count(), 128);
        assert_eq!(Short::DOTS.checksum(), Short(*b"..         ").checksum());
    }

    proptest! {
        #[test]
        fn any_short_name_is_text(raw in any::<[u8; 11]>(), case in any::<u8>()) {
            let text = Short(raw).text(case);
            prop_assert!(Name::new(&text).is_ok() || text.trim_matches(['.', ' ']).is_empty());
        }

        #[test]
        fn any_name_has_one(name in "\\PC{1,60}", number in 1..1_000_000_u32) {
            if let Ok(name) = Name::new(&name) {
                let basis = Basis::of(name);
                prop_assert!(basis.short.0[0] != b' ' && !basis.short.text(0).is_empty());
                prop_assert_eq!(basis.number(basis.numbered(number)), Some(number));
            }
        }
    }
}
