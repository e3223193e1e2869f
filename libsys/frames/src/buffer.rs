//! The pool's buffers, all of one size, each with one owner at a time.

use anax_ring::{OutOfRange, Payload, SharedBytes};

use crate::{Checked, Coalesced, HEAD_BYTES, Offload};

/// Bytes of a buffer.
pub const BUFFER_BYTES: usize = 2048;
/// Bytes of the longest frame: 1,500 of payload, header and VLAN tag, without the checksum that the card adds.
pub const MAX_FRAME: usize = 1518;
/// Bytes of an Ethernet header, and so of the shortest frame. The card pads what is shorter than 60.
pub const MIN_FRAME: usize = 14;

/// The region that payloads name: there is only the pool.
const POOL: u32 = 0;

/// A buffer, or several one behind the other, that is the holder's alone: to be filled and transmitted, or released.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is missing from the pool for ever"]
pub struct Buffer<'a> {
    /// Of the first.
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

/// A buffer with a frame in it, or a part of one.
#[derive(Debug)]
#[must_use = "a buffer that is dropped is missing from the pool for ever"]
pub struct Received<'a> {
    /// The buffer; the frame is at its beginning.
    pub buffer: Buffer<'a>,
    /// Bytes of the frame in the buffer, or in several one behind the other: at most [`MAX_FRAME`] of one that is no coalesced one.
    pub length: usize,
    /// What the card thinks of the frame's checksums.
    pub checked: Checked,
    /// What the frame was put together out of: only for who [accepts](crate::ClientSide::accept) that.
    pub coalesced: Option<Coalesced>,
    /// In so many loans more the frame goes on: the next events are those, and no others.
    pub follow: usize,
    pub(crate) head: [u8; HEAD_BYTES],
    pub(crate) head_bytes: usize,
}

impl Received<'_> {
    /// The part's first bytes, ahead of those in the buffer: none for a frame's first part.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        self.head.get(..self.head_bytes).unwrap_or(&[])
    }

    /// Copies this part, head and buffer, to the beginning of `target`; how many bytes it has.
    ///
    /// # Errors
    /// [`OutOfRange`]: it is longer than that. Then some of it may have been copied.
    pub fn copy_out(&self, target: &mut [u8]) -> Result<usize, OutOfRange> {
        let (first, rest) = target.split_at_mut_checked(self.head_bytes).ok_or(OutOfRange)?;
        first.copy_from_slice(self.head());
        self.frame().copy_out(0, rest.get_mut(..self.length).ok_or(OutOfRange)?)?;
        Ok(self.head_bytes + self.length)
    }

    /// The frame, or what is in the buffer of this part of it.
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
    let end = check_pool(payload, buffers, least)?;
    let is_one = payload.offset / BUFFER_BYTES as u64 == (end - 1) / BUFFER_BYTES as u64;
    if is_one { Ok(()) } else { Err(OutOfRange) }
}

/// Checks that a foreign descriptor is within the pool, for a frame to receive. There may be room for a long one, in several buffers.
pub(crate) fn check_room(payload: Payload, buffers: u32) -> Result<(), OutOfRange> {
    check_pool(payload, buffers, MAX_FRAME).map(drop)
}

/// As [`check`], for a frame to transmit and what is to be done with it. One that is to be cut may lie in several buffers.
pub(crate) fn check_frame(
    payload: Payload,
    buffers: u32,
    offload: Option<Offload>,
) -> Result<(), OutOfRange> {
    match offload {
        Some(Offload { segmentation: Some(_), .. }) => check_pool(payload, buffers, MIN_FRAME).map(drop)?,
        _ => check(payload, buffers, MIN_FRAME)?,
    }
    let fits = Offload::lengths(offload).contains(&(payload.length as usize))
        && offload.is_none_or(|offload| offload.fits(payload.length));
    if fits { Ok(()) } else { Err(OutOfRange) }
}

/// Where it ends, in bytes from the pool's beginning.
fn check_pool(payload: Payload, buffers: u32, least: usize) -> Result<u64, OutOfRange> {
    let end = payload.end_within(u64::from(buffers) * BUFFER_BYTES as u64)?;
    let is_whole = payload.region == POOL && payload.length as usize >= least.max(1);
    if is_whole { Ok(end) } else { Err(OutOfRange) }
}
