//! A file, directory or link.

use alloc::string::String;

use anax_files::{Attributes, Kind, Node};

use crate::directory::Directory;
use crate::pieces::Pieces;

#[derive(Debug)]
pub(crate) enum Content {
    File { pieces: Pieces, size: u64 },
    Directory(Directory),
    Link(String),
}

#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) content: Content,
    /// Names that it has.
    pub(crate) links: u32,
    pub(crate) modified: u64,
    /// Somebody was told of it, and has not forgotten it.
    pub(crate) is_known: bool,
    /// The directory that a directory is in.
    pub(crate) parent: Node,
}

impl Inode {
    pub(crate) const fn new(content: Content, parent: Node, now: u64) -> Self {
        Self { content, links: 1, modified: now, is_known: true, parent }
    }

    pub(crate) const fn kind(&self) -> Kind {
        match self.content {
            Content::File { .. } => Kind::File,
            Content::Directory(_) => Kind::Directory,
            Content::Link(_) => Kind::Link,
        }
    }

    pub(crate) const fn attributes(&self, node: Node) -> Attributes {
        let size = match &self.content {
            Content::File { size, .. } => *size,
            Content::Directory(_) => 0,
            Content::Link(path) => path.len() as u64,
        };
        let (kind, modified, links) = (self.kind(), self.modified, self.links);
        Attributes { node, kind, size, modified, links, is_read_only: false }
    }
}
