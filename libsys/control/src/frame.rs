//! Frames: one message each, guarded by a sequence number and a checksum, findable after garbage.
//!
//! On the wire: `0 COBS(sequence:u32le message crc32:u32le) 0`. COBS (Cheshire and Baker, "Consistent
//! Overhead Byte Stuffing", 1999) leaves no zero inside, so a zero always ends a frame. The zero in front
//! costs one byte and keeps noise (a firmware that wrote to the line, a lost byte) from eating the next frame.
//! The checksum covers sequence and message; all single and double bit errors of a frame are detected.

use serde::{Deserialize, Serialize};

/// The largest message, in bytes as postcard encodes it.
pub const MAX_MESSAGE: usize = 1024;

/// Sequence number and checksum.
const OVERHEAD: usize = 8;

/// The largest frame's content before COBS.
const MAX_CONTENT: usize = MAX_MESSAGE + OVERHEAD;

/// The largest frame's content after COBS, without the zeros around it.
const MAX_STUFFED: usize = cobs::max_encoding_length(MAX_CONTENT);

/// The largest frame in bytes, with both of its zeros.
pub const MAX_FRAME: usize = MAX_STUFFED + 2;

/// Why a message could not be put into a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// The message takes more than [`MAX_MESSAGE`] bytes; split its text or bytes.
    TooLong,
}

/// What is wrong with something that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// More than [`MAX_FRAME`] bytes without a zero: not a frame of this protocol.
    TooLong,
    /// Too few bytes to hold a sequence number and a checksum.
    TooShort,
    /// Not COBS: a byte was lost or changed.
    Stuffing,
    /// The checksum does not match the content: a byte was lost or changed.
    Checksum,
    /// The frame is whole but its message is none of the expected type: the two ends differ in version.
    Message,
}

impl core::fmt::Display for FrameError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::TooLong => "bytes without end that form no frame",
            Self::TooShort => "a frame cut short",
            Self::Stuffing | Self::Checksum => "a damaged frame (bad checksum)",
            Self::Message => "a message of another protocol version",
        })
    }
}

impl core::error::Error for FrameError {}

/// Puts `message` into a frame with number `sequence` and returns the bytes to send.
///
/// # Errors
/// [`EncodeError::TooLong`] if the message takes more than [`MAX_MESSAGE`] bytes; `buffer` is then unspecified.
pub fn encode<'b, M: Serialize>(
    sequence: u32,
    message: &M,
    buffer: &'b mut [u8; MAX_FRAME],
) -> Result<&'b [u8], EncodeError> {
    let mut content = [0; MAX_CONTENT];
    content[..4].copy_from_slice(&sequence.to_le_bytes());
    let length = postcard::to_slice(message, &mut content[4..4 + MAX_MESSAGE])
        .map_err(|_| EncodeError::TooLong)?
        .len();
    let checksum = crc32fast::hash(&content[..4 + length]);
    content[4 + length..8 + length].copy_from_slice(&checksum.to_le_bytes());
    buffer[0] = 0;
    let stuffed = cobs::try_encode(&content[..8 + length], &mut buffer[1..=MAX_STUFFED])
        .map_err(|_| EncodeError::TooLong)?;
    buffer[1 + stuffed] = 0;
    Ok(&buffer[..stuffed + 2])
}

/// Finds frames in a stream of bytes. After an error it goes on at the next zero.
pub struct Decoder {
    buffer: [u8; MAX_STUFFED],
    /// Bytes received since the last zero; beyond the buffer's length they are counted as one and dropped.
    received: usize,
}

impl Decoder {
    /// A decoder at the start of a line.
    #[must_use]
    pub const fn new() -> Self {
        Self { buffer: [0; MAX_STUFFED], received: 0 }
    }

    /// Takes the next byte; returns a frame, or what was wrong with it, when this byte ended one.
    ///
    /// # Errors
    /// Any [`FrameError`] but `Message`; the damaged bytes are dropped, the next frame is found all the same.
    pub fn push(&mut self, byte: u8) -> Option<Result<Frame<'_>, FrameError>> {
        if byte != 0 {
            if let Some(place) = self.buffer.get_mut(self.received) {
                *place = byte;
            }
            self.received = (self.received + 1).min(MAX_STUFFED + 1);
            return None;
        }
        let received = core::mem::take(&mut self.received);
        if received == 0 {
            return None;
        }
        let Some(stuffed) = self.buffer.get_mut(..received) else {
            return Some(Err(FrameError::TooLong));
        };
        Some(Frame::open(stuffed))
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

/// A received frame whose checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The sender's count of frames before this one; see [`Sequence`].
    pub sequence: u32,
    payload: &'a [u8],
}

impl<'a> Frame<'a> {
    fn open(stuffed: &'a mut [u8]) -> Result<Self, FrameError> {
        let length = cobs::decode_in_place(stuffed).map_err(|_| FrameError::Stuffing)?;
        let content = stuffed.get(..length).ok_or(FrameError::Stuffing)?;
        let (guarded, checksum) = content.split_last_chunk::<4>().ok_or(FrameError::TooShort)?;
        let (sequence, payload) = guarded.split_first_chunk::<4>().ok_or(FrameError::TooShort)?;
        if crc32fast::hash(guarded) != u32::from_le_bytes(*checksum) {
            return Err(FrameError::Checksum);
        }
        Ok(Self { sequence: u32::from_le_bytes(*sequence), payload })
    }

    /// The message in this frame, borrowing its text and bytes from the decoder.
    ///
    /// # Errors
    /// [`FrameError::Message`] if the content is no `M`, or an `M` with something behind it.
    pub fn message<M: Deserialize<'a>>(&self) -> Result<M, FrameError> {
        match postcard::take_from_bytes(self.payload) {
            Ok((message, [])) => Ok(message),
            _ => Err(FrameError::Message),
        }
    }
}

/// Counts the frames of one direction, on the sending side to number them, on the receiving side to see a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sequence(u32);

impl Sequence {
    /// A line on which nothing was sent yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// The number for the next frame to send.
    pub fn take(&mut self) -> u32 {
        let number = self.0;
        self.0 = number.wrapping_add(1);
        number
    }

    /// Whether a frame of that number has come before: it was sent again by somebody who could not know that.
    #[must_use]
    pub const fn has_come(self, received: u32) -> bool {
        self.0.wrapping_sub(received).cast_signed() > 0
    }

    /// Whether `received` is the number that is due. Counts on from `received` either way, so that one gap is
    /// reported once.
    ///
    /// # Errors
    /// The number that was due instead.
    pub fn check(&mut self, received: u32) -> Result<(), u32> {
        let due = self.0;
        self.0 = received.wrapping_add(1);
        if received == due { Ok(()) } else { Err(due) }
    }
}
