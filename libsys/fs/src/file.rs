//! Open files.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::RefCell;
use core::fmt;

use anax::Handle;
use anax_abi::Error;
use anax_files::files::{How, Lease, OpenFile, Opened, Walk};
use anax_files::{Attributes, Failure, Kind};
use anax_ring::SharedBytes;

use crate::branch::Branch;
use crate::bytes::{Bytes, Lies};
use crate::session::Session;
use crate::way::Access;

/// Bytes that are asked for at once where nobody knows how many there are.
const STEP: usize = 4096;
/// Most bytes of one write.
const MOST: usize = 1 << 20;

/// How a file is to be opened. Nothing is allowed that is not said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    read: bool,
    write: bool,
    append: bool,
    create: bool,
    create_new: bool,
    truncate: bool,
}

macro_rules! options {
    ($($name:ident = $doc:literal;)+) => {
        impl OpenOptions {
            $(
                #[doc = $doc]
                #[must_use]
                pub const fn $name(mut self, yes: bool) -> Self {
                    self.$name = yes;
                    self
                }
            )+
        }
    };
}

options! {
    read = "It can be read.";
    write = "It can be written.";
    append = "It can be written at its end, wherever that is when something is written; writers don't overwrite each other.";
    create = "It is created if it is not there; with `write` or `append`.";
    create_new = "It is created, and must not be there; with `write` or `append`.";
    truncate = "What it had is gone; with `write`.";
}

impl OpenOptions {
    /// Nothing allowed yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { read: false, write: false, append: false, create: false, create_new: false, truncate: false }
    }

    /// Opens it.
    ///
    /// # Errors
    /// `NotFound`, `Exists`, `IsADirectory` to write, `ReadOnly`, `BadArgument` for options that contradict each other.
    pub fn open(&self, path: &str) -> Result<File, Failure> {
        self.open_in(&Session::own()?, path)
    }

    /// Opens it by that session.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_in(&self, session: &Arc<Session>, path: &str) -> Result<File, Failure> {
        let how = self.how()?;
        let (branch, opened) = session.ask_at(path, self.walk(), |branch, line, at| {
            let opened = line.server.open(at.path, how_at(how, at.is_by_link))?;
            Ok((branch.clone(), opened))
        })?;
        self.file(branch, opened)
    }

    /// Opens it, if no file system has to be asked for that: nothing if one has ([`open_later`](Self::open_later)).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_known(&self, path: &str) -> Result<Option<File>, Failure> {
        self.open_known_in(&Session::own()?, path)
    }

    /// The same by that session.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_known_in(&self, session: &Arc<Session>, path: &str) -> Result<Option<File>, Failure> {
        let how = How { only_known: true, ..self.how()? };
        let opened = session.ask_at(path, self.walk(), |branch, line, at| {
            let opened = line.server.open(at.path, how)?;
            Ok((branch.clone(), opened))
        });
        match opened {
            Ok((branch, opened)) => self.file(branch, opened).map(Some),
            Err(Failure::Way(Error::WouldBlock)) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// What of a path is followed: the last name of what is to be created is none that is there.
    pub(crate) const fn walk(&self) -> Walk {
        if self.create_new { Walk::Parent } else { Walk::Follow }
    }

    /// As the server is told.
    pub(crate) fn how(&self) -> Result<How, Failure> {
        let (write, create) = (self.write || self.append, self.create || self.create_new);
        if create && !write || self.truncate && !self.write {
            return Err(Failure::BadArgument);
        }
        Ok(How {
            read: self.read,
            write,
            create: self.create,
            create_new: self.create_new,
            truncate: self.truncate,
            ..How::default()
        })
    }

    /// What was opened like that.
    pub(crate) fn file(&self, branch: Arc<Branch>, opened: Opened) -> Result<File, Failure> {
        let Opened { file, kind, first } = opened;
        let write = self.write || self.append;
        let access = if write { Access::Write } else { Access::Read };
        let bytes = Bytes::new(branch, (file, kind), access, first);
        if kind == Kind::Directory {
            return Err(Failure::IsADirectory);
        }
        let may = May { read: self.read, write, append: self.append };
        Ok(File { bytes: RefCell::new(bytes), position: 0, may })
    }
}

/// How a file is opened to which a symbolic link has led: it is not created at the end of one.
pub(crate) fn how_at(how: How, is_by_link: bool) -> How {
    How { create: how.create && (!is_by_link || cfg!(bite = "fs-creates-behind-links")), ..how }
}

/// From where a position counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekFrom {
    /// The beginning.
    Start(u64),
    /// The end.
    End(i64),
    /// Where it is.
    Current(i64),
}

/// An open file, with a position of its own. Closed when it is dropped.
pub struct File {
    bytes: RefCell<Bytes>,
    position: u64,
    may: May,
}

/// What it was opened for.
#[derive(Clone, Copy, Debug)]
struct May {
    read: bool,
    write: bool,
    append: bool,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("position", &self.position).finish_non_exhaustive()
    }
}

impl File {
    /// Opens it for reading.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn open(path: &str) -> Result<Self, Failure> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens it for writing, empty; created if it is not there.
    ///
    /// # Errors
    /// As [`OpenOptions::open`].
    pub fn create(path: &str) -> Result<Self, Failure> {
        OpenOptions::new().write(true).create(true).truncate(true).open(path)
    }

    pub(crate) fn server(&self) -> (Arc<Branch>, OpenFile) {
        let bytes = self.bytes.borrow();
        (bytes.session().clone(), bytes.file())
    }

    /// Bytes that it has now. Costs no message.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.bytes.borrow().size()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What comes next: how many bytes, 0 at the end.
    ///
    /// # Errors
    /// `NotPermitted`, `Medium`, `Damaged`.
    pub fn read(&mut self, into: &mut [u8]) -> Result<usize, Failure> {
        let read = self.read_at(self.position, into)?;
        self.position += read as u64;
        Ok(read)
    }

    /// Bytes from an offset on; the position stays.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        if !self.may.read {
            return Err(Failure::NotPermitted);
        }
        self.bytes.borrow_mut().read_at(offset, into)
    }

    /// Bytes from an offset on, as many as are there together without anybody to be asked; the position stays. 0 at the end; nothing if there are none yet ([`wait`](Self::wait)).
    ///
    /// # Errors
    /// As [`read`](Self::read); `Unsupported` of devices.
    pub fn read_known(&self, offset: u64, into: &mut [u8]) -> Result<Option<usize>, Failure> {
        if !self.may.read {
            return Err(Failure::NotPermitted);
        }
        self.bytes.borrow_mut().read_known(offset, into)
    }

    /// Shows bytes from an offset on where they lie, `most` at most, if they are there without anybody to be asked: how many of them were there all the time. If that is 0 what was shown is
    /// worth nothing, if anything was.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn look_known(
        &self,
        offset: u64,
        most: u64,
        look: impl FnOnce(SharedBytes<'_>),
    ) -> Result<usize, Failure> {
        if !self.may.read {
            return Err(Failure::NotPermitted);
        }
        self.bytes.borrow_mut().look_known(offset, most, look)
    }

    /// Where bytes lie together from an offset on, `most` at most: nothing if they are not there, or can't be read. It stays so until the [table](Self::table) says otherwise, or the file is closed.
    #[must_use]
    pub fn lies(&self, offset: u64, most: u64) -> Option<Lies> {
        if self.may.read { self.bytes.borrow().lies(offset, most) } else { None }
    }

    /// The table by which others see whether it still lies there (READ, GRANT), if they can be shown it.
    #[must_use]
    pub fn table(&self) -> Option<Handle> {
        self.bytes.borrow().session().table()
    }

    /// Calls `with` with a handle to that memory of the file's (READ, GRANT), which is good for as long.
    ///
    /// # Errors
    /// `Gone`: it has no such memory any more.
    pub fn with_memory<R>(&self, memory: u64, with: impl FnOnce(Handle) -> R) -> Result<R, Failure> {
        let (session, file) = self.server();
        session.with_memory(file, memory, with)
    }

    /// The server has answered what was wanted there.
    pub(crate) fn wanted(&self, offset: u64, lease: Result<Lease, Failure>) -> Result<(), Failure> {
        self.bytes.borrow_mut().wanted(offset, lease)
    }

    /// All bytes from the position on, behind what is there already.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_to_end(&mut self, into: &mut Vec<u8>) -> Result<usize, Failure> {
        let before = into.len();
        // What it has now, and a byte more, by which its end is seen.
        let mut step =
            usize::try_from(self.bytes.borrow().size().saturating_sub(self.position)).unwrap_or(0) + 1;
        loop {
            let filled = into.len();
            into.try_reserve(step).map_err(|_| Failure::Way(Error::NoMemory))?;
            into.resize(filled + step, 0);
            let read = self.read(&mut into[filled..]);
            into.truncate(filled + read.unwrap_or(0));
            if read? == 0 {
                return Ok(into.len() - before);
            }
            step = STEP;
        }
    }

    /// Writes some of the bytes, at least one of them.
    ///
    /// # Errors
    /// `NotPermitted`, `NoSpace`, `TooLarge`, `Medium`.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Failure> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let bytes = &bytes[..bytes.len().min(MOST)];
        if self.may.append {
            let (session, file) = self.server();
            self.position = session.ask(|line| line.server.append(file, bytes.len() as u64))?;
        }
        self.write_at(self.position, bytes)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    /// Writes all of them.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut bytes = bytes;
        while !bytes.is_empty() {
            let count = self.write(bytes)?;
            bytes = &bytes[count..];
        }
        Ok(())
    }

    /// Writes all of them at an offset; the position stays.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        if !self.may.write {
            return Err(Failure::NotPermitted);
        }
        self.bytes.borrow_mut().write_at(offset, bytes)
    }

    /// Moves the position, also beyond the end: where it is then.
    ///
    /// # Errors
    /// `BadArgument` before the beginning.
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64, Failure> {
        let (from, by) = match to {
            SeekFrom::Start(offset) => (offset, 0),
            SeekFrom::End(by) => (self.bytes.borrow().size(), by),
            SeekFrom::Current(by) => (self.position, by),
        };
        self.position = from.checked_add_signed(by).ok_or(Failure::BadArgument)?;
        Ok(self.position)
    }

    /// What is known of it.
    ///
    /// # Errors
    /// `Medium`.
    pub fn metadata(&self) -> Result<Attributes, Failure> {
        let (session, file) = self.server();
        session.ask(|line| line.server.attributes(file))
    }

    /// Makes it shorter, or longer by zeros.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn set_len(&self, size: u64) -> Result<(), Failure> {
        let (session, file) = self.server();
        session.ask(|line| line.server.set_size(file, size))
    }

    /// Returns when all that was written will last.
    ///
    /// # Errors
    /// `Medium`: also of what was written before and could not be made to last.
    pub fn sync_all(&self) -> Result<(), Failure> {
        let (session, file) = self.server();
        session.ask(|line| line.server.sync(file))
    }
}

/// All of a file.
///
/// # Errors
/// As [`OpenOptions::open`] and [`File::read`].
pub fn read(path: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// All of a file, as text.
///
/// # Errors
/// As [`read`]; `Damaged` if it is not UTF-8.
pub fn read_to_string(path: &str) -> Result<String, Failure> {
    String::from_utf8(read(path)?).map_err(|_| Failure::Damaged)
}

/// Makes a file of these bytes.
///
/// # Errors
/// As [`OpenOptions::open`] and [`File::write`].
pub fn write(path: &str, bytes: &[u8]) -> Result<(), Failure> {
    File::create(path)?.write_all(bytes)
}
