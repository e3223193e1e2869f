//! All pipes of a server.

use alloc::collections::BTreeMap;

use anax_abi::{Error, Handle};
use anax_proto::{Answered, Caller, Gift, Later};

use crate::pipe::Pipe;
use crate::{ByteStream, PIECE, Piece, Typing};

/// What pipes need of the program that they are in.
pub trait Host {
    /// Sends an answer. Whether who asked is still there to get it.
    fn answer(&mut self, answered: &Answered) -> bool;

    /// Copies what a lent region begins with.
    ///
    /// # Errors
    /// `BadArgument`, or what else mapping it fails with.
    fn copy_out(&mut self, memory: Handle, to: &mut [u8]) -> Result<(), Error>;

    /// Copies to the beginning of a lent region.
    ///
    /// # Errors
    /// As [`copy_out`](Self::copy_out).
    fn copy_in(&mut self, memory: Handle, from: &[u8]) -> Result<(), Error>;

    /// Gives a handle back that came along.
    fn close(&mut self, handle: Handle);
}

/// An end of a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Bytes come out here.
    Read = 0,
    /// Bytes go in here.
    Write = 1,
}

/// The badges that there can be: the kernel keeps 32 bits.
const MOST_BADGES: u64 = 1 << 32;

/// Pipes, by the badges of their ends. No badge is used twice.
#[derive(Debug)]
pub struct Pipes<H> {
    host: H,
    pipes: BTreeMap<u64, Pipe>,
    made: u64,
}

impl<H: Host> Pipes<H> {
    /// None yet.
    pub const fn new(host: H) -> Self {
        Self { host, pipes: BTreeMap::new(), made: 0 }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.pipes.len()
    }

    /// The program that they are in.
    pub const fn host(&mut self) -> &mut H {
        &mut self.host
    }

    /// One more: the badges of the end to read from and of the end to write to.
    ///
    /// # Errors
    /// `Full` when all badges are used up.
    pub fn make(&mut self) -> Result<[u64; 2], Error> {
        let number = self.made + 1;
        if 2 * number + 1 >= MOST_BADGES {
            return Err(Error::Full);
        }
        self.made = number;
        self.pipes.insert(number, Pipe::new());
        Ok([End::Read, End::Write].map(|end| 2 * number + end as u64))
    }

    /// Nobody holds the end of that badge any more.
    pub fn gone(&mut self, badge: u64) {
        let (number, end) = (badge / 2, badge % 2);
        if let Some(pipe) = self.pipes.get_mut(&number)
            && pipe.gone(end as usize, &mut self.host)
        {
            self.pipes.remove(&number);
        }
    }

    /// The pipe, if that is such an end of it.
    fn end(&mut self, caller: Caller, end: End) -> Result<(&mut Pipe, &mut H), Error> {
        let pipe = self.pipes.get_mut(&(caller.0 / 2)).ok_or(Error::PeerDied)?;
        if caller.0 % 2 == end as u64 || cfg!(bite = "stream-either-end") {
            Ok((pipe, &mut self.host))
        } else {
            Err(Error::NoRights)
        }
    }
}

impl<H: Host> ByteStream for Pipes<H> {
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; PIECE / 8], later: Later<(), Error>) {
        match self.end(caller, End::Write) {
            Ok((pipe, host)) => pipe.write(Piece::from_words(length, bytes), later, host),
            Err(error) => _ = self.host.answer(&later.answer(Err(error))),
        }
    }

    fn read(&mut self, caller: Caller, most: u8, later: Later<(u8, [u64; PIECE / 8]), Error>) {
        match self.end(caller, End::Read) {
            Ok((pipe, host)) => pipe.read(most.into(), later, host),
            Err(error) => _ = self.host.answer(&later.answer(Err(error))),
        }
    }

    fn write_from(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error> {
        let written = self
            .end(caller, End::Write)
            .and_then(|(pipe, host)| pipe.write_from(length, memory.handle, host));
        self.host.close(memory.handle);
        written
    }

    fn read_into(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error> {
        let read =
            self.end(caller, End::Read).and_then(|(pipe, host)| pipe.read_into(most, memory.handle, host));
        self.host.close(memory.handle);
        read
    }

    fn ready(&mut self, caller: Caller, later: Later<(), Error>) {
        let end = if caller.0.is_multiple_of(2) { End::Read } else { End::Write };
        match self.end(caller, end) {
            Ok((pipe, host)) => pipe.ready(end as usize, later, host),
            Err(error) => _ = self.host.answer(&later.answer(Err(error))),
        }
    }

    fn typing(&mut self, _: Caller, _: Typing) -> Result<(), Error> {
        Err(Error::BadCommand)
    }

    fn interrupted(&mut self, _: Caller, later: Later<(), Error>) {
        self.host.answer(&later.answer(Err(Error::BadCommand)));
    }
}
