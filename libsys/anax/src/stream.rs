//! Byte streams that this program has beside the standard three: pipes, and what it gives to programs that it starts.
//!
//! ```text
//! let (reader, writer) = anax::stream::pipe()?;
//! let mut first = Command::new("cat")?.stdout(writer).start()?;
//! let mut second = Command::new("upper")?.stdin(reader).start()?;
//! ```
//!
//! A pipe is this program's own, served by a thread that the first one starts, and charged to it: it ends with the program, as the programs do that it
//! has started.

mod lender;
mod server;
pub(crate) mod transfer;

pub use anax_stream::{BULK, ByteStream, CAPACITY, Host, Piece, Typing, byte_stream};
pub use lender::Lender;
pub use server::pipe;

use alloc::vec::Vec;
use core::fmt;

use anax_abi::{Error, Handle, Rights};
use anax_sys::object::Space;

/// An end of a stream; its share in it is given up when this is dropped.
#[derive(Debug)]
struct End {
    port: Handle,
    hold: Handle,
}

impl End {
    fn try_clone(&self) -> Result<Self, Error> {
        let copy = |handle| Space::SELF.duplicate(handle, Rights::ALL, 0);
        let port = copy(self.port)?;
        match copy(self.hold) {
            Ok(hold) => Ok(Self { port, hold }),
            Err(error) => {
                let _ = Space::SELF.close(port);
                Err(error)
            }
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        for handle in [self.port, self.hold] {
            let _ = Space::SELF.close(handle);
        }
    }
}

/// The end of a pipe where bytes come out.
#[derive(Debug)]
pub struct Reader(End);

/// The end of a pipe where bytes go in.
#[derive(Debug)]
pub struct Writer(End);

impl Reader {
    /// By which its server is asked, for whoever does not want to wait for the answer.
    #[must_use]
    pub const fn handle(&self) -> Handle {
        self.0.port
    }

    /// The next bytes, as many as there are, at least one unless `to` is empty; 0 when nobody has the other end any more. Waits for them.
    ///
    /// # Errors
    /// `Aborted` if many others wait for the same bytes.
    pub fn read(&mut self, to: &mut [u8]) -> Result<usize, Error> {
        transfer::read(self.0.port, to)
    }

    /// Adds all that comes until the end, but `most` bytes at most: how many.
    ///
    /// # Errors
    /// As [`read`](Self::read); `NoMemory`. What was read until then is there.
    pub fn read_to_end(&mut self, to: &mut Vec<u8>, most: usize) -> Result<usize, Error> {
        let begin = to.len();
        loop {
            let (have, left) = (to.len(), most.saturating_sub(to.len() - begin));
            let room = left.min(BULK);
            to.try_reserve(room).map_err(|_| Error::NoMemory)?;
            to.resize(have + room, 0);
            let read = self.read(&mut to[have..]);
            to.truncate(have + *read.as_ref().unwrap_or(&0));
            if read? == 0 {
                return Ok(to.len() - begin);
            }
        }
    }

    /// Another handle to the same end: each byte comes out once, and the end is in use until both are gone.
    ///
    /// # Errors
    /// `Quota`.
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.0.try_clone().map(Self)
    }
}

impl Writer {
    /// By which its server is asked, for whoever does not want to wait for the answer.
    #[must_use]
    pub const fn handle(&self) -> Handle {
        self.0.port
    }

    /// Writes these bytes. Waits as long as the pipe is full.
    ///
    /// # Errors
    /// `PeerDied` if nobody has the other end any more; part of them may be written then.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Error> {
        transfer::write_all(self.0.port, bytes)
    }

    /// Another handle to the same end, which is in use until both are gone.
    ///
    /// # Errors
    /// `Quota`.
    pub fn try_clone(&self) -> Result<Self, Error> {
        self.0.try_clone().map(Self)
    }
}

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write_all(text.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// What a program that is started gets for one of its standard streams.
#[derive(Debug, Default)]
pub enum Stdio {
    /// The same that this program has; none if it has none.
    #[default]
    Inherit,
    /// Nothing to read; what is written is gone.
    Null,
    /// The end of a pipe that is read from; this program's share in it goes along.
    Reader(Reader),
    /// The end of a pipe that is written to, likewise.
    Writer(Writer),
    /// A port, at which somebody serves [`ByteStream`].
    Port(Handle),
}

impl From<Reader> for Stdio {
    fn from(end: Reader) -> Self {
        Self::Reader(end)
    }
}

impl From<Writer> for Stdio {
    fn from(end: Writer) -> Self {
        Self::Writer(end)
    }
}

impl Stdio {
    /// The handles that go along, of the stream of that name: it, and what keeps it open.
    pub(crate) fn handles(&self, name: &str, hold: &str) -> [Option<(Handle, Rights)>; 2] {
        let port = |handle| (handle, Rights::SEND.with(Rights::GRANT));
        let silent = |handle| (handle, Rights::GRANT);
        match self {
            Self::Inherit => [crate::handle(name).map(port), crate::handle(hold).map(silent)],
            // Any handle without the right to send is this stream.
            Self::Null => [crate::handle(anax_startup::handles::PORT).map(silent), None],
            Self::Reader(Reader(end)) | Self::Writer(Writer(end)) => {
                [Some(port(end.port)), Some(silent(end.hold))]
            }
            Self::Port(handle) => [Some(port(*handle)), None],
        }
    }
}
