//! A client's way to a server's port.

use anax_abi::{Error, WORDS};
use anax_proto::{CONNECT, Format, Reply, Request, Transport};
use anax_sys::Target;

use crate::words::{pack, unpack};

/// Messages to a port, which `find` finds, and finds again when its server has died: it waits for the successor.
#[derive(Debug)]
pub struct PortTransport<F> {
    find: F,
    target: Target,
}

impl<F: FnMut() -> Result<Target, Error>> PortTransport<F> {
    /// Finds the server and connects to it.
    ///
    /// # Errors
    /// As `find`; `PeerMisbehaved` if what it finds does not serve the interface of that fingerprint; what a message there fails with.
    pub fn open(mut find: F, fingerprint: u64) -> Result<Self, Error> {
        let target = find()?;
        connect(target, fingerprint)?;
        Ok(Self { find, target })
    }

    /// Where messages go.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }
}

/// Makes sure that it serves the interface.
fn connect(target: Target, fingerprint: u64) -> Result<(), Error> {
    let served = target.domsg(CONNECT, [fingerprint, 0, 0, 0, 0])?.words[0];
    if served == fingerprint { Ok(()) } else { Err(Error::PeerMisbehaved) }
}

impl<F: FnMut() -> Result<Target, Error>> Transport for PortTransport<F> {
    #[inline(always)]
    fn call(&mut self, request: &Request<'_>, space: &mut [u8]) -> Result<Reply, Error> {
        let is_fixed = request.format == Format::Fixed;
        let words = if is_fixed { request.words } else { pack(request.bytes)? };
        match self.target.domsg(request.command, words) {
            Ok(answer) if answer.result != 0 => Ok(Reply::failed(-answer.result.cast_signed())),
            Ok(answer) if is_fixed => Ok(Reply { code: 0, words: answer.words, length: 0 }),
            Ok(answer) => Ok(bytes_of(answer.words, space)),
            Err(error) => Err(error),
        }
    }

    fn reconnect(&mut self, fingerprint: u64) -> Result<(), Error> {
        self.target = (self.find)()?;
        connect(self.target, fingerprint)
    }
}

fn bytes_of(words: [u64; WORDS], space: &mut [u8]) -> Reply {
    let (bytes, length) = unpack(words);
    let length = length.min(space.len());
    space[..length].copy_from_slice(&bytes[..length]);
    Reply { code: 0, words, length }
}
