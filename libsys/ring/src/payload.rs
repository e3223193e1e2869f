//! The descriptor of bulk data: what a message carries instead of bytes.

use crate::OutOfRange;

/// `length` bytes from `offset` in the region that both sides know by this number. Foreign until checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// Which of the regions that the two sides share, from 0.
    pub region: u32,
    /// Bytes from the region's beginning.
    pub offset: u64,
    /// Bytes.
    pub length: u32,
}

impl Payload {
    /// From two words of a message; any two are a descriptor, if perhaps a bad one.
    #[must_use]
    pub const fn from_words(words: [u64; 2]) -> Self {
        Self { region: words[0] as u32, offset: words[1], length: (words[0] >> 32) as u32 }
    }

    /// For two words of a message.
    #[must_use]
    pub const fn to_words(self) -> [u64; 2] {
        [(self.length as u64) << 32 | self.region as u64, self.offset]
    }

    /// The byte after its last, if it lies within a region of `region_bytes` bytes.
    ///
    /// # Errors
    /// [`OutOfRange`] if it doesn't, whatever its numbers are.
    pub const fn end_within(self, region_bytes: u64) -> Result<u64, OutOfRange> {
        let end = if cfg!(bite = "ring-payload-overflow") {
            Some(self.offset.wrapping_add(self.length as u64))
        } else {
            self.offset.checked_add(self.length as u64)
        };
        match end {
            Some(end) if end <= region_bytes => Ok(end),
            _ => Err(OutOfRange),
        }
    }

    /// The one of `regions` that it names, if it lies within it by the size that `bytes` gives for it.
    ///
    /// # Errors
    /// [`OutOfRange`] if there is no such region, or the range isn't in it.
    pub fn find<R>(self, regions: &[R], bytes: impl FnOnce(&R) -> u64) -> Result<&R, OutOfRange> {
        let region = regions.get(self.region as usize).ok_or(OutOfRange)?;
        self.end_within(bytes(region))?;
        Ok(region)
    }
}
