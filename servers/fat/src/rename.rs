//! Names that move. Nothing is copied: the new entry is the old one under another name.

use anax_files::{Failure, Kind, Name, Node};
use anax_sectors::{Disk, Rank};

use crate::directory::{Body, Directory, Found};
use crate::entry::Record;
use crate::layout::{Cluster, SLOT_BYTES};
use crate::name::{Short, check};
use crate::system::Fat;

/// Directories above one another that a path of the longest length can have, and more.
const DEEPEST: usize = 4096;

impl<D: Disk> Fat<D> {
    pub(crate) fn rename_entry(
        &mut self,
        from: (Node, Name<'_>),
        to: (Node, Name<'_>),
    ) -> Result<(), Failure> {
        let source = self.find(from.0, from.1)?.ok_or(Failure::NotFound)?;
        check(to.1)?;
        let target = self.find(to.0, to.1)?;
        // One that was removed gets no entries.
        self.directory(to.0)?;
        self.volume.begin()?;
        if source.record.is_directory() {
            let moved = source.record.cluster().ok_or(Failure::Damaged)?;
            self.keep_out(to.0, moved)?;
            // So that the last step can't find damage.
            self.parent_slot(moved, |_| ())?;
        }
        match target {
            Some(target) if target.place == source.place => {
                if target.name == to.1.as_str() {
                    return Ok(());
                }
                self.rename_to_new(from.0, &source, to, Some(target.place.slot))?;
            }
            Some(target) => self.rename_to_other(from.0, &source, &target)?,
            None => self.rename_to_new(from.0, &source, to, None)?,
        }
        if source.record.is_directory() && from.0 != to.0 {
            self.set_parent(source.record.cluster(), to.0)?;
        }
        self.commit_some()
    }

    /// To a name that nothing has, or only the same thing in another spelling.
    fn rename_to_new(
        &mut self,
        from: Node,
        source: &Found,
        (directory, name): (Node, Name<'_>),
        instead: Option<u32>,
    ) -> Result<(), Failure> {
        let record = source.record;
        let (place, _) = self.with_space(|fat| fat.directory(directory)?.insert(name, record, instead))?;
        self.leave(from, source, place.sector)?;
        if let Some(node) = self.nodes.at(&source.place) {
            self.nodes.move_to(node, Some(place));
        }
        Ok(())
    }

    /// In place of something else, whose name stays as it was spelled: one sector says both what the name means now, and what it does not mean any more.
    fn rename_to_other(&mut self, from: Node, source: &Found, target: &Found) -> Result<(), Failure> {
        match (source.record.is_directory(), target.record.is_directory()) {
            (true, false) => return Err(Failure::NotADirectory),
            (false, true) => return Err(Failure::IsADirectory),
            (true, true) if !self.is_empty(target)? => return Err(Failure::NotEmpty),
            _ => {}
        }
        let mut record = source.record;
        let case = target.record.case();
        record.set_name(target.record.name());
        record.0[12] = case;
        let offset = target.place.offset(self.volume.cache.sector_bytes());
        let put = |bytes: &mut [u8]| bytes[offset..offset + SLOT_BYTES].copy_from_slice(&record.0);
        self.volume.cache.change(target.place.sector, Rank::Second, put)?;
        self.unname(target);
        self.leave(from, source, target.place.sector)?;
        if let Some(node) = self.nodes.at(&source.place) {
            self.nodes.move_to(node, Some(target.place));
        }
        Ok(())
    }

    /// Takes the old name away, after the new one.
    fn leave(&mut self, from: Node, source: &Found, sector: u64) -> Result<(), Failure> {
        if sector != source.place.sector {
            self.volume.cache.flush()?;
        }
        self.directory(from)?.remove(source.place.slot, source.parts)
    }

    /// Refuses to put a directory into itself, or into one below it.
    fn keep_out(&mut self, directory: Node, moved: Cluster) -> Result<(), Failure> {
        let mut here = self.nodes.get(directory)?.body.number();
        for _ in 0..DEEPEST {
            if self.volume.layout.is_root(here) {
                return Ok(());
            }
            if Cluster(here) == moved {
                return Err(Failure::BadArgument);
            }
            here = self.parent_slot(Cluster(here), |record| record.cluster().map_or(0, |above| above.0))?;
        }
        Err(Failure::Damaged)
    }

    /// Says in a directory which one is above it.
    fn set_parent(&mut self, moved: Option<Cluster>, above: Node) -> Result<(), Failure> {
        let Some(moved) = moved else { return Err(Failure::Damaged) };
        let number = self.nodes.get(above)?.body.number();
        let above = (!self.volume.layout.is_root(number)).then_some(Cluster(number));
        self.parent_slot(moved, |record| record.set_cluster(above))
    }

    /// The entry `..`, the second of a directory.
    fn parent_slot<R>(
        &mut self,
        directory: Cluster,
        with: impl FnOnce(&mut Record) -> R,
    ) -> Result<R, Failure> {
        if !self.volume.layout.has(directory) {
            return Err(Failure::Damaged);
        }
        let sector = self.volume.layout.sector(directory);
        let place = SLOT_BYTES..2 * SLOT_BYTES;
        let bytes = self.volume.cache.read(sector, 0)?;
        let mut record = Record([0; SLOT_BYTES]);
        record.0.copy_from_slice(&bytes[place.clone()]);
        if record.name() != Short::DOTS || !record.is_directory() {
            return Err(Failure::Damaged);
        }
        let before = record;
        let answer = with(&mut record);
        if record != before {
            let put = |bytes: &mut [u8]| bytes[place].copy_from_slice(&record.0);
            self.volume.cache.change(sector, Rank::Second, put)?;
        }
        Ok(answer)
    }

    /// Whether a directory has no entries.
    pub(crate) fn is_empty(&mut self, found: &Found) -> Result<bool, Failure> {
        let mut body = Body::of(found.record.cluster());
        let mut directory =
            Directory { volume: &mut self.volume, body: &mut body, indices: &mut self.indices };
        Ok(directory.next(0)?.is_none())
    }

    /// What had that entry has no name any more. Its clusters wait, for the commit or until it is forgotten.
    pub(crate) fn unname(&mut self, found: &Found) {
        if found.record.is_directory()
            && let Some(first) = found.record.cluster()
        {
            self.indices.drop(first.0);
        }
        match self.nodes.at(&found.place) {
            Some(node) => {
                self.nodes.move_to(node, None);
                self.end(node);
            }
            None => {
                let size = found.record.size().into();
                let most = if found.record.is_directory() {
                    u32::MAX
                } else {
                    self.volume.layout.clusters_for(size)
                };
                if let Some(first) = found.record.cluster().filter(|_| most > 0) {
                    self.waiting.chain(first, most);
                }
            }
        }
    }

    /// What has that name.
    pub(crate) fn find(&mut self, directory: Node, name: Name<'_>) -> Result<Option<Found>, Failure> {
        if self.nodes.get(directory)?.kind != Kind::Directory {
            return Err(Failure::NotADirectory);
        }
        if self.nodes.get(directory)?.is_removed(directory) {
            return Ok(None);
        }
        self.directory(directory)?.find(name.as_str())
    }

    /// A directory to work on.
    pub(crate) fn directory(&mut self, directory: Node) -> Result<Directory<'_, D>, Failure> {
        let known = self.nodes.get(directory)?;
        if known.kind != Kind::Directory {
            return Err(Failure::NotADirectory);
        }
        if known.is_removed(directory) {
            return Err(Failure::NotFound);
        }
        Ok(Directory { volume: &mut self.volume, body: &mut known.body, indices: &mut self.indices })
    }
}
