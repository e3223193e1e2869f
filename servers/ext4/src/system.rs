//! What the VFS server asks.

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::iter::Peekable;

use anax_files::{Attributes, Failure, Features, FileSystem, Kind, Listing, Name, Node, Usage, path};
use anax_sectors::Disk;
use ext4_view::{Ext4Error, FileType, Metadata, Path, ReadDir};

use crate::gate::Bytes;
use crate::nodes::{Nodes, ROOT};
use crate::reader::Readers;

/// Nodes that are not known have numbers from here on when they are listed.
const HINTS: u64 = 1 << 63;

/// A listing that goes on.
struct Going {
    directory: Node,
    at: u64,
    entries: Peekable<ReadDir>,
}

/// An ext4 file system on a disk.
pub struct Ext4 {
    system: ext4_view::Ext4,
    nodes: Nodes,
    readers: Readers,
    going: Option<Going>,
    bytes: u64,
}

impl fmt::Debug for Ext4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ext4").field("nodes", &self.nodes).finish_non_exhaustive()
    }
}

/// What an error of `ext4-view` is here.
#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(crate) fn failure(error: Ext4Error) -> Failure {
    match error {
        Ext4Error::Io(_) => Failure::Medium,
        Ext4Error::NotFound => Failure::NotFound,
        Ext4Error::NotADirectory => Failure::NotADirectory,
        Ext4Error::IsADirectory => Failure::IsADirectory,
        Ext4Error::NotASymlink => Failure::BadArgument,
        Ext4Error::PathTooLong => Failure::TooLong,
        Ext4Error::FileTooLarge => Failure::TooLarge,
        Ext4Error::IsASpecialFile | Ext4Error::Encrypted | Ext4Error::Incompatible(_) => Failure::Unsupported,
        _ => Failure::Damaged,
    }
}

fn kind(of: FileType) -> Kind {
    if of.is_dir() {
        Kind::Directory
    } else if of.is_symlink() {
        Kind::Link
    } else {
        // Sockets, pipes and devices of Linux are files here that can't be read.
        Kind::File
    }
}

fn attributes(of: &Metadata) -> Attributes {
    let kind = kind(of.file_type());
    let is_special = kind == Kind::File && !of.file_type().is_regular_file();
    let size = if kind == Kind::Directory || is_special { 0 } else { of.len() };
    let modified = u64::try_from(of.modified().seconds()).unwrap_or(0);
    Attributes { modified, is_read_only: true, ..Attributes::new(ROOT, kind, size) }
}

impl Ext4 {
    /// The one on that disk.
    ///
    /// # Errors
    /// `Damaged`: there is none. `Unsupported`: it has features that nobody here knows. `Medium`.
    pub fn open(disk: impl Disk + 'static) -> Result<Self, Failure> {
        let shape = disk.shape();
        let has_failed = Rc::new(Cell::new(false));
        let mut bytes = Bytes { disk, has_failed: has_failed.clone() };
        bytes.check()?;
        let system = ext4_view::Ext4::load(Box::new(bytes)).map_err(failure)?;
        let root = system.symlink_metadata("/").map_err(failure)?;
        if !root.is_dir() {
            return Err(Failure::Damaged);
        }
        Ok(Self {
            system,
            nodes: Nodes::new(attributes(&root)),
            readers: Readers::new(has_failed),
            going: None,
            bytes: shape.sectors.saturating_mul(shape.sector_bytes() as u64),
        })
    }

    /// A directory's path.
    fn directory(&mut self, directory: Node) -> Result<Vec<u8>, Failure> {
        let known = self.nodes.get(directory)?;
        if known.attributes.kind == Kind::Directory {
            Ok(known.path.clone())
        } else {
            Err(Failure::NotADirectory)
        }
    }

    /// A directory's entries from a place on.
    fn entries(&mut self, directory: Node, from: u64) -> Result<Going, Failure> {
        let path = self.directory(directory)?;
        match self.going.take() {
            Some(going) if going.directory == directory && going.at == from && from > 0 => Ok(going),
            _ => {
                let path = if path.is_empty() { b"/" } else { path.as_slice() };
                let path = Path::try_from(path).map_err(|_| Failure::Damaged)?;
                let mut entries = self.system.read_dir(path).map_err(failure)?.peekable();
                let mut at = 0;
                // As many as there are, at most: each turn takes one.
                while at < from && entries.next().is_some() {
                    at += 1;
                }
                Ok(Going { directory, at, entries })
            }
        }
    }
}

impl FileSystem for Ext4 {
    fn features(&self) -> Features {
        Features {
            kind: "ext4",
            is_read_only: true,
            folds_case: false,
            is_volatile: false,
            has_memory: false,
        }
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let mut path = self.directory(directory)?;
        path.push(b'/');
        path.extend_from_slice(name.as_bytes());
        if path.len() > path::LONGEST {
            return Err(Failure::TooLong);
        }
        let typed = Path::try_from(path.as_slice()).map_err(|_| Failure::BadArgument)?;
        let found = attributes(&self.system.symlink_metadata(typed).map_err(failure)?);
        Ok(self.nodes.admit(path, found))
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        let known = self.nodes.get(node)?;
        Ok(Attributes { node, ..known.attributes })
    }

    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let mut going = self.entries(directory, from)?;
        let path = self.directory(directory)?;
        while let Some(entry) = going.entries.peek() {
            let Ok(entry) = entry else { return Err(Failure::Damaged) };
            let name = entry.file_name();
            // What is no text nobody here could say.
            let name = Name::from_bytes(name.as_ref());
            if let (Ok(name), Ok(of)) = (name, entry.file_type()) {
                let mut path = path.clone();
                path.push(b'/');
                path.extend_from_slice(name.as_bytes());
                let node = self.nodes.at(&path).unwrap_or(Node(HINTS | going.at));
                if !listing.push(name, (node, kind(of)), going.at + 1) {
                    self.going = Some(going);
                    return Ok(());
                }
            }
            going.entries.next();
            going.at += 1;
        }
        Ok(())
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let known = self.nodes.get(file)?;
        match known.attributes.kind {
            Kind::File => {}
            Kind::Directory => return Err(Failure::IsADirectory),
            Kind::Link | Kind::Device => return Err(Failure::BadArgument),
        }
        let count = known.attributes.size.saturating_sub(offset).min(into.len() as u64) as usize;
        if count == 0 {
            return Ok(0);
        }
        self.readers.read(&self.system, (file, known), offset, &mut into[..count])
    }

    fn link_path(&mut self, link: Node) -> Result<String, Failure> {
        let known = self.nodes.get(link)?;
        if known.attributes.kind != Kind::Link {
            return Err(Failure::BadArgument);
        }
        if known.attributes.size > path::LONGEST as u64 {
            return Err(Failure::Damaged);
        }
        let path = Path::try_from(known.path.as_slice()).map_err(|_| Failure::Damaged)?;
        let target = self.system.read_link(path).map_err(failure)?;
        Ok(target.to_str().map_err(|_| Failure::Damaged)?.into())
    }

    fn forget(&mut self, node: Node, count: u64) {
        if self.nodes.forget(node, count) {
            self.readers.close(node);
        }
    }

    /// How much of it is free nobody asks whom nothing can be given.
    fn usage(&mut self) -> Result<Usage, Failure> {
        Ok(Usage { bytes: self.bytes, free_bytes: 0, nodes: 0 })
    }
}
