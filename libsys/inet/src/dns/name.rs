//! A name as it stands in a message: labels with their lengths, without compression, in lower case.

use alloc::vec::Vec;
use core::fmt;

/// Bytes of the longest name (RFC 1035, 2.3.4).
const MOST: usize = 255;

/// A name that is one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Vec<u8>);

/// No name: empty, too long, or with empty or too long labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadName;

impl Name {
    /// From text, with or without a dot at the end.
    ///
    /// # Errors
    /// It is none.
    pub fn new(text: &str) -> Result<Self, BadName> {
        let text = text.strip_suffix('.').unwrap_or(text);
        Self::from_labels(text.split('.').map(|label| Ok(label.as_bytes())))
    }

    /// From labels as they are read from a message. Bytes other than letters are left as they are.
    pub(super) fn from_labels<'a>(
        labels: impl Iterator<Item = Result<&'a [u8], BadName>>,
    ) -> Result<Self, BadName> {
        let mut bytes = Vec::new();
        for label in labels {
            let label = label?;
            if label.is_empty() || label.len() > 63 || bytes.len() + label.len() + 2 > MOST {
                return Err(BadName);
            }
            bytes.push(label.len() as u8);
            bytes.extend(label.iter().map(u8::to_ascii_lowercase));
        }
        if bytes.is_empty() {
            return Err(BadName);
        }
        bytes.push(0);
        Ok(Self(bytes))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = &self.0[..];
        let mut dot = "";
        while let [length, after @ ..] = rest
            && *length > 0
        {
            let (label, after) = after.split_at((*length).into());
            write!(f, "{dot}{}", label.escape_ascii())?;
            (rest, dot) = (after, ".");
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
