//! The file system.

use alloc::string::String;

use anax_files::{
    Attributes, Creation, Extent, Failure, Features, FileSystem, Grow, Kind, Listing, Name, Node, Nodes,
    Usage,
};

use crate::directory::{Directory, Key, Keys};
use crate::node::{Content, Inode};
use crate::pieces::{Pieces, Regions};

/// Bytes of the longest file.
pub const LONGEST_FILE: u64 = 1 << 40;
/// Bytes that a node is counted as, beside what is in it: so that empty files have an end, too.
const NODE: u64 = 256;
const ROOT: Node = Node(1);

/// A file system whose files and names take so many bytes at most.
#[derive(Debug)]
pub struct Tmpfs<R> {
    regions: R,
    nodes: Nodes<Inode>,
    keys: Keys,
    last: u64,
    limit: u64,
    used: u64,
}

impl<R: Regions> Tmpfs<R> {
    /// An empty one. `keys`: numbers that nobody can guess.
    pub fn new(regions: R, limit: u64, keys: Keys) -> Self {
        let root = Inode::new(Content::Directory(Directory::default()), ROOT, 0);
        Self { regions, nodes: Nodes::from_iter([(ROOT, root)]), keys, last: ROOT.0, limit, used: 0 }
    }

    /// Where its regions come from.
    pub const fn regions(&mut self) -> &mut R {
        &mut self.regions
    }

    fn node(&self, node: Node) -> Result<&Inode, Failure> {
        self.nodes.get(&node).ok_or(Failure::NotFound)
    }

    fn node_mut(&mut self, node: Node) -> Result<&mut Inode, Failure> {
        self.nodes.get_mut(&node).ok_or(Failure::NotFound)
    }

    fn directory(&self, node: Node) -> Result<&Directory, Failure> {
        match &self.node(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Failure::NotADirectory),
        }
    }

    fn directory_mut(&mut self, node: Node) -> Result<&mut Directory, Failure> {
        match &mut self.node_mut(node)?.content {
            Content::Directory(directory) => Ok(directory),
            _ => Err(Failure::NotADirectory),
        }
    }

    /// A directory that has a name, and so can get entries.
    fn living(&self, node: Node) -> Result<&Directory, Failure> {
        let inode = self.node(node)?;
        match &inode.content {
            Content::Directory(_) if inode.links == 0 => Err(Failure::NotFound),
            Content::Directory(directory) => Ok(directory),
            _ => Err(Failure::NotADirectory),
        }
    }

    fn find(&self, directory: Node, key: Key<'_>) -> Result<Node, Failure> {
        self.directory(directory)?.get(key).ok_or(Failure::NotFound)
    }

    fn charge(&mut self, bytes: u64) -> Result<(), Failure> {
        let used = self.used.checked_add(bytes).filter(|used| *used <= self.limit);
        self.used = used.ok_or(Failure::NoSpace)?;
        Ok(())
    }

    /// It has a name less.
    fn unname(&mut self, node: Node) {
        if let Some(inode) = self.nodes.get_mut(&node) {
            inode.links = inode.links.saturating_sub(1);
        }
        self.end_if_unused(node);
    }

    /// What has no name, and is known to nobody, ends.
    fn end_if_unused(&mut self, node: Node) {
        let is_unused = self.nodes.get(&node).is_some_and(|inode| inode.links == 0 && !inode.is_known);
        if !is_unused {
            return;
        }
        let Some(inode) = self.nodes.remove(&node) else { return };
        let mut freed = NODE;
        match inode.content {
            Content::File { mut pieces, .. } => freed += pieces.cut(0, &mut self.regions),
            Content::Link(path) => freed += path.len() as u64,
            Content::Directory(_) => {}
        }
        self.used = self.used.saturating_sub(freed);
    }

    /// Whether `inner` is `outer`, or lies in it.
    fn lies_in(&self, mut inner: Node, outer: Node) -> bool {
        loop {
            if inner == outer {
                return true;
            }
            match self.nodes.get(&inner) {
                Some(inode) if inner != ROOT && inode.parent != inner => inner = inode.parent,
                _ => return false,
            }
        }
    }

    /// Whether what has a name may lose it to another node.
    fn may_replace(&self, there: Node, with: Kind) -> Result<(), Failure> {
        match (&self.node(there)?.content, with) {
            (Content::Directory(directory), Kind::Directory) if directory.is_empty() => Ok(()),
            (Content::Directory(_), Kind::Directory) => Err(Failure::NotEmpty),
            (Content::Directory(_), _) => Err(Failure::IsADirectory),
            (_, Kind::Directory) => Err(Failure::NotADirectory),
            _ => Ok(()),
        }
    }
}

impl<R: Regions> FileSystem for Tmpfs<R> {
    fn features(&self) -> Features {
        Features {
            kind: "tmpfs",
            is_read_only: false,
            folds_case: false,
            is_volatile: false,
            has_memory: true,
        }
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let key = Key::new(self.keys, name);
        let node = self.find(directory, key)?;
        let inode = self.node_mut(node)?;
        inode.is_known = true;
        Ok(inode.attributes(node))
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        self.node(node).map(|inode| inode.attributes(node))
    }

    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        for (name, node, place) in self.directory(directory)?.after(from) {
            if !listing.push(Name::new(name)?, (node, self.node(node)?.kind()), place) {
                break;
            }
        }
        Ok(())
    }

    /// Its bytes are read where they lie: see [`extent`](FileSystem::extent).
    fn read(&mut self, file: Node, _: u64, _: &mut [u8]) -> Result<usize, Failure> {
        match self.node(file)?.kind() {
            Kind::Directory => Err(Failure::IsADirectory),
            _ => Err(Failure::Unsupported),
        }
    }

    fn link_path(&mut self, link: Node) -> Result<String, Failure> {
        match &self.node(link)?.content {
            Content::Link(path) => Ok(path.clone()),
            _ => Err(Failure::BadArgument),
        }
    }

    fn set_size(&mut self, file: Node, to: u64) -> Result<(), Failure> {
        if to > LONGEST_FILE {
            return Err(Failure::TooLarge);
        }
        let inode = self.nodes.get_mut(&file).ok_or(Failure::NotFound)?;
        let Content::File { pieces, size } = &mut inode.content else { return Err(Failure::IsADirectory) };
        if to < *size {
            self.used = self.used.saturating_sub(pieces.cut(to, &mut self.regions));
        }
        *size = to;
        Ok(())
    }

    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure> {
        self.node_mut(node)?.modified = seconds;
        Ok(())
    }

    fn create(
        &mut self,
        directory: Node,
        name: Name<'_>,
        what: Creation<'_>,
        now: u64,
    ) -> Result<Attributes, Failure> {
        let (keys, key) = (self.keys, Key::new(self.keys, name));
        if self.living(directory)?.get(key).is_some() {
            return Err(Failure::Exists);
        }
        let (content, bytes) = match what {
            Creation::File => (Content::File { pieces: Pieces::default(), size: 0 }, 0),
            Creation::Directory => (Content::Directory(Directory::default()), 0),
            Creation::Link(path) => (Content::Link(path.into()), path.len() as u64),
        };
        self.charge(NODE + bytes)?;
        self.last += 1;
        let node = Node(self.last);
        let inode = Inode::new(content, directory, now);
        let attributes = inode.attributes(node);
        self.nodes.insert(node, inode);
        let inode = self.node_mut(directory)?;
        inode.modified = now;
        if let Content::Directory(entries) = &mut inode.content {
            entries.put(keys, key, node);
        }
        Ok(attributes)
    }

    fn link(&mut self, file: Node, directory: Node, name: Name<'_>) -> Result<(), Failure> {
        self.living(directory)?;
        let inode = self.node(file)?;
        match inode.kind() {
            Kind::Directory => return Err(Failure::IsADirectory),
            _ if inode.links == 0 => return Err(Failure::NotFound),
            _ => {}
        }
        let (keys, key) = (self.keys, Key::new(self.keys, name));
        if self.directory(directory)?.get(key).is_some() {
            return Err(Failure::Exists);
        }
        self.directory_mut(directory)?.put(keys, key, file);
        self.node_mut(file)?.links += 1;
        Ok(())
    }

    fn remove(&mut self, directory: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        let key = Key::new(self.keys, name);
        let node = self.find(directory, key)?;
        match (&self.node(node)?.content, kind) {
            (Content::Directory(entries), Kind::Directory) if !entries.is_empty() => {
                return Err(Failure::NotEmpty);
            }
            (Content::Directory(_), Kind::Directory) => {}
            (Content::Directory(_), _) => return Err(Failure::IsADirectory),
            (_, Kind::Directory) => return Err(Failure::NotADirectory),
            _ => {}
        }
        self.directory_mut(directory)?.remove(key);
        self.unname(node);
        Ok(())
    }

    fn rename(&mut self, from: (Node, Name<'_>), to: (Node, Name<'_>)) -> Result<(), Failure> {
        let keys = self.keys;
        let (old, new) = (Key::new(keys, from.1), Key::new(keys, to.1));
        let node = self.find(from.0, old)?;
        self.living(to.0)?;
        let kind = self.node(node)?.kind();
        if kind == Kind::Directory && self.lies_in(to.0, node) {
            return Err(Failure::BadArgument);
        }
        let there = self.directory(to.0)?.get(new);
        if there == Some(node) {
            // Two names of one file, or the same name: nothing changes (POSIX.1-2017, rename).
            return Ok(());
        }
        if let Some(there) = there {
            self.may_replace(there, kind)?;
        }
        self.directory_mut(from.0)?.remove(old);
        self.directory_mut(to.0)?.put(keys, new, node);
        self.node_mut(node)?.parent = to.0;
        if let Some(there) = there {
            self.unname(there);
        }
        Ok(())
    }

    fn forget(&mut self, node: Node, _: u64) {
        if let Some(inode) = self.nodes.get_mut(&node) {
            inode.is_known = false;
        }
        self.end_if_unused(node);
    }

    fn usage(&mut self) -> Result<Usage, Failure> {
        let free_bytes = self.limit.saturating_sub(self.used);
        Ok(Usage { bytes: self.limit, free_bytes, nodes: self.nodes.len() as u64 })
    }

    fn extent(&mut self, file: Node, offset: u64, grow: Grow) -> Result<Extent, Failure> {
        if offset >= LONGEST_FILE {
            return Err(Failure::TooLarge);
        }
        let Content::File { pieces, .. } = &self.node(file)?.content else {
            return Err(Failure::IsADirectory);
        };
        if let Some(extent) = pieces.at(offset) {
            return Ok(extent);
        }
        if grow == Grow::No {
            return Err(Failure::NotFound);
        }
        let (from, length) = pieces.missing(offset);
        self.charge(length)?;
        let region = match self.regions.make(length) {
            Ok(region) => region,
            Err(failure) => {
                self.used -= length;
                return Err(failure);
            }
        };
        let Content::File { pieces, .. } = &mut self.node_mut(file)?.content else {
            return Err(Failure::IsADirectory);
        };
        pieces.insert(from, length, region);
        Ok(Extent { region, offset: 0, from, length })
    }
}
