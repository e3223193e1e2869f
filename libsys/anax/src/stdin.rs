//! What a program reads.

use alloc::string::String;
use alloc::vec::Vec;

use anax_abi::Error;
use anax_startup::handles;
use anax_stream::Typing;
use anax_sys::lock::Lock;

use crate::stream::transfer;

/// Bytes that are asked for at once.
const BUFFER: usize = 4096;
/// The longest line, in bytes; a longer one comes in pieces.
const LONGEST: usize = 64 << 10;

/// Standard input of this program; all values of this type are the same.
///
/// Bytes are fetched ahead, up to 4 KiB of them: a program that is started later, and inherits this stream, finds what is left in it.
#[derive(Clone, Copy, Debug)]
pub struct Stdin(());

/// Standard input. A program that was given none is at its end.
#[must_use]
pub const fn stdin() -> Stdin {
    Stdin(())
}

/// What was fetched, and not read.
static FETCHED: Lock<Fetched> = Lock::new(Fetched { bytes: Vec::new(), read: 0 });

struct Fetched {
    bytes: Vec<u8>,
    read: usize,
}

impl Fetched {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.read..]
    }

    /// Fetches more, if nothing is left; none is the end.
    fn more(&mut self) -> Result<&[u8], Error> {
        if self.rest().is_empty() {
            self.bytes.clear();
            self.bytes.try_reserve_exact(BUFFER).map_err(|_| Error::NoMemory)?;
            self.bytes.resize(BUFFER, 0);
            self.read = BUFFER;
            let count = fetch(&mut self.bytes)?;
            self.bytes.truncate(count);
            self.read = 0;
        }
        Ok(self.rest())
    }
}

fn fetch(to: &mut [u8]) -> Result<usize, Error> {
    // A question is seen before it is answered.
    crate::printing::flush();
    crate::handle(handles::STDIN).map_or(Ok(0), |handle| transfer::read(handle, to))
}

impl Stdin {
    /// The next bytes, as many as there are, at least one unless `to` is empty; 0 at the end. Waits for them.
    ///
    /// # Errors
    /// `PeerDied` if whoever served the stream is gone; `Aborted` if many others wait for the same bytes.
    pub fn read(self, to: &mut [u8]) -> Result<usize, Error> {
        let mut fetched = FETCHED.lock();
        if fetched.rest().is_empty() && to.len() >= BUFFER {
            return fetch(to);
        }
        let more = if to.is_empty() { &[][..] } else { fetched.more()? };
        let count = more.len().min(to.len());
        to[..count].copy_from_slice(&more[..count]);
        fetched.read += count;
        Ok(count)
    }

    /// Adds the next line to `line`, with its end if it has one: how many bytes, 0 at the end of the stream. What is not UTF-8 is replaced as
    /// [`String::from_utf8_lossy`] does. A line of more than 64 KiB comes in pieces.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_line(self, line: &mut String) -> Result<usize, Error> {
        let (mut fetched, mut bytes) = (FETCHED.lock(), Vec::new());
        loop {
            let more = fetched.more()?;
            let end = more.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(more.len(), |end| end + 1).min(LONGEST - bytes.len());
            bytes.extend_from_slice(&more[..count]);
            fetched.read += count;
            if count == 0 || bytes.len() == LONGEST || bytes.ends_with(b"\n") {
                break;
            }
        }
        line.push_str(&String::from_utf8_lossy(&bytes));
        Ok(bytes.len())
    }

    /// All lines that are left, without their ends.
    #[must_use]
    pub const fn lines(self) -> Lines {
        Lines(())
    }

    /// How what a person types comes to be read from now on, until the program ends.
    ///
    /// # Errors
    /// `BadCommand`: no person types there. `NoRights`: he types for somebody else.
    pub fn typing(self, how: Typing) -> Result<(), Error> {
        let handle = crate::handle(handles::STDIN).ok_or(Error::BadCommand)?;
        transfer::client(handle)?.typing(how)
    }
}

/// Lines of standard input; see [`Stdin::lines`].
#[derive(Debug)]
pub struct Lines(());

impl Iterator for Lines {
    type Item = Result<String, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = String::new();
        match stdin().read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                if line.ends_with('\n') {
                    line.pop();
                }
                Some(Ok(line))
            }
            Err(error) => Some(Err(error)),
        }
    }
}
