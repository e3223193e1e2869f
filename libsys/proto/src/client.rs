//! The client's side: one question, asked again of a successor where that does no harm.

use anax_abi::{Error, WORDS};

use crate::beside::Beside;
use crate::message::{Reply, Request};
use crate::method::Format;

/// Successors that an idempotent question is asked of before it fails.
pub const RETRIES: u32 = 3;

/// What carries a client's messages to its server.
pub trait Transport {
    /// Asks and waits for the answer; the bytes of a long one come to `space`, handles both ways stand in `beside`.
    ///
    /// # Errors
    /// `PeerDied` if the server has ended over it, or before; what else the way there can fail with.
    fn call(&mut self, request: &Request<'_>, beside: &mut Beside, space: &mut [u8]) -> Result<Reply, Error>;

    /// Waits for the server's successor and connects to it, which has to have the same fingerprint.
    ///
    /// # Errors
    /// `PeerDied` if there will be none, `PeerMisbehaved` if it serves another interface.
    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error>;
}

/// The client of an interface, whichever that is: for whoever makes one by its type alone.
pub trait Client<T: Transport>: Sized {
    /// The interface's: what it serves has to have the same.
    const FINGERPRINT: u64;

    /// By that way, which is connected.
    fn over(transport: T) -> Self;
}

/// Asks by `transport`, and again if the server dies and that `is_idempotent`. Used by generated clients.
///
/// # Errors
/// As [`Transport::call`]; `PeerMisbehaved` for an answer with more bytes than there is room.
#[inline(always)]
pub fn ask<T: Transport>(
    transport: &mut T,
    (fingerprint, is_idempotent): (u64, bool),
    request: &Request<'_>,
    beside: &mut Beside,
    space: &mut [u8],
) -> Result<Reply, Error> {
    let mut left = if is_idempotent || cfg!(bite = "proto-asks-twice") { RETRIES } else { 0 };
    loop {
        match transport.call(request, beside, space) {
            // A lie that would make the client look beyond its buffer.
            Ok(reply) if reply.length > space.len() && cfg!(not(bite = "proto-length-believed")) => {
                return Err(Error::PeerMisbehaved);
            }
            Err(Error::PeerDied) if left > 0 => {
                left -= 1;
                transport.reconnect(fingerprint)?;
            }
            answer => return answer,
        }
    }
}

impl Request<'_> {
    /// A question of fixed layout.
    #[must_use]
    pub const fn fixed(command: u32, words: [u64; WORDS]) -> Self {
        Self { command, format: Format::Fixed, words, bytes: &[] }
    }
}

impl<'a> Request<'a> {
    /// A question that travels as bytes.
    #[must_use]
    pub const fn control(command: u32, bytes: &'a [u8]) -> Self {
        Self { command, format: Format::Control, words: [bytes.len() as u64, 0, 0, 0, 0], bytes }
    }
}
