//! The bytes that a pipe holds.

use alloc::boxed::Box;
use alloc::vec::Vec;

use anax_abi::Error;

use crate::pipe::CAPACITY;

/// Up to [`CAPACITY`] bytes, first in, first out. Its memory is taken with the first byte.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    bytes: Box<[u8]>,
    start: usize,
    used: usize,
}

impl Ring {
    pub(crate) const fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub(crate) const fn room(&self) -> usize {
        CAPACITY - self.used
    }

    /// Takes the memory.
    ///
    /// # Errors
    /// `NoMemory`.
    pub(crate) fn grow(&mut self) -> Result<(), Error> {
        if self.bytes.is_empty() {
            let mut bytes = Vec::new();
            bytes.try_reserve_exact(CAPACITY).map_err(|_| Error::NoMemory)?;
            bytes.resize(CAPACITY, 0);
            self.bytes = bytes.into_boxed_slice();
        }
        Ok(())
    }

    /// Where the next bytes go, as far as they lie behind each other. Empty before [`grow`](Self::grow).
    pub(crate) fn gap(&mut self) -> &mut [u8] {
        let at = (self.start + self.used) % CAPACITY;
        let length = self.room().min(CAPACITY - at);
        self.bytes.get_mut(at..at + length).unwrap_or(&mut [])
    }

    /// So many bytes of the gap are filled.
    pub(crate) fn filled(&mut self, count: usize) {
        self.used += count.min(self.room());
    }

    /// The next bytes, as far as they lie behind each other.
    pub(crate) fn front(&self) -> &[u8] {
        let length = self.used.min(CAPACITY - self.start);
        self.bytes.get(self.start..self.start + length).unwrap_or(&[])
    }

    /// So many of the next bytes are gone.
    pub(crate) fn consumed(&mut self, count: usize) {
        let count = count.min(self.used);
        self.start = (self.start + count) % CAPACITY;
        self.used -= count;
    }

    /// All of these, if there is room.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let gap = self.gap();
            let count = gap.len().min(bytes.len());
            if count == 0 {
                return;
            }
            let (now, later) = bytes.split_at(count);
            gap[..count].copy_from_slice(now);
            self.filled(count);
            bytes = later;
        }
    }

    /// The next bytes, as many as fit, which stay: how many.
    pub(crate) fn peek(&self, to: &mut [u8]) -> usize {
        let front = self.front();
        let first = front.len().min(to.len());
        to[..first].copy_from_slice(&front[..first]);
        let wrapped = self.bytes.get(..self.used - front.len()).unwrap_or(&[]);
        let second = wrapped.len().min(to.len() - first);
        to[first..first + second].copy_from_slice(&wrapped[..second]);
        first + second
    }

    /// Forgets all, and gives the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
