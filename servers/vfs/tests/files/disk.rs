//! A file system as those of disks are: bytes are read and written through it, and nobody sees its memory. Tests look at it directly.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use anax_files::{Attributes, Creation, Failure, Features, FileSystem, Kind, Listing, Name, Node, Usage};

const ROOT: u64 = 2;

/// What it has, and what not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    pub(crate) bytes: u64,
    pub(crate) longest: u64,
    pub(crate) folds_case: bool,
    pub(crate) has_links: bool,
}

impl Default for Make {
    fn default() -> Self {
        Self { bytes: 64 << 20, longest: 1 << 32, folds_case: false, has_links: true }
    }
}

#[derive(Debug)]
pub(crate) enum Content {
    File(Vec<u8>),
    Link(String),
    /// By its key, in which case may be folded: the name as it was given, the node, its place in listings.
    Directory(BTreeMap<String, (String, u64, u64)>),
}

#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) content: Content,
    pub(crate) links: u32,
    pub(crate) modified: u64,
    pub(crate) is_known: bool,
    parent: u64,
}

#[derive(Debug)]
pub(crate) struct State {
    make: Make,
    pub(crate) nodes: BTreeMap<u64, Inode>,
    last: u64,
    places: u64,
    /// Bytes that were written, or set, and not made to last since.
    pub(crate) is_synced: bool,
    pub(crate) writes: u64,
}

/// The file system. Copies are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Disk(Arc<Mutex<State>>);

impl State {
    fn key(&self, name: &str) -> String {
        if self.make.folds_case { name.to_lowercase() } else { name.into() }
    }

    fn node(&self, node: u64) -> Result<&Inode, Failure> {
        self.nodes.get(&node).ok_or(Failure::NotFound)
    }

    fn entries(&self, directory: u64) -> Result<&BTreeMap<String, (String, u64, u64)>, Failure> {
        match &self.node(directory)?.content {
            Content::Directory(entries) => Ok(entries),
            _ => Err(Failure::NotADirectory),
        }
    }

    fn entries_mut(&mut self, directory: u64) -> &mut BTreeMap<String, (String, u64, u64)> {
        match &mut self.nodes.get_mut(&directory).unwrap().content {
            Content::Directory(entries) => entries,
            _ => unreachable!("looked at before"),
        }
    }

    fn file(&mut self, node: u64) -> Result<&mut Vec<u8>, Failure> {
        match &mut self.nodes.get_mut(&node).ok_or(Failure::NotFound)?.content {
            Content::File(bytes) => Ok(bytes),
            Content::Directory(_) => Err(Failure::IsADirectory),
            Content::Link(_) => Err(Failure::BadArgument),
        }
    }

    fn used(&self) -> u64 {
        let bytes = |inode: &Inode| match &inode.content {
            Content::File(bytes) => bytes.len().next_multiple_of(512) as u64,
            _ => 0,
        };
        self.nodes.values().map(bytes).sum()
    }

    fn attributes(&self, node: u64) -> Result<Attributes, Failure> {
        let inode = self.node(node)?;
        let (kind, size) = match &inode.content {
            Content::File(bytes) => (Kind::File, bytes.len()),
            Content::Link(path) => (Kind::Link, path.len()),
            Content::Directory(_) => (Kind::Directory, 0),
        };
        let (modified, links) = (inode.modified, inode.links);
        Ok(Attributes { modified, links, ..Attributes::new(Node(node), kind, size as u64) })
    }

    fn unname(&mut self, node: u64) {
        self.nodes.get_mut(&node).unwrap().links -= 1;
        self.end_if_unused(node);
    }

    fn end_if_unused(&mut self, node: u64) {
        if self.nodes.get(&node).is_some_and(|inode| inode.links == 0 && !inode.is_known) {
            self.nodes.remove(&node);
        }
    }

    /// Sizes of files that are to be; for each more than there are.
    fn resize(&mut self, file: u64, size: u64) -> Result<(), Failure> {
        let now = self.file(file)?.len() as u64;
        if size > self.make.longest {
            return Err(Failure::TooLarge);
        }
        let blocks = |size: u64| size.next_multiple_of(512);
        if size > now && self.used() + blocks(size) - blocks(now) > self.make.bytes {
            return Err(Failure::NoSpace);
        }
        self.file(file)?.resize(size as usize, 0);
        self.is_synced = false;
        Ok(())
    }

    /// The bytes of what has that path.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        match &self.nodes[&self.find(path)?].content {
            Content::File(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(crate) fn find(&self, path: &str) -> Option<u64> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(ROOT, |here, name| {
            self.entries(here).ok()?.get(&self.key(name)).map(|(_, node, _)| *node)
        })
    }

    /// Paths of all that has one, but of the root.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.walk(ROOT, "", &mut paths);
        paths.sort();
        paths
    }

    fn walk(&self, directory: u64, path: &str, into: &mut Vec<String>) {
        for (name, node, _) in self.entries(directory).unwrap().values() {
            let path = format!("{path}/{name}");
            if self.entries(*node).is_ok() {
                self.walk(*node, &path, into);
            }
            into.push(path);
        }
    }
}

impl Disk {
    pub(crate) fn new(make: Make) -> Self {
        let content = Content::Directory(BTreeMap::new());
        let root = Inode { content, links: 1, modified: 0, is_known: true, parent: ROOT };
        let nodes = BTreeMap::from([(ROOT, root)]);
        Self(Arc::new(Mutex::new(State { make, nodes, last: ROOT, places: 0, is_synced: true, writes: 0 })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl FileSystem for Disk {
    fn features(&self) -> Features {
        let folds_case = self.state().make.folds_case;
        Features { kind: "disk", is_read_only: false, folds_case, is_volatile: false, has_memory: false }
    }

    fn root(&self) -> Node {
        Node(ROOT)
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let mut state = self.state();
        let key = state.key(&name);
        let node = state.entries(directory.0)?.get(&key).ok_or(Failure::NotFound)?.1;
        state.nodes.get_mut(&node).unwrap().is_known = true;
        state.attributes(node)
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        self.state().attributes(node.0)
    }

    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let state = self.state();
        let mut entries: Vec<_> =
            state.entries(directory.0)?.values().filter(|entry| entry.2 > from).collect();
        entries.sort_by_key(|entry| entry.2);
        for (name, node, place) in entries {
            let kind = state.attributes(*node)?.kind;
            if !listing.push(Name::new(name)?, (Node(*node), kind), *place) {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let mut state = self.state();
        let bytes = state.file(file.0)?;
        let rest = bytes.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn link_path(&mut self, link: Node) -> Result<String, Failure> {
        match &self.state().node(link.0)?.content {
            Content::Link(path) => Ok(path.clone()),
            _ => Err(Failure::BadArgument),
        }
    }

    fn write(&mut self, file: Node, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let mut state = self.state();
        let end = offset + bytes.len() as u64;
        if end > state.file(file.0)?.len() as u64 {
            state.resize(file.0, end)?;
        }
        let (from, to) = (offset as usize, end as usize);
        state.file(file.0)?[from..to].copy_from_slice(bytes);
        (state.is_synced, state.writes) = (false, state.writes + 1);
        Ok(())
    }

    fn set_size(&mut self, file: Node, size: u64) -> Result<(), Failure> {
        self.state().resize(file.0, size)
    }

    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure> {
        self.state().nodes.get_mut(&node.0).ok_or(Failure::NotFound)?.modified = seconds;
        Ok(())
    }

    fn create(
        &mut self,
        directory: Node,
        name: Name<'_>,
        what: Creation<'_>,
        now: u64,
    ) -> Result<Attributes, Failure> {
        let mut state = self.state();
        let key = state.key(&name);
        let entries = state.entries(directory.0)?;
        if state.node(directory.0)?.links == 0 {
            return Err(Failure::NotFound);
        }
        if entries.contains_key(&key) {
            return Err(Failure::Exists);
        }
        let content = match what {
            Creation::File => Content::File(Vec::new()),
            Creation::Directory => Content::Directory(BTreeMap::new()),
            Creation::Link(_) if !state.make.has_links => return Err(Failure::Unsupported),
            Creation::Link(path) => Content::Link(path.into()),
        };
        (state.last, state.places) = (state.last + 1, state.places + 1);
        let (node, place) = (state.last, state.places);
        let inode = Inode { content, links: 1, modified: now, is_known: true, parent: directory.0 };
        state.nodes.insert(node, inode);
        state.entries_mut(directory.0).insert(key, (name.as_str().into(), node, place));
        state.attributes(node)
    }

    fn link(&mut self, file: Node, directory: Node, name: Name<'_>) -> Result<(), Failure> {
        let mut state = self.state();
        if !state.make.has_links {
            return Err(Failure::Unsupported);
        }
        let key = state.key(&name);
        if state.entries(file.0).is_ok() {
            return Err(Failure::IsADirectory);
        }
        if state.entries(directory.0)?.contains_key(&key) {
            return Err(Failure::Exists);
        }
        if state.node(file.0)?.links == 0 || state.node(directory.0)?.links == 0 {
            return Err(Failure::NotFound);
        }
        state.places += 1;
        let place = state.places;
        state.entries_mut(directory.0).insert(key, (name.as_str().into(), file.0, place));
        state.nodes.get_mut(&file.0).unwrap().links += 1;
        Ok(())
    }

    fn remove(&mut self, directory: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        let mut state = self.state();
        let key = state.key(&name);
        let node = state.entries(directory.0)?.get(&key).ok_or(Failure::NotFound)?.1;
        match (state.entries(node).map(BTreeMap::is_empty), kind) {
            (Ok(true), Kind::Directory) => {}
            (Ok(false), Kind::Directory) => return Err(Failure::NotEmpty),
            (Ok(_), _) => return Err(Failure::IsADirectory),
            (Err(_), Kind::Directory) => return Err(Failure::NotADirectory),
            _ => {}
        }
        state.entries_mut(directory.0).remove(&key);
        state.unname(node);
        Ok(())
    }

    fn rename(&mut self, from: (Node, Name<'_>), to: (Node, Name<'_>)) -> Result<(), Failure> {
        let mut state = self.state();
        let (old, new) = (state.key(&from.1), state.key(&to.1));
        let node = state.entries(from.0.0)?.get(&old).ok_or(Failure::NotFound)?.1;
        let is_directory = state.entries(node).is_ok();
        let mut above = to.0.0;
        state.entries(above)?;
        if state.node(above)?.links == 0 {
            return Err(Failure::NotFound);
        }
        while is_directory && above != ROOT {
            if above == node {
                return Err(Failure::BadArgument);
            }
            above = state.node(above)?.parent;
        }
        let there = state.entries(to.0.0)?.get(&new).map(|entry| entry.1);
        if let Some(there) = there.filter(|there| *there != node) {
            match (state.entries(there).map(BTreeMap::is_empty), is_directory) {
                (Ok(true), true) | (Err(_), false) => {}
                (Ok(false), true) => return Err(Failure::NotEmpty),
                (Ok(_), false) => return Err(Failure::IsADirectory),
                (Err(_), true) => return Err(Failure::NotADirectory),
            }
        } else if there.is_some() && (from.0, &old) != (to.0, &new) {
            // Two names of one file: both stay.
            return Ok(());
        }
        state.entries_mut(from.0.0).remove(&old);
        state.places += 1;
        let place = state.places;
        state.entries_mut(to.0.0).insert(new, (to.1.as_str().into(), node, place));
        state.nodes.get_mut(&node).unwrap().parent = to.0.0;
        if let Some(there) = there.filter(|there| *there != node) {
            state.unname(there);
        }
        Ok(())
    }

    fn forget(&mut self, node: Node, _: u64) {
        let mut state = self.state();
        if node.0 == ROOT {
            return;
        }
        if let Some(inode) = state.nodes.get_mut(&node.0) {
            inode.is_known = false;
        }
        state.end_if_unused(node.0);
    }

    fn sync(&mut self, _: Option<Node>) -> Result<(), Failure> {
        self.state().is_synced = true;
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, Failure> {
        let state = self.state();
        let free_bytes = state.make.bytes - state.used();
        Ok(Usage { bytes: state.make.bytes, free_bytes, nodes: state.nodes.len() as u64 })
    }
}
