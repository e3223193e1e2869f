//! A buffer on the stack that takes text until it is full and cuts between characters.

use core::fmt;

use super::TEXT_BYTES;

pub(super) struct Text {
    bytes: [u8; TEXT_BYTES],
    length: usize,
    full: bool,
}

impl Text {
    pub(super) fn new() -> Self {
        Self { bytes: [0; TEXT_BYTES], length: 0, full: false }
    }

    pub(super) fn push_str(&mut self, text: &str) {
        if self.full {
            return;
        }
        let room = TEXT_BYTES - self.length;
        let taken = text.floor_char_boundary(room);
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        self.full = taken < text.len();
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Whether something did not fit.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    pub(super) fn bytes(&self) -> &[u8; TEXT_BYTES] {
        &self.bytes
    }
}

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push_str(text);
        Ok(())
    }
}
