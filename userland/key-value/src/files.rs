//! The content of a key-value server as a file system: a file for each key, whose bytes are its value.

use alloc::collections::BTreeMap;
use alloc::string::String;

use anax_abi::Error;
use anax_files::{Attributes, Creation, Failure, Features, FileSystem, Kind, Listing, Name, Node};
use anax_proto::Transport;

use crate::KeyValueClient;

const ROOT: Node = Node(0);

/// The file system, by a client of the server.
#[derive(Debug)]
pub struct Keys<T> {
    server: KeyValueClient<T>,
    /// Keys by the numbers under which the VFS server knows them.
    known: BTreeMap<Node, String>,
    last: u64,
}

impl<T: Transport> Keys<T> {
    /// Of what that client asks.
    pub const fn new(server: KeyValueClient<T>) -> Self {
        Self { server, known: BTreeMap::new(), last: 0 }
    }

    fn key(&self, node: Node) -> Result<String, Failure> {
        self.known.get(&node).cloned().ok_or(Failure::IsADirectory)
    }

    /// The number of a key.
    fn node(&mut self, key: &str) -> Node {
        if let Some((node, _)) = self.known.iter().find(|(_, known)| *known == key) {
            return *node;
        }
        self.last += 1;
        self.known.insert(Node(self.last), key.into());
        Node(self.last)
    }

    fn value(&mut self, key: &str) -> Result<String, Failure> {
        self.server.get(key.into()).map_err(|error| match error {
            Error::BadArgument => Failure::NotFound,
            other => other.into(),
        })
    }
}

impl<T: Transport> FileSystem for Keys<T> {
    fn features(&self) -> Features {
        // Others change the server's content, too: nobody may remember what was found.
        Features {
            kind: "kvfs",
            is_read_only: false,
            folds_case: false,
            is_volatile: true,
            has_memory: false,
        }
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn lookup(&mut self, _: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        self.value(&name)?;
        Ok(Attributes::new(self.node(&name), Kind::Device, 0))
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        if node == ROOT {
            return Ok(Attributes::new(ROOT, Kind::Directory, 0));
        }
        let key = self.key(node)?;
        self.value(&key)?;
        Ok(Attributes::new(node, Kind::Device, 0))
    }

    fn list(&mut self, _: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let mut after = self.known.get(&Node(from)).cloned().unwrap_or_default();
        loop {
            let keys = self.server.keys(after)?;
            let Some(last) = keys.last() else { return Ok(()) };
            after = last.clone();
            for key in keys {
                let node = self.node(&key);
                // A key that is no name has no file.
                let Ok(name) = Name::new(&key) else { continue };
                if !listing.push(name, (node, Kind::Device), node.0) {
                    return Ok(());
                }
            }
        }
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let key = self.key(file)?;
        let value = self.value(&key)?;
        let rest = value.as_bytes().get(offset as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write(&mut self, file: Node, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let key = self.key(file)?;
        let mut value = self.value(&key)?.into_bytes();
        value.truncate(usize::try_from(offset).unwrap_or(usize::MAX));
        value.extend_from_slice(bytes);
        let value = String::from_utf8(value).map_err(|_| Failure::BadArgument)?;
        Ok(self.server.put(key, value)?)
    }

    fn create(&mut self, _: Node, name: Name<'_>, what: Creation<'_>, _: u64) -> Result<Attributes, Failure> {
        if what != Creation::File {
            return Err(Failure::Unsupported);
        }
        self.server.put(name.as_str().into(), String::new())?;
        self.lookup(ROOT, name)
    }

    fn remove(&mut self, _: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        if kind == Kind::Directory {
            return Err(Failure::NotADirectory);
        }
        self.server.remove(name.as_str().into()).map_err(|_| Failure::NotFound)
    }

    fn forget(&mut self, node: Node, _: u64) {
        self.known.remove(&node);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use anax_proto::{Caller, Loopback};

    use super::*;
    use crate::{Server, key_value::Serve};

    #[test]
    fn keys_are_files() {
        let client = KeyValueClient::over(Loopback::new(Serve(Server::default()), Caller(1)));
        let mut files = Keys::new(client);
        let name = |text| Name::new(text).unwrap();
        assert_eq!(files.lookup(ROOT, name("a")), Err(Failure::NotFound));
        let a = files.create(ROOT, name("a"), Creation::File, 0).unwrap().node;
        files.write(a, 0, b"first").unwrap();
        files.write(a, 5, b", second").unwrap();
        let mut text = [0; 32];
        assert_eq!(files.read(a, 7, &mut text), Ok(6));
        assert_eq!(&text[..6], b"second");
        files.create(ROOT, name("b"), Creation::File, 0).unwrap();
        let (mut from, mut names) = (0, Vec::new());
        loop {
            let mut listing = Listing::with_room(30);
            files.list(ROOT, from, &mut listing).unwrap();
            let entries = Listing::parse(listing.as_bytes()).unwrap();
            let Some(last) = entries.last() else { break };
            from = last.next;
            names.extend(entries.into_iter().map(|entry| entry.name));
        }
        assert_eq!(names, ["a", "b"]);
        assert_eq!(files.remove(ROOT, name("a"), Kind::File), Ok(()));
        assert_eq!(files.read(a, 0, &mut text), Err(Failure::NotFound));
    }
}
