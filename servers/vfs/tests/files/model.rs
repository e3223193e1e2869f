//! What files are, in as few lines as can be: names, bytes, errors.

use std::collections::BTreeMap;

use anax_fs::{Failure, Kind};

#[derive(Debug)]
enum Content {
    File(Vec<u8>),
    Directory(BTreeMap<String, usize>),
}

#[derive(Debug)]
struct Inode {
    content: Content,
    links: u32,
}

/// The tree. A path is a row of names, from its root on.
#[derive(Debug)]
pub(crate) struct Model {
    nodes: Vec<Inode>,
}

/// How a file is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Way {
    pub(crate) read: bool,
    pub(crate) write: bool,
    pub(crate) append: bool,
    pub(crate) create: bool,
    pub(crate) create_new: bool,
    pub(crate) truncate: bool,
}

impl Way {
    pub(crate) const fn writes(self) -> bool {
        self.write || self.append
    }
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { nodes: vec![Inode { content: Content::Directory(BTreeMap::new()), links: 1 }] }
    }

    fn entries(&mut self, node: usize) -> Result<&mut BTreeMap<String, usize>, Failure> {
        match &mut self.nodes[node].content {
            Content::Directory(entries) => Ok(entries),
            Content::File(_) => Err(Failure::NotADirectory),
        }
    }

    pub(crate) fn find(&mut self, path: &str) -> Result<usize, Failure> {
        path.split('/')
            .filter(|name| !name.is_empty())
            .try_fold(0, |here, name| self.entries(here)?.get(name).copied().ok_or(Failure::NotFound))
    }

    fn parent<'a>(&mut self, path: &'a str) -> Result<(usize, &'a str), Failure> {
        let (directory, name) = path.rsplit_once('/').unwrap();
        let directory = self.find(directory)?;
        self.entries(directory)?;
        Ok((directory, name))
    }

    pub(crate) fn bytes(&mut self, node: usize) -> &mut Vec<u8> {
        match &mut self.nodes[node].content {
            Content::File(bytes) => bytes,
            Content::Directory(_) => panic!("no file"),
        }
    }

    pub(crate) fn links(&self, node: usize) -> u32 {
        self.nodes[node].links
    }

    pub(crate) fn stat(&mut self, path: &str) -> Result<(Kind, u64, u32), Failure> {
        let node = self.find(path)?;
        let links = self.nodes[node].links;
        Ok(match &self.nodes[node].content {
            Content::File(bytes) => (Kind::File, bytes.len() as u64, links),
            Content::Directory(_) => (Kind::Directory, 0, links),
        })
    }

    fn make(&mut self, path: &str, content: Content) -> Result<usize, Failure> {
        let (directory, name) = self.parent(path)?;
        let number = self.nodes.len();
        let entries = self.entries(directory)?;
        if entries.contains_key(name) {
            return Err(Failure::Exists);
        }
        entries.insert(name.into(), number);
        self.nodes.push(Inode { content, links: 1 });
        Ok(number)
    }

    pub(crate) fn open(&mut self, path: &str, way: Way) -> Result<usize, Failure> {
        let creates = way.create || way.create_new;
        if creates && !way.writes() || way.truncate && !way.write || !way.read && !way.writes() {
            return Err(Failure::BadArgument);
        }
        let node = match self.find(path) {
            Ok(_) if way.create_new => return Err(Failure::Exists),
            Err(Failure::NotFound) if creates => self.make(path, Content::File(Vec::new()))?,
            found => found?,
        };
        match &mut self.nodes[node].content {
            Content::Directory(_) => return Err(Failure::IsADirectory),
            Content::File(bytes) if way.truncate => bytes.clear(),
            Content::File(_) => {}
        }
        Ok(node)
    }

    pub(crate) fn mkdir(&mut self, path: &str) -> Result<(), Failure> {
        self.make(path, Content::Directory(BTreeMap::new())).map(drop)
    }

    pub(crate) fn remove(&mut self, path: &str, kind: Kind) -> Result<(), Failure> {
        let (directory, name) = self.parent(path)?;
        let node = *self.entries(directory)?.get(name).ok_or(Failure::NotFound)?;
        match (&self.nodes[node].content, kind) {
            (Content::Directory(entries), Kind::Directory) if !entries.is_empty() => {
                return Err(Failure::NotEmpty);
            }
            (Content::Directory(_), Kind::Directory) | (Content::File(_), Kind::File) => {}
            (Content::Directory(_), _) => return Err(Failure::IsADirectory),
            (Content::File(_), _) => return Err(Failure::NotADirectory),
        }
        self.entries(directory)?.remove(name);
        self.nodes[node].links -= 1;
        Ok(())
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), Failure> {
        let (old, old_name) = self.parent(from)?;
        let (new, new_name) = self.parent(to)?;
        let node = *self.entries(old)?.get(old_name).ok_or(Failure::NotFound)?;
        let is_directory = self.entries(node).is_ok();
        if is_directory && self.lies_in(new, node) {
            return Err(Failure::BadArgument);
        }
        let there = self.entries(new)?.get(new_name).copied();
        if there == Some(node) {
            return Ok(());
        }
        if let Some(there) = there {
            match (&self.nodes[there].content, is_directory) {
                (Content::Directory(entries), true) if !entries.is_empty() => return Err(Failure::NotEmpty),
                (Content::Directory(_), false) => return Err(Failure::IsADirectory),
                (Content::File(_), true) => return Err(Failure::NotADirectory),
                _ => {}
            }
            self.nodes[there].links -= 1;
        }
        self.entries(old)?.remove(old_name);
        self.entries(new)?.insert(new_name.into(), node);
        Ok(())
    }

    fn lies_in(&mut self, inner: usize, outer: usize) -> bool {
        inner == outer
            || self.entries(outer).map(|entries| entries.values().copied().collect::<Vec<_>>()).is_ok_and(
                |inside| {
                    inside.into_iter().any(|next| self.entries(next).is_ok() && self.lies_in(inner, next))
                },
            )
    }

    pub(crate) fn link(&mut self, file: &str, path: &str) -> Result<(), Failure> {
        let node = self.find(file)?;
        let (directory, name) = self.parent(path)?;
        if self.entries(node).is_ok() {
            return Err(Failure::IsADirectory);
        }
        let entries = self.entries(directory)?;
        if entries.contains_key(name) {
            return Err(Failure::Exists);
        }
        entries.insert(name.into(), node);
        self.nodes[node].links += 1;
        Ok(())
    }

    pub(crate) fn list(&mut self, path: &str) -> Result<Vec<String>, Failure> {
        let node = self.find(path)?;
        Ok(self.entries(node)?.keys().cloned().collect())
    }

    /// All paths, and what they name.
    pub(crate) fn paths(&mut self) -> Vec<(String, usize)> {
        let mut paths = Vec::new();
        self.walk(0, "", &mut paths);
        paths.sort();
        paths
    }

    fn walk(&mut self, directory: usize, path: &str, into: &mut Vec<(String, usize)>) {
        for (name, node) in self.entries(directory).unwrap().clone() {
            let path = format!("{path}/{name}");
            if self.entries(node).is_ok() {
                self.walk(node, &path, into);
            }
            into.push((path, node));
        }
    }

    pub(crate) fn is_file(&self, node: usize) -> bool {
        matches!(self.nodes[node].content, Content::File(_))
    }
}
