//! The pool's buffers, all of one size, each with one owner at a time.

use anax_ring::{OutOfRange, Payload, SharedBytes};

/// Bytes of a buffer.
pub const BUFFER_BYTES: usize = 2048;
/// Bytes of the longest frame: 1,500 of payload, header and VLAN tag, without the checksum that the card adds.
pub const MAX_FRAME: usize = 1518;
/// Bytes of an Ethernet header, and so of the shortest frame. The card pads what is shorter than 60.
pub const MIN_FRAME: usize = 14;

/// The region that payloads name: there is only the pool.
const POOL: u32 = 0;

/// A buffer that is the holder's alone: to be filled and transmitted, or released.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is missing from the pool for ever"]
pub struct Buffer<'a> {
    pub(crate) number: u32,
    pub(crate) bytes: SharedBytes<'a>,
}

impl Buffer<'_> {
    /// Its bytes. Whoever shares the pool, and a device that was lent it once, can change them all the same.
    #[must_use]
    pub fn bytes(&self) -> SharedBytes<'_> {
        self.bytes
    }
}

/// A buffer with a frame in it.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is missing from the pool for ever"]
pub struct Received<'a> {
    /// The buffer; the frame is at its beginning.
    pub buffer: Buffer<'a>,
    /// Bytes of the frame, at most [`MAX_FRAME`].
    pub length: usize,
}

impl Received<'_> {
    /// The frame.
    #[must_use]
    pub fn frame(&self) -> SharedBytes<'_> {
        // Within the buffer, as was checked when the length came.
        self.buffer.bytes.part(0, self.length).unwrap_or(self.buffer.bytes)
    }
}

/// The beginning of buffer `number`, as a descriptor.
pub(crate) const fn payload(number: u32, length: u32) -> Payload {
    part(number as u64 * BUFFER_BYTES as u64, length)
}

/// A part of the pool, as a descriptor.
pub(crate) const fn part(offset: u64, length: u32) -> Payload {
    Payload { region: POOL, offset, length }
}

/// Checks that a foreign descriptor is within one of `buffers` buffers and has a length from `least` on.
pub(crate) fn check(payload: Payload, buffers: u32, least: usize) -> Result<(), OutOfRange> {
    let pool = u64::from(buffers) * BUFFER_BYTES as u64;
    let end = payload.end_within(pool)?;
    let whole = payload.length as usize >= least.max(1);
    if payload.region != POOL
        || !whole
        || payload.offset / BUFFER_BYTES as u64 != (end - 1) / BUFFER_BYTES as u64
    {
        return Err(OutOfRange);
    }
    Ok(())
}
