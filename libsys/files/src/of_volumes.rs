//! What the VFS server asks a file system's server: [`FileSystem`](crate::FileSystem) as messages.
//!
//! Names, paths, entries and the bytes of devices travel in an arena that the VFS server shares with each volume; pages of files in regions that are lent with the message that is to
//! fill or to store them. Requests are answered in order. The VFS server never waits for an answer: a file system that hangs is nobody's trouble but of those who use it.

use anax_proto::{Fixed, Gift, Reader, Writer};

use crate::{Attributes, Failure, Features, Kind, Node, Text, Usage};

/// Bytes of an arena: sixteen requests under way, a page each.
pub const ARENA: u64 = 65_536;
/// Most bytes that one request fills or stores.
pub const MOST: u64 = 1 << 20;

/// The environment variable of a program that was started to be mounted: it ends when it is not any more.
pub const FOR_A_MOUNT: &str = "FOR_A_MOUNT";

/// A file system.
#[anax_proto::interface]
pub trait Volume {
    /// Begins, with an arena (READ, WRITE): the root directory, and what the file system is like. Whoever began before is forgotten with all its nodes.
    ///
    /// `BadArgument`: it is no such region.
    fn attach(&mut self, arena: Gift) -> Result<(Node, Traits), Failure>;

    /// It has no place in the tree any more, which a program has given it: all nodes are forgotten, and a server that was started for that ends when it has answered.
    fn detach(&mut self) -> Result<(), Failure>;

    /// As [`FileSystem::lookup`](crate::FileSystem::lookup).
    fn lookup(&mut self, directory: Node, name: Text) -> Result<Attributes, Failure>;

    /// As [`FileSystem::attributes`](crate::FileSystem::attributes).
    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure>;

    /// As [`FileSystem::list`](crate::FileSystem::list), into the arena: how many bytes it takes.
    fn list(&mut self, directory: Node, from: u64, room: Text) -> Result<u64, Failure>;

    /// As [`FileSystem::read`](crate::FileSystem::read), into the arena: how many.
    fn read(&mut self, file: Node, offset: u64, room: Text) -> Result<u64, Failure>;

    /// As [`FileSystem::write`](crate::FileSystem::write), from the arena.
    fn write(&mut self, file: Node, offset: u64, bytes: Text) -> Result<(), Failure>;

    /// Reads `length` bytes, at most [`MOST`], into a region (WRITE) from `at` on, whole pages: how many; the others are zero.
    fn fill(&mut self, file: Node, offset: u64, length: u64, at: u64, memory: Gift) -> Result<u64, Failure>;

    /// Writes `length` bytes, at most [`MOST`], of a region (READ, WRITE) from `at` on.
    fn store(&mut self, file: Node, offset: u64, length: u64, at: u64, memory: Gift) -> Result<(), Failure>;

    /// As [`FileSystem::link_path`](crate::FileSystem::link_path), into the arena: how many bytes.
    fn link_path(&mut self, link: Node, room: Text) -> Result<u64, Failure>;

    /// As [`FileSystem::set_size`](crate::FileSystem::set_size).
    fn set_size(&mut self, file: Node, size: u64) -> Result<(), Failure>;

    /// As [`FileSystem::set_modified`](crate::FileSystem::set_modified).
    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure>;

    /// As [`FileSystem::create`](crate::FileSystem::create); the path of a link lies in the arena.
    fn create(
        &mut self,
        directory: Node,
        name: Text,
        kind: Kind,
        path: Text,
        now: u64,
    ) -> Result<Attributes, Failure>;

    /// As [`FileSystem::link`](crate::FileSystem::link).
    fn link(&mut self, file: Node, directory: Node, name: Text) -> Result<(), Failure>;

    /// As [`FileSystem::remove`](crate::FileSystem::remove). If that goes well, `node` is forgotten `count` times at once: with its last name goes what nobody uses.
    fn remove(
        &mut self,
        directory: Node,
        name: Text,
        kind: Kind,
        node: Node,
        count: u64,
    ) -> Result<(), Failure>;

    /// As [`FileSystem::rename`](crate::FileSystem::rename).
    fn rename(&mut self, from: Node, old: Text, to: Node, new: Text) -> Result<(), Failure>;

    /// As [`FileSystem::forget`](crate::FileSystem::forget).
    fn forget(&mut self, node: Node, count: u64) -> Result<(), Failure>;

    /// As [`FileSystem::sync`](crate::FileSystem::sync), of everything.
    fn sync(&mut self) -> Result<(), Failure>;

    /// The same of one node.
    fn sync_node(&mut self, node: Node) -> Result<(), Failure>;

    /// As [`FileSystem::usage`](crate::FileSystem::usage).
    fn usage(&mut self) -> Result<Usage, Failure>;

    /// As [`FileSystem::extent`](crate::FileSystem::extent): its memory (READ, WRITE), and where it lies in it.
    fn extent(&mut self, file: Node, offset: u64, grow: bool) -> Result<(Piece, Gift), Failure>;
}

/// Where a part of a file lies in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it begins in the region.
    pub at: u64,
    /// Where it begins in the file.
    pub from: u64,
    /// Bytes of it.
    pub length: u64,
}

impl Fixed for Piece {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        [self.at, self.from, self.length].into_iter().for_each(|word| to.word(word));
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Some(Self { at: from.word()?, from: from.word()?, length: from.word()? })
    }
}

/// What a file system says of itself, as it travels: its [`Features`] with a short name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Its kind, up to eight bytes.
    pub kind: [u8; 8],
    /// See [`Features`].
    pub is_read_only: bool,
    /// See [`Features`].
    pub folds_case: bool,
    /// See [`Features`].
    pub is_volatile: bool,
    /// See [`Features`].
    pub has_memory: bool,
}

impl From<Features> for Traits {
    fn from(features: Features) -> Self {
        let mut kind = [0; 8];
        kind.iter_mut().zip(features.kind.bytes()).for_each(|(to, byte)| *to = byte);
        let Features { is_read_only, folds_case, is_volatile, has_memory, .. } = features;
        Self { kind, is_read_only, folds_case, is_volatile, has_memory }
    }
}

impl Traits {
    /// Its kind, as text.
    #[must_use]
    pub fn kind(&self) -> &str {
        let length = self.kind.iter().position(|byte| *byte == 0).unwrap_or(self.kind.len());
        core::str::from_utf8(&self.kind[..length]).unwrap_or("?")
    }
}

/// Two words.
impl Fixed for Traits {
    const WORDS: usize = 2;

    fn put(self, to: &mut Writer) {
        let bits = [self.is_read_only, self.folds_case, self.is_volatile, self.has_memory];
        to.word(u64::from_le_bytes(self.kind));
        to.word(bits.into_iter().zip(0..).map(|(bit, place)| u64::from(bit) << place).sum());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (kind, bits) = (from.word()?.to_le_bytes(), from.word()?);
        let bit = |place: u32| bits >> place & 1 != 0;
        (bits < 16).then(|| Self {
            kind,
            is_read_only: bit(0),
            folds_case: bit(1),
            is_volatile: bit(2),
            has_memory: bit(3),
        })
    }
}
