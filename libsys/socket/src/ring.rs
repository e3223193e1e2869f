//! A ring of bytes in shared memory: positions count from 0 on, and a byte lies at its position modulo the ring's size.

use anax_ring::{OutOfRange, SharedBytes};

/// A ring within an arena.
#[derive(Clone, Copy, Debug)]
pub struct Ring<'a> {
    bytes: SharedBytes<'a>,
}

impl<'a> Ring<'a> {
    /// The ring of that start and size (a power of two) in an arena.
    ///
    /// # Errors
    /// It does not lie within.
    pub fn new(arena: SharedBytes<'a>, (start, bytes): (u64, u64)) -> Result<Self, OutOfRange> {
        let (start, bytes) = (usize::try_from(start), usize::try_from(bytes));
        let (Ok(start), Ok(bytes)) = (start, bytes) else { return Err(OutOfRange) };
        if !bytes.is_power_of_two() {
            return Err(OutOfRange);
        }
        arena.part(start, bytes).map(|bytes| Self { bytes })
    }

    /// How many bytes it holds.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes from a position on, at most a ring's size: in one piece or two.
    #[must_use]
    pub fn pieces(&self, position: u64, length: usize) -> [SharedBytes<'a>; 2] {
        let at = (position & (self.size() as u64 - 1)) as usize;
        let length = length.min(self.size());
        let first = length.min(self.size() - at);
        let part = |at, length| self.bytes.part(at, length).unwrap_or(self.bytes);
        [part(at, first), part(0, length - first)]
    }

    /// Copies out what lies from a position on.
    pub fn read(&self, position: u64, to: &mut [u8]) {
        let [first, second] = self.pieces(position, to.len());
        let (head, tail) = to.split_at_mut(first.len());
        // Both have the lengths of what they go to.
        let _ = first.copy_out(0, head);
        if !second.is_empty() {
            let _ = second.copy_out(0, &mut tail[..second.len()]);
        }
    }

    /// Copies in, from a position on.
    pub fn write(&self, position: u64, from: &[u8]) {
        let [first, second] = self.pieces(position, from.len());
        let (head, tail) = from.split_at(first.len());
        let _ = first.copy_in(0, head);
        if !second.is_empty() {
            let _ = second.copy_in(0, &tail[..second.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use anax_ring::{AtomicU64, SharedBlock};

    use super::*;

    #[test]
    fn what_is_written_is_read_round_the_end() {
        let words: Vec<AtomicU64> = (0..1024).map(|_| AtomicU64::new(0)).collect();
        let arena = SharedBytes::new(SharedBlock::from_words(&words));
        let ring = Ring::new(arena, (4096, 4096)).unwrap();
        assert!(Ring::new(arena, (4097, 4096)).is_err());
        let bytes: Vec<u8> = (0..300u32).map(|n| n as u8).collect();
        for position in [0u64, 4090, 4096, (1 << 40) + 4095] {
            ring.write(position, &bytes);
            let mut read = alloc::vec![0; bytes.len()];
            ring.read(position, &mut read);
            assert_eq!(read, bytes);
        }
        assert_eq!(ring.pieces(4090, 9000).map(SharedBytes::len), [6, 4090]);
    }
}
