//! The pool's buffers, all of one size, each with one owner at a time.

use anax_ring::{OutOfRange, Payload, SharedBytes};

use crate::SectorSize;

/// Bytes of the smallest buffers that a pool can have. All sizes are powers of two.
pub const MIN_BUFFER: usize = SectorSize::LARGEST.bytes() as usize;
/// Bytes of the longest request, and so of the largest buffers: what every driver can do with one segment.
pub const MAX_TRANSFER: usize = 64 * 1024;

/// The region that payloads name: there is only the pool.
const POOL: u32 = 0;

/// A buffer that is the holder's alone: to be read into, to be written, or released.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is missing from the pool for ever"]
pub struct Buffer<'a> {
    pub(crate) number: u32,
    pub(crate) bytes: SharedBytes<'a>,
}

impl Buffer<'_> {
    /// Which of the pool's buffers it is; they lie there side by side.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its bytes. Whoever shares the pool, and a device that was lent it once, can change them all the same.
    #[must_use]
    pub fn bytes(&self) -> SharedBytes<'_> {
        self.bytes
    }
}

/// The first `length` bytes of the buffer at `offset`, as a descriptor.
pub(crate) const fn payload(offset: u64, length: u32) -> Payload {
    Payload { region: POOL, offset, length }
}

/// Checks that a foreign descriptor is within a pool of `bytes` bytes, and is whole sectors, as DMA wants it, from 1 to
/// [`MAX_TRANSFER`] bytes.
pub(crate) fn check(payload: Payload, bytes: u64, sector: SectorSize) -> Result<(), OutOfRange> {
    payload.end_within(bytes)?;
    let whole = payload.length.is_multiple_of(sector.bytes());
    let aligned = payload.offset.is_multiple_of(SectorSize::SMALLEST.bytes().into());
    let length = payload.length as usize;
    if payload.region == POOL && whole && aligned && length > 0 && length <= MAX_TRANSFER {
        Ok(())
    } else {
        Err(OutOfRange)
    }
}
