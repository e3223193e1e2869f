//! The server: messages checked, and asked of the file system.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use anax_abi::{Handle, Rights};
use anax_files::files::PAGE;
use anax_files::volume::{MOST, Piece, Traits, Volume};
use anax_files::{
    Attributes, Creation, Extent, Failure, FileSystem, Grow, Kind, LONGEST_NAME, Listing, Name, Node, Pages,
    Text, Usage, path,
};
use anax_proto::Gift;
use anax_ring::SharedBytes;

use crate::known::Known;

/// Memory that others may change: see [`Maps`].
pub trait Memory {
    /// All of it.
    fn bytes(&self) -> SharedBytes<'_>;
}

impl Memory for anax::Mapping {
    fn bytes(&self) -> SharedBytes<'_> {
        self.bytes()
    }
}

/// How regions become memory. A test has some of its own.
pub trait Maps {
    /// A region that is mapped, until it is dropped.
    type Memory: Memory;

    /// Maps a region that was given, for good: its handle goes with the mapping.
    ///
    /// # Errors
    /// `BadArgument`: it is none, or may not be mapped.
    fn map(&self, memory: Gift) -> Result<Self::Memory, Failure>;

    /// Memory of this program's own, and the region that it is.
    ///
    /// # Errors
    /// `Way`: there is none.
    fn make(&self, bytes: u64) -> Result<(Self::Memory, Handle), Failure>;

    /// Copies whole pages of a region of this program's, from an offset on, to another one's that was given, and need not be mapped for that.
    ///
    /// # Errors
    /// `BadArgument`: they are not whole pages, or not all there.
    fn copy(&self, to: (Gift, u64), from: (Handle, u64), bytes: u64) -> Result<(), Failure>;

    /// Has no use for a handle that was given.
    fn give_back(&self, memory: Gift);
}

/// Bytes that go through the server's own memory at once.
const CHUNK: usize = 65_536;

/// A name that was copied before it is looked at.
struct Copied {
    bytes: [u8; LONGEST_NAME],
    length: usize,
}

impl Copied {
    fn get(&self) -> Result<Name<'_>, Failure> {
        Name::from_bytes(&self.bytes[..self.length])
    }
}

/// A file system as a server.
#[derive(Debug)]
pub struct Server<F, M: Maps> {
    system: F,
    maps: M,
    arena: Option<M::Memory>,
    known: Known,
    chunk: Vec<u8>,
    /// A region in which a chunk is put to be copied from there, once one was needed.
    shown: Option<(M::Memory, Handle)>,
}

/// Pages that were lent, and whose handle goes with this. They are never mapped.
struct Lent<'a, M: Maps> {
    maps: &'a M,
    memory: Gift,
    at: u64,
    length: usize,
}

impl<M: Maps> Pages for Lent<'_, M> {
    fn copy(&self, at: usize, from: (Handle, u64), bytes: usize) -> Result<(), Failure> {
        if at.checked_add(bytes).is_none_or(|end| end > self.length) {
            return Err(Failure::BadArgument);
        }
        self.maps.copy((self.memory, self.at.saturating_add(at as u64)), from, bytes as u64)
    }
}

impl<M: Maps> Drop for Lent<'_, M> {
    fn drop(&mut self) {
        self.maps.give_back(self.memory);
    }
}

impl<F: FileSystem, M: Maps> Server<F, M> {
    /// Of a file system that nobody has begun with.
    pub fn new(system: F, maps: M) -> Self {
        Self { system, maps, arena: None, known: Known::default(), chunk: Vec::new(), shown: None }
    }

    /// The file system.
    pub const fn system(&mut self) -> &mut F {
        &mut self.system
    }

    /// How the VFS server's memory is reached.
    pub const fn maps(&self) -> &M {
        &self.maps
    }

    /// That node, if it was answered and not forgotten.
    fn known(&self, node: Node) -> Result<Node, Failure> {
        let is_known = node == self.system.root() || self.known.contains(node);
        if is_known { Ok(node) } else { Err(Failure::NotFound) }
    }

    fn part(&self, text: Text) -> Result<SharedBytes<'_>, Failure> {
        let arena = self.arena.as_ref().ok_or(Failure::BadArgument)?;
        let part = arena.bytes().part(text.offset as usize, text.length as usize);
        part.map_err(|_| Failure::BadArgument)
    }

    /// Bytes of the arena, copied before they are looked at.
    fn copied(&self, text: Text, most: usize) -> Result<Vec<u8>, Failure> {
        if text.length as usize > most {
            return Err(Failure::TooLong);
        }
        let mut bytes = vec![0; text.length as usize];
        self.part(text)?.copy_out(0, &mut bytes).map_err(|_| Failure::BadArgument)?;
        Ok(bytes)
    }

    fn name(&self, text: Text) -> Result<Copied, Failure> {
        let mut name = Copied { bytes: [0; LONGEST_NAME], length: text.length as usize };
        let bytes = name.bytes.get_mut(..name.length).ok_or(Failure::TooLong)?;
        self.part(text)?.copy_out(0, bytes).map_err(|_| Failure::BadArgument)?;
        Ok(name)
    }

    fn answered(&mut self, attributes: Attributes) -> Attributes {
        self.known.answered(attributes.node);
        attributes
    }

    /// So many bytes at `at` of memory that was lent.
    fn lent(&self, memory: Gift, at: u64, length: u64) -> Result<(M::Memory, usize, usize), Failure> {
        if length > MOST {
            self.maps.give_back(memory);
            return Err(Failure::BadArgument);
        }
        let memory = self.maps.map(memory)?;
        let (at, length) = (usize::try_from(at), usize::try_from(length));
        let (Ok(at), Ok(length)) = (at, length) else { return Err(Failure::BadArgument) };
        memory.bytes().part(at, length).map_err(|_| Failure::BadArgument)?;
        Ok((memory, at, length))
    }
}

impl<F: FileSystem, M: Maps> Volume for Server<F, M> {
    fn attach(&mut self, arena: Gift) -> Result<(Node, Traits), Failure> {
        let arena = self.maps.map(arena)?;
        self.detach()?;
        self.arena = Some(arena);
        Ok((self.system.root(), self.system.features().into()))
    }

    fn detach(&mut self) -> Result<(), Failure> {
        for node in self.known.take() {
            self.system.forget(node, u64::MAX);
        }
        self.arena = None;
        Ok(())
    }

    fn lookup(&mut self, directory: Node, name: Text) -> Result<Attributes, Failure> {
        let name = self.name(name)?;
        let found = self.system.lookup(self.known(directory)?, name.get()?)?;
        Ok(self.answered(found))
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        self.system.attributes(self.known(node)?)
    }

    fn list(&mut self, directory: Node, from: u64, room: Text) -> Result<u64, Failure> {
        let directory = self.known(directory)?;
        let mut listing = Listing::with_room(self.part(room)?.len());
        self.system.list(directory, from, &mut listing)?;
        self.part(room)?.copy_in(0, listing.as_bytes()).map_err(|_| Failure::BadArgument)?;
        Ok(listing.as_bytes().len() as u64)
    }

    fn read(&mut self, file: Node, offset: u64, room: Text) -> Result<u64, Failure> {
        let file = self.known(file)?;
        self.chunk.resize(self.part(room)?.len().min(CHUNK), 0);
        let read = self.system.read(file, offset, &mut self.chunk)?.min(self.chunk.len());
        self.part(room)?.copy_in(0, &self.chunk[..read]).map_err(|_| Failure::BadArgument)?;
        Ok(read as u64)
    }

    fn write(&mut self, file: Node, offset: u64, bytes: Text) -> Result<(), Failure> {
        let file = self.known(file)?;
        let bytes = self.copied(bytes, CHUNK)?;
        self.system.write(file, offset, &bytes)
    }

    fn fill(&mut self, file: Node, offset: u64, length: u64, at: u64, memory: Gift) -> Result<u64, Failure> {
        let file = self.known(file);
        let lent = Lent { maps: &self.maps, memory, at, length: length.min(MOST) as usize };
        if length > MOST || !length.is_multiple_of(PAGE) {
            return Err(Failure::BadArgument);
        }
        let file = file?;
        let mut read = self.system.read_pages(file, offset, lent.length, &lent)?.min(lent.length);
        let mut done = read.next_multiple_of(PAGE as usize);
        while done < lent.length {
            self.chunk.resize(CHUNK.min(lent.length - done), 0);
            let from = offset.saturating_add(done as u64);
            let count = self.system.read(file, from, &mut self.chunk)?.min(self.chunk.len());
            // What was there before is not the file's.
            self.chunk[count..].fill(0);
            let (memory, region) = match &mut self.shown {
                Some(shown) => shown,
                none => none.insert(self.maps.make(CHUNK as u64)?),
            };
            memory.bytes().copy_in(0, &self.chunk).map_err(|_| Failure::BadArgument)?;
            lent.copy(done, (*region, 0), self.chunk.len())?;
            read = if count > 0 { done + count } else { read };
            done += self.chunk.len();
        }
        Ok(read as u64)
    }

    fn store(&mut self, file: Node, offset: u64, length: u64, at: u64, memory: Gift) -> Result<(), Failure> {
        let (memory, at, length) = self.lent(memory, at, length)?;
        let file = self.known(file)?;
        let mut done = 0;
        while done < length {
            let count = CHUNK.min(length - done);
            self.chunk.resize(count, 0);
            let copied = memory.bytes().copy_out(at + done, &mut self.chunk);
            copied.map_err(|_| Failure::BadArgument)?;
            self.system.write(file, offset.saturating_add(done as u64), &self.chunk)?;
            done += count;
        }
        Ok(())
    }

    fn link_path(&mut self, link: Node, room: Text) -> Result<u64, Failure> {
        let path = self.system.link_path(self.known(link)?)?;
        let copied = self.part(room)?.copy_in(0, path.as_bytes());
        copied.map_err(|_| Failure::TooLong)?;
        Ok(path.len() as u64)
    }

    fn set_size(&mut self, file: Node, size: u64) -> Result<(), Failure> {
        self.system.set_size(self.known(file)?, size)
    }

    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure> {
        self.system.set_modified(self.known(node)?, seconds)
    }

    fn create(
        &mut self,
        directory: Node,
        name: Text,
        kind: Kind,
        path: Text,
        now: u64,
    ) -> Result<Attributes, Failure> {
        let (directory, name) = (self.known(directory)?, self.name(name)?);
        let path = match kind {
            Kind::Link => String::from_utf8(self.copied(path, path::LONGEST)?),
            _ => Ok(String::new()),
        };
        let path = path.map_err(|_| Failure::BadArgument)?;
        let what = match kind {
            Kind::File => Creation::File,
            Kind::Directory => Creation::Directory,
            Kind::Link => Creation::Link(&path),
            Kind::Device => return Err(Failure::BadArgument),
        };
        let made = self.system.create(directory, name.get()?, what, now)?;
        Ok(self.answered(made))
    }

    fn link(&mut self, file: Node, directory: Node, name: Text) -> Result<(), Failure> {
        let name = self.name(name)?;
        self.system.link(self.known(file)?, self.known(directory)?, name.get()?)
    }

    fn remove(
        &mut self,
        directory: Node,
        name: Text,
        kind: Kind,
        node: Node,
        count: u64,
    ) -> Result<(), Failure> {
        let name = self.name(name)?;
        self.system.remove(self.known(directory)?, name.get()?, kind)?;
        if count > 0 { self.forget(node, count) } else { Ok(()) }
    }

    fn rename(&mut self, from: Node, old: Text, to: Node, new: Text) -> Result<(), Failure> {
        let (old, new) = (self.name(old)?, self.name(new)?);
        let (from, to) = (self.known(from)?, self.known(to)?);
        self.system.rename((from, old.get()?), (to, new.get()?))
    }

    fn forget(&mut self, node: Node, count: u64) -> Result<(), Failure> {
        if self.known.forget(node, count) {
            self.system.forget(node, u64::MAX);
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Failure> {
        self.system.sync(None)
    }

    fn sync_node(&mut self, node: Node) -> Result<(), Failure> {
        self.system.sync(Some(self.known(node)?))
    }

    fn usage(&mut self) -> Result<Usage, Failure> {
        self.system.usage()
    }

    fn extent(&mut self, file: Node, offset: u64, grow: bool) -> Result<(Piece, Gift), Failure> {
        let grow = if grow { Grow::Yes } else { Grow::No };
        let Extent { region, offset: at, from, length } =
            self.system.extent(self.known(file)?, offset, grow)?;
        let rights = if self.system.features().is_read_only {
            Rights::SEND.with(Rights::READ).with(Rights::GRANT)
        } else {
            Rights::ALL
        };
        Ok((Piece { at, from, length }, Gift::copy(region, rights)))
    }
}
