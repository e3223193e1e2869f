//! What a file system does.

use alloc::string::String;

use anax_abi::Handle;
use anax_proto::{Fixed, Reader, Writer};

use crate::{Attributes, Failure, Kind, Listing, Name, Node, Pages};

/// What a file system has to say of itself when it is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// What kind it is, for people: `"fat32"`.
    pub kind: &'static str,
    /// Whether nothing in it can be changed.
    pub is_read_only: bool,
    /// Whether upper and lower case are the same in names.
    pub folds_case: bool,
    /// Whether names appear, vanish and change without the VFS server's doing, so that it may remember none.
    pub is_volatile: bool,
    /// Whether it keeps the bytes of its files in memory itself, see [`FileSystem::extent`].
    pub has_memory: bool,
}

/// How full it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes in all.
    pub bytes: u64,
    /// Bytes that files can still take.
    pub free_bytes: u64,
    /// Files and directories that it has, 0 if it does not count them.
    pub nodes: u64,
}

/// Three words.
impl Fixed for Usage {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        [self.bytes, self.free_bytes, self.nodes].into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(Self { bytes: from.word()?, free_bytes: from.word()?, nodes: from.word()? })
    }
}

/// A part of a file that lies in memory: a piece of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The region, of which the file system keeps its handle.
    pub region: Handle,
    /// Where in it the part begins, in bytes.
    pub offset: u64,
    /// Where in the file it begins.
    pub from: u64,
    /// Bytes of it, of which those beyond the file's end are zero.
    pub length: u64,
}

/// A file system. One request at a time, from one thread; nodes that come as arguments were answered before and not yet forgotten, else the answer is `NotFound`.
///
/// Whoever serves it keeps the VFS server's count of each node ([`forget`](Self::forget)): a node whose last name is removed lives on until it is forgotten.
pub trait FileSystem {
    /// What it is like. The same answer for ever.
    fn features(&self) -> Features;

    /// The root directory, which is never forgotten.
    fn root(&self) -> Node;

    /// What has that name in a directory. Counts as one answer of the node.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`, `Medium`, `Damaged`.
    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure>;

    /// What is known of a node.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure>;

    /// Entries of a directory, without `.` and `..`, from where an entry before said that the next one is; 0 is the beginning. What neither came nor went meanwhile is listed exactly
    /// once, whatever else is created and removed between two calls. Nothing more in an empty answer.
    ///
    /// # Errors
    /// `NotADirectory`, `Medium`, `Damaged`.
    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure>;

    /// Bytes of a file from an offset on: how many, fewer than there is room for only at its end.
    ///
    /// # Errors
    /// `IsADirectory`, `Medium`, `Damaged`.
    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure>;

    /// The same into pages, as far as that goes without the bytes' being copied in this program's own memory: who has them from a disk saves that by implementing this, too. How many of `length`
    /// bytes, which are whole pages; at the file's end the rest of its last page is zero, and elsewhere what was read is whole pages. What is left is [read](Self::read).
    ///
    /// # Errors
    /// As [`read`](Self::read).
    fn read_pages(
        &mut self,
        file: Node,
        offset: u64,
        length: usize,
        into: &dyn Pages,
    ) -> Result<usize, Failure> {
        let _none = (file, offset, length, into);
        Ok(0)
    }

    /// The path of a symbolic link.
    ///
    /// # Errors
    /// `BadArgument`: it is none.
    fn link_path(&mut self, link: Node) -> Result<String, Failure> {
        let _none = link;
        Err(Failure::BadArgument)
    }

    /// Writes bytes, which make a file longer if they go beyond its end; what lies between is zero. All or an error.
    ///
    /// # Errors
    /// `NoSpace`, `TooLarge`, `ReadOnly`, `IsADirectory`, `Medium`, `Damaged`.
    fn write(&mut self, file: Node, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let _none = (file, offset, bytes);
        Err(Failure::ReadOnly)
    }

    /// Makes a file shorter, or longer by zeros.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn set_size(&mut self, file: Node, size: u64) -> Result<(), Failure> {
        let _none = (file, size);
        Err(Failure::ReadOnly)
    }

    /// Says when it was changed last, in seconds since 1970 began.
    ///
    /// # Errors
    /// `ReadOnly`, `Medium`, `Damaged`.
    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure> {
        let _none = (node, seconds);
        Err(Failure::ReadOnly)
    }

    /// Makes an empty file, an empty directory, or a link with that path. Counts as one answer of the node. `now` in seconds since 1970 began.
    ///
    /// # Errors
    /// `Exists`, `NotADirectory`, `NoSpace`, `ReadOnly`, `Unsupported`, `BadArgument` for a name that this one can't have, `Medium`, `Damaged`.
    fn create(
        &mut self,
        directory: Node,
        name: Name<'_>,
        what: Creation<'_>,
        now: u64,
    ) -> Result<Attributes, Failure> {
        let _none = (directory, name, what, now);
        Err(Failure::ReadOnly)
    }

    /// Gives a file one more name.
    ///
    /// # Errors
    /// As [`create`](Self::create); `IsADirectory`.
    fn link(&mut self, file: Node, directory: Node, name: Name<'_>) -> Result<(), Failure> {
        let _none = (file, directory, name);
        Err(Failure::Unsupported)
    }

    /// Removes a name, of an empty directory if `kind` says so, else of anything but a directory. Its node lives on until it is forgotten.
    ///
    /// # Errors
    /// `NotFound`, `NotEmpty`, `IsADirectory`, `NotADirectory`, `ReadOnly`, `Medium`, `Damaged`.
    fn remove(&mut self, directory: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        let _none = (directory, name, kind);
        Err(Failure::ReadOnly)
    }

    /// Gives something another name in place of the one that it has; what had that name loses it, if it is of the same kind and no directory with entries. All or nothing, as
    /// far as the medium allows. No directory is moved into itself.
    ///
    /// # Errors
    /// `NotFound`, `NotEmpty`, `IsADirectory`, `NotADirectory`, `BadArgument` (into itself), `NoSpace`, `ReadOnly`, `Medium`, `Damaged`.
    fn rename(&mut self, from: (Node, Name<'_>), to: (Node, Name<'_>)) -> Result<(), Failure> {
        let _none = (from, to);
        Err(Failure::ReadOnly)
    }

    /// The VFS server has no use any more for `count` of the answers in which the node was named. When none is left, a node without a name ends.
    fn forget(&mut self, node: Node, count: u64) {
        let _none = (node, count);
    }

    /// Makes all that was written last, of one node or of everything.
    ///
    /// # Errors
    /// `Medium`.
    fn sync(&mut self, node: Option<Node>) -> Result<(), Failure> {
        let _all = node;
        Ok(())
    }

    /// How full it is.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    fn usage(&mut self) -> Result<Usage, Failure> {
        Ok(Usage::default())
    }

    /// Of a file system with memory of its own: the part of a file with that offset. Programs read and write it where it lies. If there is none there, and `grow` says so, it is made: zeros,
    /// also beyond the file's end, where [`set_size`](Self::set_size) will move it.
    ///
    /// # Errors
    /// `NotFound`: nothing lies there, it reads as zeros. `NoSpace`, `TooLarge`.
    fn extent(&mut self, file: Node, offset: u64, grow: Grow) -> Result<Extent, Failure> {
        let _none = (file, offset, grow);
        Err(Failure::Unsupported)
    }
}

/// What is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creation<'a> {
    /// An empty file.
    File,
    /// An empty directory.
    Directory,
    /// A symbolic link with that path.
    Link(&'a str),
}

/// Whether memory is made where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grow {
    /// It is to be written.
    Yes,
    /// It is to be read.
    No,
}
