//! The name of something in a directory.

use core::fmt;
use core::ops::Deref;

use crate::Failure;

/// Bytes of the longest name.
pub const LONGEST_NAME: usize = 255;

/// A name in a directory: UTF-8, 1 to [`LONGEST_NAME`] bytes, no slash, no zero byte, neither `.` nor `..`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name<'a>(&'a str);

impl<'a> Name<'a> {
    /// That text as a name.
    ///
    /// # Errors
    /// `TooLong`, `BadArgument`.
    pub fn new(text: &'a str) -> Result<Self, Failure> {
        if text.len() > LONGEST_NAME {
            return Err(Failure::TooLong);
        }
        let is_none = matches!(text, "" | "." | "..") || text.bytes().any(|byte| matches!(byte, 0 | b'/'));
        if is_none { Err(Failure::BadArgument) } else { Ok(Self(text)) }
    }

    /// A part of a plain path, which is none of what no name can be, but may be too long.
    pub(crate) const fn of_plain(part: &'a str) -> Result<Self, Failure> {
        if part.len() > LONGEST_NAME { Err(Failure::TooLong) } else { Ok(Self(part)) }
    }

    /// Those bytes as a name.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Failure> {
        Self::new(core::str::from_utf8(bytes).map_err(|_| Failure::BadArgument)?)
    }

    /// Its text.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl Deref for Name<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;

    use super::*;

    #[test]
    fn what_is_a_name() {
        let longest: String = core::iter::repeat_n('x', LONGEST_NAME).collect();
        for good in ["a", "...", ".hidden", "with space", "ünï", longest.as_str()] {
            assert_eq!(Name::new(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", "a/b", "/", "a\0"] {
            assert_eq!(Name::new(bad), Err(Failure::BadArgument), "{bad}");
        }
        assert_eq!(Name::new(&(longest + "x")), Err(Failure::TooLong));
        assert_eq!(Name::from_bytes(&[0xff]), Err(Failure::BadArgument));
    }
}
