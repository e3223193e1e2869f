//! A file system of what a world says.

use alloc::string::String;
use alloc::vec::Vec;

use anax_files::{Attributes, Failure, Features, FileSystem, Kind, Listing, Name, Node};

use crate::paths::Paths;

/// What there is to be read. Paths have no slash at their beginning; the empty one is the root.
pub trait World {
    /// Its kind, up to eight bytes.
    const KIND: &'static str;

    /// What has that path, if anything has: a directory or a device.
    fn kind(&mut self, path: &str) -> Option<Kind>;

    /// A directory's names, sorted.
    fn entries(&mut self, directory: &str) -> Vec<(String, Kind)>;

    /// Fills `into` with what a file says from `offset` on.
    ///
    /// # Errors
    /// `NotFound`: there is nothing any more.
    fn read(&mut self, file: &str, offset: u64, into: &mut [u8]) -> Result<Size, Failure>;

    /// Takes what is written to a file.
    ///
    /// # Errors
    /// `ReadOnly`, unless something is done with it.
    fn write(&mut self, file: &str, bytes: &[u8]) -> Result<(), Failure> {
        let _none = (file, bytes);
        Err(Failure::ReadOnly)
    }
}

/// What reading has given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many bytes, in place.
    Bytes(usize),
    /// All that the file says, of which the part is to be taken.
    Text(String),
}

/// The file system.
#[derive(Debug)]
pub struct Made<W> {
    world: W,
    paths: Paths,
    /// What a file said when it was read from its beginning last.
    said: Option<(Node, String)>,
}

impl<W: World> Made<W> {
    /// Of a world.
    pub fn new(world: W) -> Self {
        let mut paths = Paths::default();
        paths.number("", true);
        Self { world, paths, said: None }
    }

    fn path(&self, node: Node) -> Result<String, Failure> {
        self.paths.get(node).map(String::from).ok_or(Failure::NotFound)
    }

    fn directory(&mut self, node: Node) -> Result<String, Failure> {
        let path = self.path(node)?;
        match self.world.kind(&path).ok_or(Failure::NotFound)? {
            Kind::Directory => Ok(path),
            _ => Err(Failure::NotADirectory),
        }
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.into() } else { [directory, "/", name].concat() }
}

impl<W: World> FileSystem for Made<W> {
    fn features(&self) -> Features {
        Features {
            kind: W::KIND,
            is_read_only: false,
            folds_case: false,
            is_volatile: true,
            has_memory: false,
        }
    }

    fn root(&self) -> Node {
        Node(1)
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let path = join(&self.directory(directory)?, &name);
        let kind = self.world.kind(&path).ok_or(Failure::NotFound)?;
        Ok(Attributes::new(self.paths.number(&path, true), kind, 0))
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        let path = self.path(node)?;
        let kind = self.world.kind(&path).ok_or(Failure::NotFound)?;
        Ok(Attributes::new(node, kind, 0))
    }

    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let path = self.directory(directory)?;
        let entries = self.world.entries(&path);
        // Behind the name that was listed last, whether that is still there or not.
        let last = self.paths.get(Node(from)).and_then(|last| last.rsplit('/').next()).map(String::from);
        if from != 0 && last.is_none() {
            return Ok(());
        }
        for (name, kind) in entries.iter().filter(|(name, _)| last.as_ref().is_none_or(|last| name > last)) {
            let node = self.paths.number(&join(&path, name), false);
            if !listing.push(Name::new(name)?, (node, *kind), node.0) {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let path = self.path(file)?;
        match self.world.kind(&path).ok_or(Failure::NotFound)? {
            Kind::Directory => return Err(Failure::IsADirectory),
            _ if offset == 0 => self.said = None,
            _ => {}
        }
        if self.said.as_ref().is_none_or(|(node, _)| *node != file) {
            match self.world.read(&path, offset, into)? {
                Size::Bytes(count) => return Ok(count.min(into.len())),
                Size::Text(text) => self.said = Some((file, text)),
            }
        }
        let Some((_, text)) = &self.said else { return Ok(0) };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
        let count = into.len().min(text.len() - offset);
        into[..count].copy_from_slice(&text.as_bytes()[offset..offset + count]);
        Ok(count)
    }

    fn write(&mut self, file: Node, _: u64, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(file)?;
        self.world.write(&path, bytes)
    }

    fn forget(&mut self, node: Node, _: u64) {
        if node != self.root() {
            self.paths.forget(node);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    struct Numbers(u32);

    impl World for Numbers {
        const KIND: &'static str = "test";

        fn kind(&mut self, path: &str) -> Option<Kind> {
            match path {
                "" | "many" => Some(Kind::Directory),
                "count" => Some(Kind::Device),
                _ => path.strip_prefix("many/")?.parse::<u32>().is_ok().then_some(Kind::Device),
            }
        }

        fn entries(&mut self, directory: &str) -> Vec<(String, Kind)> {
            match directory {
                "" => vec![("count".into(), Kind::Device), ("many".into(), Kind::Directory)],
                _ => (1000..3000).map(|n| (alloc::format!("{n}"), Kind::Device)).collect(),
            }
        }

        fn read(&mut self, _: &str, _: u64, _: &mut [u8]) -> Result<Size, Failure> {
            self.0 += 1;
            Ok(Size::Text(alloc::format!("read {} times", self.0)))
        }
    }

    #[test]
    fn each_reading_is_of_one_state() {
        let mut system = Made::new(Numbers(0));
        let count = system.lookup(system.root(), Name::new("count").unwrap()).unwrap();
        assert_eq!(count.kind, Kind::Device);
        let mut text = [0; 6];
        assert_eq!(system.read(count.node, 0, &mut text), Ok(6));
        assert_eq!(&text, b"read 1");
        assert_eq!(system.read(count.node, 6, &mut text), Ok(6));
        assert_eq!(&text, b" times");
        assert_eq!(system.read(count.node, 12, &mut text), Ok(0));
        assert_eq!(system.read(count.node, 0, &mut text), Ok(6));
        assert_eq!(&text, b"read 2");
        assert_eq!(system.write(count.node, 0, b"x"), Err(Failure::ReadOnly));
    }

    #[test]
    fn many_names_are_listed_once() {
        let mut system = Made::new(Numbers(0));
        let many = system.lookup(system.root(), Name::new("many").unwrap()).unwrap().node;
        let (mut from, mut all) = (0, Vec::new());
        loop {
            let mut listing = Listing::with_room(4096);
            system.list(many, from, &mut listing).unwrap();
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            let Some(last) = entries.last() else { break };
            from = last.next;
            all.extend(entries.into_iter().map(|entry| entry.name));
        }
        assert_eq!(all.len(), 2000);
        assert!(all.is_sorted());
        // What nobody has looked up is not kept for ever.
        assert!(system.paths.get(Node(from)).is_some());
        assert_eq!(system.attributes(Node(5)), Err(Failure::NotFound));
    }
}
