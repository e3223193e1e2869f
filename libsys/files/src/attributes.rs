//! What is known of a file besides its bytes.

use anax_proto::{Fixed, Reader, Writer};

/// Something in a file system, as that numbers it: a number means the same thing from when it is first answered until it is
/// [forgotten](crate::FileSystem::forget), whatever names it has meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(pub u64);

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Bytes.
    File,
    /// Names.
    Directory,
    /// A path.
    Link,
    /// Bytes that its server makes when they are read, or uses when they are written: never cached.
    Device,
}

impl Kind {
    /// As a number.
    #[must_use]
    pub const fn number(self) -> u64 {
        match self {
            Self::File => 0,
            Self::Directory => 1,
            Self::Link => 2,
            Self::Device => 3,
        }
    }

    /// From there.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0 => Self::File,
            1 => Self::Directory,
            2 => Self::Link,
            3 => Self::Device,
            _ => return None,
        })
    }
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// Which it is.
    pub node: Node,
    /// What it is.
    pub kind: Kind,
    /// Bytes of a file, of a link's path, 0 of others.
    pub size: u64,
    /// When its bytes, or its names, were changed last: seconds since 1970 began (UTC), 0 if nobody knows.
    pub modified: u64,
    /// How many names it has.
    pub links: u32,
    /// Whether its bytes can't be changed.
    pub is_read_only: bool,
}

impl Attributes {
    /// Of something with one name that can be changed, without a time.
    #[must_use]
    pub const fn new(node: Node, kind: Kind, size: u64) -> Self {
        Self { node, kind, size, modified: 0, links: 1, is_read_only: false }
    }
}

/// One word.
impl Fixed for Node {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self.0);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        from.word().map(Self)
    }
}

/// One word.
impl Fixed for Kind {
    const WORDS: usize = 1;

    fn put(self, to: &mut Writer) {
        to.word(self.number());
    }

    fn take(from: &mut Reader) -> Option<Self> {
        Self::from_number(from.word()?)
    }
}

/// Four words.
impl Fixed for Attributes {
    const WORDS: usize = 4;

    fn put(self, to: &mut Writer) {
        to.word(self.node.0);
        to.word(self.size);
        to.word(self.modified);
        to.word(self.kind.number() | u64::from(self.is_read_only) << 8 | u64::from(self.links) << 32);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (node, size, modified, rest) = (from.word()?, from.word()?, from.word()?, from.word()?);
        let is_read_only = match rest >> 8 & 0xff_ffff {
            0 => false,
            1 => true,
            _ => return None,
        };
        let kind = Kind::from_number(rest & 0xff)?;
        Some(Self { node: Node(node), kind, size, modified, links: (rest >> 32) as u32, is_read_only })
    }
}
