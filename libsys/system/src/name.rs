//! Names of services and programs: short enough to travel in a message's words.

use core::fmt;
use core::str::FromStr;

use anax_proto::{Fixed, Reader, Writer};
use serde::{Deserialize, Serialize};

/// 1 to 24 bytes of `a-z`, `0-9`, `-`, which neither begins nor ends with `-`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "[u8; 24]", into = "[u8; 24]")]
pub struct Name([u8; Self::BYTES]);

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty, or longer than [`Name::BYTES`].
    Length,
    /// It has another character, or a `-` at an end.
    Character,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a name has 1 to 24 characters",
            Self::Character => "a name consists of a-z, 0-9 and, within it, -",
        })
    }
}

impl core::error::Error for NameError {}

impl Name {
    /// The longest.
    pub const BYTES: usize = 24;
    const WORDS: usize = Self::BYTES / 8;

    /// Of what stands in a program, where a wrong name is a mistake that does not compile: `const NET: Name = Name::new("net");`.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub const fn new(text: &str) -> Self {
        match Self::parse(text) {
            Ok(name) => name,
            Err(_) => panic!("not a name"),
        }
    }

    const fn parse(text: &str) -> Result<Self, NameError> {
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > Self::BYTES {
            return Err(NameError::Length);
        }
        let (mut name, mut place) = ([0; Self::BYTES], 0);
        while place < bytes.len() {
            name[place] = bytes[place];
            place += 1;
        }
        Self::check(name)
    }

    /// Zeros at the end, a name before.
    const fn check(name: [u8; Self::BYTES]) -> Result<Self, NameError> {
        let mut length = 0;
        while length < Self::BYTES && name[length] != 0 {
            let byte = name[length];
            let is_end = length == 0 || length + 1 == Self::BYTES || name[length + 1] == 0;
            if !(byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' && !is_end) {
                return Err(NameError::Character);
            }
            length += 1;
        }
        if length == 0 {
            return Err(NameError::Length);
        }
        let mut rest = length;
        while rest < Self::BYTES {
            if name[rest] != 0 {
                return Err(NameError::Character);
            }
            rest += 1;
        }
        Ok(Self(name))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let length = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::BYTES);
        // Checked when it was made.
        core::str::from_utf8(&self.0[..length]).unwrap_or_default()
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::parse(text)
    }
}

impl TryFrom<[u8; Self::BYTES]> for Name {
    type Error = NameError;

    fn try_from(bytes: [u8; Self::BYTES]) -> Result<Self, NameError> {
        Self::check(bytes)
    }
}

impl From<Name> for [u8; Name::BYTES] {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl Fixed for Name {
    const WORDS: usize = Self::WORDS;

    fn put(self, to: &mut Writer) {
        let (words, _) = self.0.as_chunks();
        words.iter().for_each(|word| to.word(u64::from_le_bytes(*word)));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let mut bytes = [0; Self::BYTES];
        for word in bytes.as_chunks_mut().0 {
            *word = from.word()?.to_le_bytes();
        }
        Self::check(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;

    #[test]
    fn what_is_a_name() {
        for good in ["a", "net0", "virtio-net-polling", "abcdefghijklmnopqrstuvwx"] {
            let name: Name = good.parse().unwrap();
            assert_eq!(name.as_str(), good);
            let mut writer = Writer::default();
            name.put(&mut writer);
            assert_eq!(Name::take(&mut Reader::new(writer.finish())), Some(name));
        }
        for bad in ["", "abcdefghijklmnopqrstuvwxy"] {
            assert_eq!(bad.parse::<Name>(), Err(NameError::Length));
        }
        for bad in ["-a", "a-", "A", "a b", "a/b", "ä", "a\0b", "abcdefghijklmnopqrstuvw-"] {
            assert_eq!(bad.parse::<Name>(), Err(NameError::Character));
        }
    }

    #[test]
    fn foreign_bytes_are_checked() {
        let take = |words| Name::take(&mut Reader::new(words));
        assert_eq!(take([0; 5]), None);
        assert_eq!(take([u64::MAX; 5]), None);
        assert_eq!(take([0x61, 0x61, 0, 0, 0]), None);
        assert_eq!(
            take([0x61, 0, 0, 9, 9]).map(|name| std::string::ToString::to_string(&name)),
            Some("a".into())
        );
    }
}
