//! What stands before a body: written into a buffer of the server's without a formatter, since it is written for each request.

use alloc::vec::Vec;

use crate::conditions::opaque;
use crate::date::{Date, LENGTH};
use crate::files::{About, Strength, Tag};
use crate::head::Version;
use crate::status::Status;

/// What becomes of the connection behind a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// It stays.
    Stay,
    /// It is closed.
    Close,
    /// It is closed when the client has stopped sending, which it was told to do in the middle of something.
    Linger,
}

/// A head that is being written.
pub(crate) struct Writer<'a> {
    text: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Status, and what all responses have.
    pub(crate) fn new(
        text: &'a mut Vec<u8>,
        status: Status,
        date: Option<&[u8; LENGTH]>,
        after: After,
        version: Version,
    ) -> Self {
        text.extend_from_slice(status.line().as_bytes());
        if let Some(date) = date {
            text.extend_from_slice(b"Date: ");
            text.extend_from_slice(date);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"Server: anax\r\n");
        if after != After::Stay {
            text.extend_from_slice(b"Connection: close\r\n");
        } else if version == Version::One {
            text.extend_from_slice(b"Connection: keep-alive\r\n");
        }
        Self { text }
    }

    /// `name` with its colon and space.
    pub(crate) fn field(&mut self, name: &str, value: &[u8]) {
        self.text.extend_from_slice(name.as_bytes());
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(b"\r\n");
    }

    pub(crate) fn number(&mut self, name: &str, value: u64) {
        self.text.extend_from_slice(name.as_bytes());
        decimal(value, self.text);
        self.text.extend_from_slice(b"\r\n");
    }

    /// By what a client can tell whether it has it.
    pub(crate) fn validators(&mut self, about: &About) {
        if let Some(Date(seconds)) = about.modified {
            self.field("Last-Modified: ", &Date(seconds).text());
        }
        if let Some(Tag { value, strength }) = about.tag {
            let begin = if strength == Strength::Weak { "ETag: W/\"" } else { "ETag: \"" };
            self.text.extend_from_slice(begin.as_bytes());
            self.text.extend_from_slice(&opaque(value));
            self.text.extend_from_slice(b"\"\r\n");
        }
    }

    /// `first` to `end`, which it does not reach.
    pub(crate) fn content_range(&mut self, (first, end): (u64, u64), size: u64) {
        content_range((first, end), size, self.text);
    }

    pub(crate) fn end(self) {
        self.text.extend_from_slice(b"\r\n");
    }
}

pub(crate) fn content_range((first, end): (u64, u64), size: u64, text: &mut Vec<u8>) {
    text.extend_from_slice(b"Content-Range: bytes ");
    decimal(first, text);
    text.push(b'-');
    decimal(end - 1, text);
    text.push(b'/');
    decimal(size, text);
    text.extend_from_slice(b"\r\n");
}

/// Digits.
pub(crate) fn decimal(mut value: u64, text: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 || at == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::ToString as _;

    use super::*;

    #[test]
    fn digits_of_all_numbers() {
        for value in [0, 9, 10, 12_345, u64::MAX] {
            let mut text = Vec::new();
            decimal(value, &mut text);
            assert_eq!(text, value.to_string().as_bytes());
        }
    }
}
