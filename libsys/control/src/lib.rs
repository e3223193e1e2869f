//! The control line: how the build tool and the guest talk over COM2.
//!
//! The console (COM1) is for people; what a program must rely on (exit statuses, test results, the bytes a
//! command printed) travels here instead, so that a stray log line can never be taken for a result.
//! A serial line loses and garbles bytes silently, therefore each message travels in a frame of its own with
//! a sequence number and a checksum ([`frame`]), and a receiver that sees a gap says so instead of guessing.
//!
//! Both ends use this one crate; the guest without an allocator.
#![no_std]
#![forbid(unsafe_code)]

pub mod frame;
pub mod message;

pub use frame::{Decoder, EncodeError, Frame, FrameError, MAX_FRAME, MAX_MESSAGE, Sequence, encode};
pub use message::{
    MAX_COMMANDS, MAX_FILE, MAX_OUTPUT, MAX_PART, NotTaken, Outcome, Stream, ToGuest, ToHost, VERSION,
    Verified,
};

/// The checksum of a file.
#[must_use]
pub fn checksum(file: &[u8]) -> u32 {
    crc32fast::hash(file)
}
