//! Streams that the shell serves itself, at its own port: files, and bytes in memory. Programs reach them by handles whose badges are their numbers.
//!
//! A program that reads a file by `<` thus asks the shell, which asks the file server: one copy more than if that served streams.

use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::RefCell;

use anax::object::Space;
use anax::stream::{BULK, ByteStream, Host as _, Lender, Piece, Typing};
use anax::{Error, Handle, Rights};
use anax_fs::{Failure, File};
use anax_proto::{Caller, Gift, Later};
use anax_stream::PIECE;
use anax_sys::Port;

/// Bytes that a substitution, or a here-document, may have.
pub(crate) const MAX_MEMORY: usize = 4 << 20;

/// What is behind a number.
#[derive(Debug)]
enum Behind {
    /// Bytes to read, and how many were.
    Source(Vec<u8>, usize),
    /// Bytes that were written, unless there were too many.
    Sink(Option<Vec<u8>>),
    /// A file to read.
    Input(File),
    /// A file to write.
    Output(File),
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Table {
    all: BTreeMap<u64, Behind>,
    last: u64,
}

/// The table, as several have it.
pub(crate) type Shared = Rc<RefCell<Table>>;

/// One of them; gone when the last copy is.
#[derive(Debug)]
pub(crate) struct Held {
    number: u64,
    /// For programs.
    pub(crate) handle: Handle,
    table: Shared,
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = Space::SELF.close(self.handle);
        self.table.borrow_mut().all.remove(&self.number);
    }
}

fn error(failure: Failure) -> Error {
    match failure {
        Failure::Way(error) => error,
        Failure::NoSpace | Failure::TooLarge => Error::Full,
        _ => Error::PeerMisbehaved,
    }
}

impl Held {
    fn new(table: &Shared, port: Port, behind: Behind) -> Result<Rc<Self>, Error> {
        let mut inner = table.borrow_mut();
        // The kernel keeps 32 bits; 0 is nobody.
        let number = inner.last + 1;
        if number > u64::from(u32::MAX) {
            return Err(Error::Full);
        }
        let rights = Rights::SEND.with(Rights::GRANT);
        let handle = Space::SELF.duplicate(port.handle(), rights, number)?;
        inner.last = number;
        inner.all.insert(number, behind);
        drop(inner);
        Ok(Rc::new(Self { number, handle, table: Rc::clone(table) }))
    }

    pub(crate) fn source(table: &Shared, port: Port, bytes: Vec<u8>) -> Result<Rc<Self>, Error> {
        Self::new(table, port, Behind::Source(bytes, 0))
    }

    pub(crate) fn sink(table: &Shared, port: Port) -> Result<Rc<Self>, Error> {
        Self::new(table, port, Behind::Sink(Some(Vec::new())))
    }

    pub(crate) fn input(table: &Shared, port: Port, file: File) -> Result<Rc<Self>, Error> {
        Self::new(table, port, Behind::Input(file))
    }

    pub(crate) fn output(table: &Shared, port: Port, file: File) -> Result<Rc<Self>, Error> {
        Self::new(table, port, Behind::Output(file))
    }

    /// What was written to a sink, unless that was too much.
    pub(crate) fn written(&self) -> Option<Vec<u8>> {
        match self.table.borrow_mut().all.get_mut(&self.number) {
            Some(Behind::Sink(bytes)) => bytes.replace(Vec::new()),
            _ => None,
        }
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.table.borrow_mut().write(self.number, bytes)
    }

    pub(crate) fn read(&self, most: usize) -> Result<Vec<u8>, Error> {
        self.table.borrow_mut().read(self.number, most)
    }
}

impl Table {
    fn write(&mut self, number: u64, bytes: &[u8]) -> Result<(), Error> {
        match self.all.get_mut(&number).ok_or(Error::PeerDied)? {
            Behind::Sink(written) => {
                let fits = written.as_ref().is_some_and(|written| written.len() + bytes.len() <= MAX_MEMORY);
                if !fits {
                    *written = None;
                }
                let written = written.as_mut().ok_or(Error::PeerDied)?;
                written.try_reserve(bytes.len()).map_err(|_| Error::NoMemory)?;
                written.extend_from_slice(bytes);
                Ok(())
            }
            Behind::Output(file) => file.write_all(bytes).map_err(error),
            Behind::Source(..) | Behind::Input(_) => Err(Error::NoRights),
        }
    }

    fn read(&mut self, number: u64, most: usize) -> Result<Vec<u8>, Error> {
        match self.all.get_mut(&number).ok_or(Error::PeerDied)? {
            Behind::Source(bytes, at) => {
                let end = bytes.len().min(at.saturating_add(most));
                let piece = bytes[*at..end].to_vec();
                *at = end;
                Ok(piece)
            }
            Behind::Input(file) => {
                let mut piece = vec![0; most.min(BULK)];
                let count = file.read(&mut piece).map_err(error)?;
                piece.truncate(count);
                Ok(piece)
            }
            Behind::Sink(_) | Behind::Output(_) => Err(Error::NoRights),
        }
    }
}

/// Serves them: every answer is given at once, for nothing here waits.
pub(crate) struct Served<'a>(pub(crate) &'a Shared);

impl Served<'_> {
    fn copied_out(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error> {
        let count = usize::try_from(length).ok().filter(|count| (1..=BULK).contains(count));
        let mut bytes = vec![0; count.ok_or(Error::BadArgument)?];
        Lender.copy_out(memory.handle, &mut bytes)?;
        self.0.borrow_mut().write(caller.0, &bytes)?;
        Ok(length)
    }

    fn copied_in(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error> {
        let most = usize::try_from(most).ok().filter(|most| (1..=BULK).contains(most));
        let bytes = self.0.borrow_mut().read(caller.0, most.ok_or(Error::BadArgument)?)?;
        if !bytes.is_empty() {
            Lender.copy_in(memory.handle, &bytes)?;
        }
        Ok(bytes.len() as u64)
    }
}

impl ByteStream for Served<'_> {
    fn write(&mut self, caller: Caller, length: u8, bytes: [u64; PIECE / 8], later: Later<(), Error>) {
        let piece = Piece::from_words(length, bytes).ok_or(Error::BadArgument);
        let written = piece.and_then(|piece| self.0.borrow_mut().write(caller.0, piece.bytes()));
        Lender.answer(&later.answer(written));
    }

    fn read(&mut self, caller: Caller, most: u8, later: Later<(u8, [u64; PIECE / 8]), Error>) {
        let read = match usize::from(most) {
            0 => Err(Error::BadArgument),
            most => self.0.borrow_mut().read(caller.0, most.min(PIECE)),
        };
        Lender.answer(&later.answer(read.map(|bytes| Piece::beginning(&bytes).words())));
    }

    fn write_from(&mut self, caller: Caller, length: u64, memory: Gift) -> Result<u64, Error> {
        let written = self.copied_out(caller, length, memory);
        Lender.close(memory.handle);
        written
    }

    fn read_into(&mut self, caller: Caller, most: u64, memory: Gift) -> Result<u64, Error> {
        let read = self.copied_in(caller, most, memory);
        Lender.close(memory.handle);
        read
    }

    fn ready(&mut self, _: Caller, later: Later<(), Error>) {
        Lender.answer(&later.answer(Ok(())));
    }

    fn typing(&mut self, _: Caller, _: Typing) -> Result<(), Error> {
        Err(Error::BadCommand)
    }

    fn interrupted(&mut self, _: Caller, later: Later<(), Error>) {
        Lender.answer(&later.answer(Err(Error::BadCommand)));
    }
}
