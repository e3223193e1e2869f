//! What the VFS server asks.

use anax_files::{
    Attributes, Creation, Failure, Features, FileSystem, Kind, Listing, Name, Node, Pages, Usage,
};
use anax_sectors::Disk;

use crate::commit::Waiting;
use crate::directory::Found;
use crate::entry::{ARCHIVE, DIRECTORY, Record};
use crate::index::Indices;
use crate::layout::{Cluster, SLOT_BYTES};
use crate::name::{Short, check};
use crate::nodes::{Nodes, ROOT};
use crate::time::Stamp;
use crate::volume::{Link, Volume};

/// Bytes of metadata that are kept in memory, if nobody says another number.
const CACHE_BYTES: usize = 1 << 20;
/// Nodes that are not known have numbers from here on when they are listed.
const HINTS: u64 = 1 << 63;

/// A FAT file system on a disk.
#[derive(Debug)]
pub struct Fat<D> {
    pub(crate) volume: Volume<D>,
    pub(crate) nodes: Nodes,
    pub(crate) waiting: Waiting,
    pub(crate) indices: Indices,
}

impl<D: Disk> Fat<D> {
    /// The one on that disk. Nothing is written before something is changed.
    ///
    /// # Errors
    /// `Damaged`: there is none. `Medium`.
    pub fn open(disk: D) -> Result<Self, Failure> {
        Self::with_cache(disk, CACHE_BYTES)
    }

    /// The same, with so many bytes of metadata in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn with_cache(disk: D, bytes: usize) -> Result<Self, Failure> {
        let volume = Volume::open(disk, bytes)?;
        let nodes = Nodes::new(&volume.layout);
        Ok(Self { volume, nodes, waiting: Waiting::default(), indices: Indices::default() })
    }

    /// The disk. What was not [synced](FileSystem::sync) is lost.
    pub fn into_disk(self) -> D {
        self.volume.cache.into_disk()
    }

    /// Damage that was seen once is damage for ever.
    fn judged<R>(&mut self, outcome: Result<R, Failure>) -> Result<R, Failure> {
        self.volume.is_damaged |= matches!(outcome, Err(Failure::Damaged));
        outcome
    }

    fn answer(&mut self, found: &Found) -> Result<Attributes, Failure> {
        if let Some(first) = found.record.cluster()
            && matches!(self.volume.link(first)?, Link::Free | Link::Bad)
        {
            return Err(Failure::Damaged);
        }
        let node = self.nodes.admit(found, &self.volume.layout)?;
        Ok(self.nodes.get(node)?.attributes(node))
    }

    fn create_entry(
        &mut self,
        directory: Node,
        name: Name<'_>,
        what: Creation<'_>,
        now: u64,
    ) -> Result<Attributes, Failure> {
        if self.find(directory, name)?.is_some() {
            return Err(Failure::Exists);
        }
        check(name)?;
        // One that was removed gets no entries.
        self.directory(directory)?;
        self.volume.begin()?;
        let stamp = Stamp::from_seconds(now);
        let (attributes, is_directory) = match what {
            Creation::File => (ARCHIVE, false),
            Creation::Directory => (DIRECTORY, true),
            Creation::Link(_) => return Err(Failure::Unsupported),
        };
        let mut record = Record::new(Short::DOT, attributes, stamp);
        let mut body = None;
        if is_directory {
            body = Some(self.with_space(|fat| fat.create_body(directory, stamp))?);
            record.set_cluster(body);
        }
        let inserted = self.with_space(|fat| fat.directory(directory)?.insert(name, record, None));
        if let (Err(_), Some(body)) = (&inserted, body) {
            // Nothing has led to it yet.
            self.volume.free_chain(body, 1)?;
        }
        let (place, record) = inserted?;
        self.answer(&Found { place, record, parts: 0, name: Default::default() })
    }

    /// The first cluster of a directory below that one.
    fn create_body(&mut self, above: Node, stamp: Stamp) -> Result<Cluster, Failure> {
        let number = self.nodes.get(above)?.body.number();
        let (cluster, _) = self.volume.allocate(None, 1)?;
        let above = (!self.volume.layout.is_root(number)).then_some(Cluster(number));
        let mut slots = [0; 2 * SLOT_BYTES];
        for (slot, (name, cluster)) in
            slots.chunks_mut(SLOT_BYTES).zip([(Short::DOT, Some(cluster)), (Short::DOTS, above)])
        {
            let mut record = Record::new(name, DIRECTORY, stamp);
            record.set_cluster(cluster);
            slot.copy_from_slice(&record.0);
        }
        let (sector, bytes) = (self.volume.layout.sector(cluster), self.volume.layout.cluster_bytes());
        self.volume.zero_bytes(sector, 0, bytes.into())?;
        self.volume.write_bytes(sector, 0, &slots)?;
        Ok(cluster)
    }

    fn remove_entry(&mut self, directory: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        let found = self.find(directory, name)?.ok_or(Failure::NotFound)?;
        match (kind == Kind::Directory, found.record.is_directory()) {
            (true, false) => return Err(Failure::NotADirectory),
            (false, true) => return Err(Failure::IsADirectory),
            (true, true) if !self.is_empty(&found)? => return Err(Failure::NotEmpty),
            _ => {}
        }
        self.volume.begin()?;
        self.directory(directory)?.remove(found.place.slot, found.parts)?;
        self.unname(&found);
        self.commit_some()
    }

    fn list_entries(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let known = self.nodes.get(directory)?;
        if known.kind == Kind::Directory && known.is_removed(directory) {
            return Ok(());
        }
        let mut from = u32::try_from(from).unwrap_or(u32::MAX);
        while let Some(found) = self.directory(directory)?.next(from)? {
            from = found.place.slot + 1;
            let hint = || {
                let slot = found.place.offset(self.volume.cache.sector_bytes()) / SLOT_BYTES;
                Node(HINTS | found.place.sector << 8 | slot as u64)
            };
            let node = self.nodes.at(&found.place).unwrap_or_else(hint);
            let kind = if found.record.is_directory() { Kind::Directory } else { Kind::File };
            if !listing.push(Name::new(&found.name)?, (node, kind), from.into()) {
                break;
            }
        }
        Ok(())
    }

    fn free_clusters(&mut self) -> Result<u32, Failure> {
        self.with_nothing_waiting()?;
        self.volume.free()
    }

    fn sync_all(&mut self) -> Result<(), Failure> {
        self.commit()?;
        self.volume.end()
    }
}

impl<D: Disk> FileSystem for Fat<D> {
    fn features(&self) -> Features {
        Features {
            kind: self.volume.layout.width.text(),
            is_read_only: self.volume.cache.disk().is_read_only(),
            folds_case: true,
            is_volatile: false,
            has_memory: false,
        }
    }

    fn root(&self) -> Node {
        ROOT
    }

    fn lookup(&mut self, directory: Node, name: Name<'_>) -> Result<Attributes, Failure> {
        let found = self.find(directory, name).and_then(|found| found.ok_or(Failure::NotFound));
        let outcome = found.and_then(|found| self.answer(&found));
        self.judged(outcome)
    }

    fn attributes(&mut self, node: Node) -> Result<Attributes, Failure> {
        Ok(self.nodes.get(node)?.attributes(node))
    }

    fn list(&mut self, directory: Node, from: u64, listing: &mut Listing) -> Result<(), Failure> {
        let outcome = self.list_entries(directory, from, listing);
        self.judged(outcome)
    }

    fn read(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let outcome = self.read_file(file, offset, into);
        self.judged(outcome)
    }

    fn read_pages(
        &mut self,
        file: Node,
        offset: u64,
        length: usize,
        into: &dyn Pages,
    ) -> Result<usize, Failure> {
        let outcome = self.read_file_pages(file, offset, length, into);
        self.judged(outcome)
    }

    fn write(&mut self, file: Node, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let outcome = self.write_file(file, offset, bytes);
        self.judged(outcome)
    }

    fn set_size(&mut self, file: Node, size: u64) -> Result<(), Failure> {
        let outcome = self.resize_file(file, size);
        self.judged(outcome)
    }

    /// Of the root nothing is kept: it has no entry.
    fn set_modified(&mut self, node: Node, seconds: u64) -> Result<(), Failure> {
        self.nodes.get(node)?;
        self.volume.begin()?;
        self.nodes.get(node)?.modified = if node == ROOT { Stamp(0) } else { Stamp::from_seconds(seconds) };
        let outcome = self.note(node);
        self.judged(outcome)
    }

    fn create(
        &mut self,
        directory: Node,
        name: Name<'_>,
        what: Creation<'_>,
        now: u64,
    ) -> Result<Attributes, Failure> {
        let outcome = self.create_entry(directory, name, what, now);
        self.judged(outcome)
    }

    fn remove(&mut self, directory: Node, name: Name<'_>, kind: Kind) -> Result<(), Failure> {
        let outcome = self.remove_entry(directory, name, kind);
        self.judged(outcome)
    }

    fn rename(&mut self, from: (Node, Name<'_>), to: (Node, Name<'_>)) -> Result<(), Failure> {
        let outcome = self.rename_entry(from, to);
        self.judged(outcome)
    }

    fn forget(&mut self, node: Node, count: u64) {
        self.nodes.forget(node, count);
        self.end(node);
    }

    fn sync(&mut self, node: Option<Node>) -> Result<(), Failure> {
        // Links and names of one file are among those of others.
        let outcome = if node.is_some() { self.commit() } else { self.sync_all() };
        self.judged(outcome)
    }

    /// What waits to be freed is freed first.
    fn usage(&mut self) -> Result<Usage, Failure> {
        let cluster = u64::from(self.volume.layout.cluster_bytes());
        let outcome = self.free_clusters();
        let free = self.judged(outcome)?;
        let bytes = u64::from(self.volume.layout.clusters) * cluster;
        Ok(Usage { bytes, free_bytes: u64::from(free) * cluster, nodes: 0 })
    }
}
