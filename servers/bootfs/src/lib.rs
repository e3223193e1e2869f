//! The boot archive as a file system: read where it lies, in the region that the kernel was started with. Programs that open a file of it map a part of that; nothing is copied.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Bound;

use anax_abi::Handle;
use anax_archive::Archive;
use anax_files::{Attributes, Extent, Failure, Features, FileSystem, Grow, Kind, Listing, Name, Node, Usage};

const ROOT: Node = Node(0);

#[derive(Debug)]
enum Content {
    /// Where it begins in the archive, and how many bytes it has.
    File(u64, u64),
    /// Its entries.
    Directory(BTreeMap<String, Node>),
}

/// The archive as a tree. Nodes are its members and the directories that are in their names, numbered in their order.
#[derive(Debug)]
pub struct Bootfs<'a> {
    region: Handle,
    bytes: &'a [u8],
    nodes: Vec<Content>,
}

impl<'a> Bootfs<'a> {
    /// Of an archive that lies in `region` from its beginning on.
    #[must_use]
    pub fn new(archive: &Archive<'a>, region: Handle) -> Self {
        let bytes = archive.bytes();
        let mut system = Self { region, bytes, nodes: Vec::from([Content::Directory(BTreeMap::new())]) };
        for (path, _) in archive.iter() {
            if let Some(content) = archive.get(path) {
                let offset = content.as_ptr().addr() - bytes.as_ptr().addr();
                system.insert(path, offset as u64, content.len() as u64);
            }
        }
        system
    }

    /// A member whose name is no path is left out, as is one whose directory is a file.
    fn insert(&mut self, path: &str, offset: u64, length: u64) {
        let mut here = ROOT;
        let mut names = path.split('/').peekable();
        while let Some(name) = names.next() {
            if Name::new(name).is_err() {
                return;
            }
            let next = Node(self.nodes.len() as u64);
            let Content::Directory(entries) = &mut self.nodes[here.0 as usize] else { return };
            here = *entries.entry(name.into()).or_insert(next);
            if here == next {
                self.nodes.push(match names.peek() {
                    Some(_) => Content::Directory(BTreeMap::new()),
                    None => Content::File(offset, length),
                });
            }
        }
    }

    fn content(&self, node: Node) -> Result<&Content, Failure> {
        usize::try_from(node.0).ok().and_then(|place| self.nodes.get(place)).ok_or(Failure::NotFound)
    }

    fn directory(&self, node: Node) -> Result<&BTreeMap<String, Node>, Failure> {
        match self.content(node)? {
            Content::Directory(entries) => Ok(entries),
            Content::File(..) => Err(Failure::NotADirectory),
        }
    }
}

impl FileSystem for Bootfs<'_> {
    fn features(&self) -> Features {
        Features {
            kind: "bootfs",
            is_read_only: true,
            folds_case: false,
            is_volatile: false,
            has_memory: true,
        }
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let node = *self.directory(directory)?.get(name.as_str()).ok_or(Failure::NotFound)?;
        self.attributes(node)
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        let (kind, size) = match self.content(node)? {
            Content::File(_, length) => (Kind::File, *length),
            Content::Directory(_) => (Kind::Directory, 0),
        };
        Ok(Attributes { is_read_only: true, ..Attributes::new(node, kind, size) })
    }

    /// In the order of names; a place is one more than a node's number, and nothing ever changes.
    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let entries = self.directory(directory)?;
        let last = entries.iter().find(|(_, node)| node.0 + 1 == from).map(|(name, _)| name.clone());
        let begin = match (from, last) {
            (0, _) => Bound::Unbounded,
            (_, Some(name)) => Bound::Excluded(name),
            (_, None) => return Ok(()),
        };
        for (name, node) in entries.range((begin, Bound::Unbounded)) {
            let kind = match self.content(*node)? {
                Content::File(..) => Kind::File,
                Content::Directory(_) => Kind::Directory,
            };
            if !listing.push(Name::new(name)?, (*node, kind), node.0 + 1) {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let Content::File(at, length) = *self.content(file)? else { return Err(Failure::IsADirectory) };
        let count = length.saturating_sub(offset).min(into.len() as u64) as usize;
        let begin = at.saturating_add(offset.min(length)) as usize;
        let from = self.bytes.get(begin..begin + count).ok_or(Failure::Damaged)?;
        into[..count].copy_from_slice(from);
        Ok(count)
    }

    fn usage(&mut self) -> Result<Usage, Failure> {
        Ok(Usage { bytes: self.bytes.len() as u64, free_bytes: 0, nodes: self.nodes.len() as u64 })
    }

    fn extent(&mut self, file: Node, offset: u64, _: Grow) -> Result<Extent, Failure> {
        let Content::File(at, length) = *self.content(file)? else { return Err(Failure::IsADirectory) };
        if offset >= length {
            return Err(Failure::NotFound);
        }
        Ok(Extent { region: self.region, offset: at, from: 0, length })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::vec::Vec;

    use anax_archive::Writer;

    use super::*;

    fn names(system: &mut Bootfs<'_>, directory: Node) -> Vec<String> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let mut listing = Listing::with_room(40);
            system.list(directory, from, &mut listing).unwrap();
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            let Some(last) = entries.last() else { return all };
            from = last.next;
            all.extend(entries.into_iter().map(|entry| entry.name));
        }
    }

    #[test]
    fn members_are_files_in_directories() {
        let mut writer = Writer::new();
        for (name, content) in
            [("a", &b"first"[..]), ("bin/x", b"second"), ("bin/y", b""), ("z/z/z", b"deep")]
        {
            writer.add(name, content.to_vec()).unwrap();
        }
        let bytes = writer.finish();
        let archive = Archive::open(&bytes).unwrap();
        let mut system = Bootfs::new(&archive, Handle::from_word(1 << 32 | 2));
        assert_eq!(names(&mut system, ROOT), ["a", "bin", "z"]);
        let bin = system.lookup(ROOT, Name::new("bin").unwrap()).unwrap();
        assert_eq!(
            (bin.kind, names(&mut system, bin.node)),
            (Kind::Directory, ["x", "y"].map(String::from).into())
        );
        let x = system.lookup(bin.node, Name::new("x").unwrap()).unwrap();
        assert_eq!((x.kind, x.size), (Kind::File, 6));
        let extent = system.extent(x.node, 3, Grow::No).unwrap();
        assert_eq!(&bytes[extent.offset as usize..][..extent.length as usize], b"second");
        assert_eq!(system.extent(x.node, 6, Grow::No), Err(Failure::NotFound));
        let mut text = [0; 10];
        assert_eq!(system.read(x.node, 2, &mut text), Ok(4));
        assert_eq!(&text[..4], b"cond");
        assert_eq!(system.read(bin.node, 0, &mut text), Err(Failure::IsADirectory));
        assert_eq!(system.lookup(x.node, Name::new("y").unwrap()), Err(Failure::NotADirectory));
        assert_eq!(system.attributes(Node(99)), Err(Failure::NotFound));
    }
}
