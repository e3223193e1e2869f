//! What programs ask the VFS server.
//!
//! ```text
//!  program                    arena (the program's)            VFS server
//!    paths, names ───────────▶ │ read, and copied first │ ────▶
//!                             table (the server's, read only here)
//!    sizes, what is there ◀─── │ a word a file, two a lease │ ◀─
//!                             memory of files (whoever made it), mapped by the program
//!    bytes ◀─────────────────▶ │ pages │ ◀── fill, store ──▶ a file system
//! ```
//!
//! A *lease* is the right to use a piece of a file's memory without asking: to read it, and to write it if the file was opened so. Two words of the table say how it stands: the
//! first has a bit for each of its up to 64 pages (or as many larger units) that are there, the second the number of the memory. A program looks at both, copies, and looks
//! again; if they have changed, what it has copied is nothing, and it asks anew. So a cached read costs no message, and pages can be taken away at any time.
//!
//! To close a file is to set a bit at the arena's end ([`CLOSED`]), which the server sees when it looks at that program next: with the program's next request, or when somebody else is kept
//! waiting by it. A file that has lost its last name while it is open says so in its size's word ([`TOLD`]): its end is asked for by a message, since memory is waited for.
//!
//! Whoever has written into a page says so ([`Files::wrote`]): before that the bytes are nobody's business, and may be lost; after it they are the file's, as is its new size.

use anax_proto::{Caller, Fixed, Gift, Later, Reader, Writer};

use crate::{Attributes, Failure, Kind, Text, Usage};

/// The name of the service.
pub const SERVICE: &str = "vfs";
/// Bytes of a program's arena.
pub const ARENA: u64 = 16_384;
/// Words at the arena's end with a bit for each file, by its place: it is closed. The program sets it, the server takes it down.
pub const CLOSED: usize = FILES / 64;
/// Bytes of the arena before those.
pub const ROOM: u64 = ARENA - (CLOSED * size_of::<u64>()) as u64;
/// Files that a program has open at most.
pub const FILES: usize = 256;
/// Words of a program's table.
pub const TABLE: usize = 1024;
/// The bit of a file's size that says that its being closed has to be told.
pub const TOLD: u64 = 1 << 63;
/// Bytes of a page, the least unit of a lease.
pub const PAGE: u64 = 4096;
/// Units of a lease: bits of a word.
pub const UNITS: u64 = 64;

/// Bytes of the units of a lease of so many bytes.
#[must_use]
pub const fn unit(length: u64) -> u64 {
    length.div_ceil(UNITS).next_multiple_of(PAGE)
}

/// The bits of the units in which the bytes from `offset` to before `end` of a lease lie.
#[must_use]
pub const fn bits(unit: u64, offset: u64, end: u64) -> u64 {
    if offset >= end || unit == 0 {
        return 0;
    }
    let (first, last) = (offset / unit, (end - 1) / unit);
    if last >= UNITS {
        return 0;
    }
    (u64::MAX >> (UNITS - 1 - (last - first))) << first
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// To be read.
    pub read: bool,
    /// To be written.
    pub write: bool,
    /// Made if it is not there.
    pub create: bool,
    /// Made, and not there before.
    pub create_new: bool,
    /// Emptied.
    pub truncate: bool,
    /// A directory, to be listed.
    pub directory: bool,
    /// A symbolic link at the end is not followed: it fails with `Loop`.
    pub no_follow: bool,
    /// Only if no file system has to be asked for that: else it fails with `Way(WouldBlock)`.
    pub only_known: bool,
}

/// One word.
impl Fixed for How {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        let bits = [
            self.read,
            self.write,
            self.create,
            self.create_new,
            self.truncate,
            self.directory,
            self.no_follow,
            self.only_known,
        ];
        to.word(bits.into_iter().zip(0..).map(|(bit, place)| u64::from(bit) << place).sum());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let bits = from.word()?;
        let bit = |place: u32| bits >> place & 1 != 0;
        (bits < 1 << 8).then(|| Self {
            read: bit(0),
            write: bit(1),
            create: bit(2),
            create_new: bit(3),
            truncate: bit(4),
            directory: bit(5),
            no_follow: bit(6),
            only_known: bit(7),
        })
    }
}

/// A file that a program has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpenFile(pub u32);

impl OpenFile {
    /// Which of the program's [`FILES`] it is.
    #[must_use]
    pub const fn place(self) -> usize {
        self.0 as usize % FILES
    }
}

/// One word.
impl Fixed for OpenFile {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self.0.into());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        u32::try_from(from.word()?).ok().map(Self)
    }
}

/// A piece of a file's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Where in the table its two words are.
    pub word: u32,
    /// The memory's number, never given twice.
    pub memory: u64,
    /// Where it begins in the file.
    pub from: u64,
    /// Where it begins in the memory.
    pub at: u64,
    /// Bytes of it.
    pub length: u64,
}

/// Five words.
impl Fixed for Lease {
    const WORDS: usize = 5;

    fn put(self, to: &mut Writer) {
        to.word(self.word.into());
        [self.memory, self.from, self.at, self.length].into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let word = u32::try_from(from.word()?).ok()?;
        Some(Self { word, memory: from.word()?, from: from.word()?, at: from.word()?, length: from.word()? })
    }
}

/// What opening answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The file. Its place is where in the table its size stands, too.
    pub file: OpenFile,
    /// What it is.
    pub kind: Kind,
    /// The lease of its beginning, if its memory is there already: what most programs ask for next.
    pub first: Option<Lease>,
}

/// Five words.
impl Fixed for Opened {
    const WORDS: usize = 5;

    fn put(self, to: &mut Writer) {
        let none = Lease { word: 0, memory: 0, from: 0, at: 0, length: 0 };
        let first = self.first.unwrap_or(none);
        self.file.put(to);
        to.word(self.kind.number() | u64::from(first.word) << 32);
        [first.memory, first.at, first.length].into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (file, rest) = (OpenFile::take(from)?, from.word()?);
        let (memory, at, length) = (from.word()?, from.word()?, from.word()?);
        let word = (rest >> 32) as u32;
        let first = (memory != 0).then_some(Lease { word, memory, from: 0, at, length });
        let kind = Kind::from_number(rest & 0xffff_ffff)?;
        Some(Self { file, kind, first })
    }
}

/// What a lease is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To read there.
    Read,
    /// To write there.
    Write,
}

/// One word.
impl Fixed for Purpose {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(match self {
            Self::Read => 0,
            Self::Write => 1,
        });
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(match from.word()? {
            0 => Self::Read,
            1 => Self::Write,
            _ => return None,
        })
    }
}

/// What of a path is to be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// All of it, also a symbolic link at its end.
    Follow,
    /// A symbolic link at its end is meant itself.
    Itself,
    /// The directory in which its last name is, whatever that is.
    Parent,
}

/// One word.
impl Fixed for Walk {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(match self {
            Self::Follow => 0,
            Self::Itself => 1,
            Self::Parent => 2,
        });
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(match from.word()? {
            0 => Self::Follow,
            1 => Self::Itself,
            2 => Self::Parent,
            _ => return None,
        })
    }
}

/// Where a path leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The thread to be asked, which may know of another one.
    pub thread: u16,
    /// Bytes of the path to be asked for that are its mount's own.
    pub mount: u16,
    /// Bytes of that path, in the room that was given.
    pub length: u32,
    /// A symbolic link at the path's end was followed: what is not there is not to be created.
    pub is_by_link: bool,
}

/// Two words.
impl Fixed for Resolved {
    const WORDS: usize = 2;

    fn put(self, to: &mut Writer) {
        to.word(u64::from(self.thread) | u64::from(self.mount) << 16 | u64::from(self.is_by_link) << 32);
        to.word(self.length.into());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (place, length) = (from.word()?, u32::try_from(from.word()?).ok()?);
        let (thread, mount, is_by_link) = (place as u16, (place >> 16) as u16, place >> 32 != 0);
        (place >> 33 == 0).then_some(Self { thread, mount, length, is_by_link })
    }
}

/// The one namespace. What waits for a file system is answered later; paths are plain ([`path`](crate::path)).
///
/// The server has a thread on each CPU, and each mount is one thread's. Whoever asks another one about a path is told `Elsewhere`; files, leases and tables are those of the thread by which they were opened.
/// `mount` and `unmount` are thread 0's.
#[anax_proto::interface]
pub trait Files {
    /// Begins: with an arena (READ, WRITE) of [`ARENA`] bytes, and a port to which nobody else has a handle, by whose end the server knows that the program is gone. A handle for what
    /// it asks from then on, and its table (READ, GRANT: others may look at it for the program).
    ///
    /// `TooMany`: programs. `BadArgument`: it is no such region.
    fn attach(&mut self, arena: Gift, hold: Gift) -> Result<(Gift, Gift), Failure>;

    /// Opens a file or directory.
    ///
    /// `NotFound`, `Exists`, `NotADirectory`, `IsADirectory` to be written, `ReadOnly`, `TooMany`, `BadArgument` for ways that contradict each other, `Loop`;
    /// `Way(WouldBlock)` if only what is known may be opened.
    fn open(&mut self, caller: Caller, path: Text, how: How, later: Later<Opened, Failure>);

    /// Closes it, with all its leases, at once: a file whose size says [`TOLD`].
    ///
    /// `Gone`: it was seen to be closed by its bit.
    fn close(&mut self, caller: Caller, file: OpenFile) -> Result<(), Failure>;

    /// A lease in which that offset lies and is there.
    ///
    /// `Gone`, `NotPermitted`, `NoSpace`, `TooLarge`, `Medium`, `Damaged`; `Unsupported` of what has no memory, as devices; `NotFound`: nothing lies there, it reads as zeros.
    fn want(
        &mut self,
        caller: Caller,
        file: OpenFile,
        offset: u64,
        purpose: Purpose,
        later: Later<Lease, Failure>,
    );

    /// The memory of that number: READ, and WRITE if the file was opened so.
    ///
    /// `Gone`: it is no lease of that file's.
    fn memory(&mut self, caller: Caller, file: OpenFile, memory: u64) -> Result<Gift, Failure>;

    /// Bytes were written into memory of that number, which was there all the time: `length` of them at `offset` in the file, within one lease.
    ///
    /// `Gone`: it was not; they are to be written again. `NotPermitted`; `NoSpace`: they are lost.
    fn wrote(
        &mut self,
        caller: Caller,
        file: OpenFile,
        memory: u64,
        offset: u64,
        length: u64,
        later: Later<(), Failure>,
    );

    /// Makes a file longer by so many bytes, zeros as yet, that are the caller's to write: where they begin.
    ///
    /// `NotPermitted`, `NoSpace`, `TooLarge`.
    fn append(&mut self, caller: Caller, file: OpenFile, length: u64, later: Later<u64, Failure>);

    /// Reads from a device, into the arena: how many bytes.
    ///
    /// `Unsupported` of what has memory.
    fn read(&mut self, caller: Caller, file: OpenFile, offset: u64, room: Text, later: Later<u64, Failure>);

    /// Writes to a device, from the arena.
    ///
    /// `Unsupported` of what has memory.
    fn write(&mut self, caller: Caller, file: OpenFile, offset: u64, bytes: Text, later: Later<(), Failure>);

    /// Entries of a directory, as a [`Listing`](crate::Listing) in the arena: how many bytes.
    ///
    /// `NotADirectory`.
    fn list(&mut self, caller: Caller, file: OpenFile, from: u64, room: Text, later: Later<u64, Failure>);

    /// What is known of an open file.
    fn attributes(&mut self, caller: Caller, file: OpenFile) -> Result<Attributes, Failure>;

    /// What is known of what has that path; of a link itself if `follow` is 0.
    fn stat(&mut self, caller: Caller, path: Text, follow: bool, later: Later<Attributes, Failure>);

    /// Makes a file shorter or longer.
    fn set_size(&mut self, caller: Caller, file: OpenFile, size: u64, later: Later<(), Failure>);

    /// Says when it was changed last.
    fn set_modified(&mut self, caller: Caller, path: Text, seconds: u64, later: Later<(), Failure>);

    /// Answered when all that was written to it will last.
    ///
    /// `Medium` and others, also of what was written before and could not be stored: once.
    fn sync(&mut self, caller: Caller, file: OpenFile, later: Later<(), Failure>);

    /// The same of everything.
    fn sync_all(&mut self, caller: Caller, later: Later<(), Failure>);

    /// Makes a directory, or a symbolic link to `target`.
    fn create(&mut self, caller: Caller, path: Text, kind: Kind, target: Text, later: Later<(), Failure>);

    /// Removes a name, of a directory if `kind` says so.
    fn remove(&mut self, caller: Caller, path: Text, kind: Kind, later: Later<(), Failure>);

    /// Gives it another name.
    fn rename(&mut self, caller: Caller, from: Text, to: Text, later: Later<(), Failure>);

    /// Gives it one more name.
    fn link(&mut self, caller: Caller, file: Text, name: Text, later: Later<(), Failure>);

    /// The path of a symbolic link, into the arena: how many bytes.
    fn link_path(&mut self, caller: Caller, path: Text, room: Text, later: Later<u64, Failure>);

    /// Mounts a file system, a port that serves a [`Volume`](crate::volume::Volume), at a directory. `source`: what people call what it is made of.
    ///
    /// `NotFound`, `NotADirectory`, `Busy`: something is mounted there; `TooMany`.
    fn mount(&mut self, caller: Caller, path: Text, source: Text, port: Gift, later: Later<(), Failure>);

    /// Takes it from the tree.
    ///
    /// `NotFound`, `Busy`; what storing failed with, and then it stays.
    fn unmount(&mut self, caller: Caller, path: Text, later: Later<(), Failure>);

    /// The mount of that number, counted from 0, in the arena: three texts of a length byte each (path, kind, source), a byte that is 1 if it is read-only, and two with the number of its thread, the lower one first.
    /// How many bytes, 0 if there are no more.
    fn mounted(&mut self, caller: Caller, number: u64, room: Text) -> Result<u64, Failure>;

    /// How full the file system is in which that path lies.
    fn usage(&mut self, caller: Caller, path: Text, later: Later<Usage, Failure>);

    /// A handle by which another thread of the server is asked, which has files of its own: to [begin](Self::attach) there.
    ///
    /// `BadArgument`: there is no such thread.
    fn thread(&mut self, caller: Caller, number: u32) -> Result<Gift, Failure>;

    /// Where a path leads as far as this thread knows, and what to ask for there, which is written into the arena.
    ///
    /// As [`stat`](Self::stat), but never `Elsewhere`; of a [`Walk::Parent`] `Busy` where something is mounted. `TooLong`: there is no room.
    fn resolve(
        &mut self,
        caller: Caller,
        path: Text,
        walk: Walk,
        room: Text,
        later: Later<Resolved, Failure>,
    );

    /// How many operations this thread has begun, which is all that it did not answer at once: for whoever wants to see who does the work.
    fn operations(&mut self, caller: Caller) -> Result<u64, Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_of_leases() {
        assert_eq!((unit(1), unit(4096 * 64), unit(4096 * 64 + 1)), (4096, 4096, 8192));
        assert_eq!(bits(4096, 0, 1), 1);
        assert_eq!(bits(4096, 4095, 4097), 3);
        assert_eq!(bits(4096, 4096, 4096), 0);
        assert_eq!(bits(4096, 0, 64 * 4096), u64::MAX);
        assert_eq!(bits(4096, 63 * 4096, 64 * 4096), 1 << 63);
        assert_eq!(bits(4096, 63 * 4096, 64 * 4096 + 1), 0, "beyond its end");
    }
}
