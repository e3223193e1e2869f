//! A directory as slots: what is in it, and where there is room.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use anax_files::{Failure, Name};
use anax_sectors::{Disk, Rank};

use crate::chain::Chain;
use crate::entry::{END, FREE, Meaning, Parts, Record, Slot, meaning, parts};
use crate::index::{Index, Indices};
use crate::layout::{Cluster, SLOT_BYTES};
use crate::name::{Basis, Fit, Short, Wanted};
use crate::volume::Volume;

/// Slots of the largest directory: fatgen103, "FAT Directory Structure".
const MOST_SLOTS: u32 = 65_536;
/// The last number at the end of a short name.
const LAST_NUMBER: u32 = 999_999;

/// Where a node's bytes are.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// The root of FAT12 and FAT16.
    Fixed { first: u64, slots: u32 },
    /// All others.
    Chain(Chain),
}

impl Body {
    /// The directory's number in entries `..` below it, as it is in memory: that of a fixed root is 0.
    pub(crate) fn number(&self) -> u32 {
        match self {
            Self::Fixed { .. } => 0,
            Self::Chain(chain) => chain.first().map_or(0, |first| first.0),
        }
    }

    /// A directory that begins there.
    pub(crate) fn of(first: Option<Cluster>) -> Self {
        Self::Chain(Chain::new(first))
    }
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The directory, by its number.
    pub(crate) directory: u32,
    /// The slot in it.
    pub(crate) slot: u32,
    /// The sector that has the slot.
    pub(crate) sector: u64,
}

impl Place {
    /// Where in the sector it is.
    pub(crate) const fn offset(&self, sector_bytes: usize) -> usize {
        self.slot as usize * SLOT_BYTES % sector_bytes
    }
}

/// An entry that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) place: Place,
    pub(crate) record: Record,
    /// Slots of its long name, just before it.
    pub(crate) parts: u32,
    /// What it is called.
    pub(crate) name: String,
}

impl Found {
    /// Whether it has that name, long or short.
    fn is(&self, wanted: &Wanted) -> bool {
        wanted.is(&self.name) || self.parts > 0 && wanted.is(&self.record.name().text(0))
    }
}

/// A directory that is looked at.
pub(crate) struct Directory<'a, D> {
    pub(crate) volume: &'a mut Volume<D>,
    pub(crate) body: &'a mut Body,
    pub(crate) indices: &'a mut Indices,
}

impl<D: Disk> Directory<'_, D> {
    /// The next entry, from a slot on.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    pub(crate) fn next(&mut self, from: u32) -> Result<Option<Found>, Failure> {
        let mut gathered = Parts::default();
        let mut at = from;
        while let Some(slot) = self.slot(at)? {
            match meaning(&slot) {
                Meaning::End => break,
                Meaning::Free | Meaning::Other => gathered.clear(),
                Meaning::Part => gathered.add(&slot),
                Meaning::Entry => {
                    let record = Record(slot);
                    let long = gathered.name(&record);
                    let parts = if long.is_some() { gathered.count() } else { 0 };
                    let name = long.unwrap_or_else(|| record.name().text(record.case()));
                    if let Some(place) = self.place(at)?
                        && Name::new(&name).is_ok()
                    {
                        return Ok(Some(Found { place, record, parts, name }));
                    }
                    // No name that anybody could say.
                    gathered.clear();
                }
            }
            at += 1;
        }
        Ok(None)
    }

    /// What has that name, long or short.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(crate) fn find(&mut self, name: &str) -> Result<Option<Found>, Failure> {
        let wanted = Wanted::new(name);
        if let Some(index) = self.index() {
            for first in index.places(&wanted) {
                let found = self.next(first)?;
                if let Some(found) = found.filter(|found| found.is(&wanted)) {
                    return Ok(Some(found));
                }
            }
            return Ok(None);
        }
        let mut from = 0;
        while let Some(found) = self.next(from)? {
            if found.is(&wanted) {
                return Ok(Some(found));
            }
            from = found.place.slot + 1;
        }
        Ok(None)
    }

    /// The directory's index, if it can have one.
    fn index(&mut self) -> Option<&mut Index> {
        let number = self.body.number();
        if self.indices.get(number).is_none() {
            // What can't be looked through is looked at slot by slot, as far as that goes.
            let index = self.indexed().ok();
            self.indices.put(number, index);
        }
        self.indices.get(number).flatten()
    }

    fn indexed(&mut self) -> Result<Index, Failure> {
        let (mut index, mut from) = (Index::default(), 0);
        while let Some(found) = self.next(from)? {
            from = found.place.slot + 1;
            index.add(&found);
        }
        Ok(index)
    }

    /// What comes of a change. If that is unclear, so is what is in the directory.
    fn changed<R>(&mut self, outcome: Result<R, Failure>) -> Result<R, Failure> {
        if outcome.is_err() {
            self.indices.drop(self.body.number());
        }
        outcome
    }

    /// Puts an entry of that name in, whatever name it had. Where it is then.
    ///
    /// `instead` is the slot of an entry that will go, and whose short name it may have.
    ///
    /// # Errors
    /// `NoSpace`, `Medium`, `Damaged`.
    pub(crate) fn insert(
        &mut self,
        name: Name<'_>,
        record: Record,
        instead: Option<u32>,
    ) -> Result<(Place, Record), Failure> {
        let inserted = self.insert_entry(name, record, instead);
        self.changed(inserted)
    }

    fn insert_entry(
        &mut self,
        name: Name<'_>,
        mut record: Record,
        instead: Option<u32>,
    ) -> Result<(Place, Record), Failure> {
        let basis = Basis::of(name);
        let short = self.short(&basis, instead)?;
        record.set_name(short);
        let mut slots = if basis.fit == Fit::Same { Vec::new() } else { parts(name.as_str(), short) };
        slots.push(record.0);
        let first = self.room(slots.len() as u32)?;
        for (slot, at) in slots.iter().zip(first..) {
            self.set(at, slot)?;
        }
        let place = self.place(first + slots.len() as u32 - 1)?.ok_or(Failure::Damaged)?;
        let found = self.next(first)?.filter(|found| found.place == place);
        match (self.index(), found) {
            (Some(_), Some(_)) if cfg!(bite = "fat-index-misses") => {}
            (Some(index), Some(found)) => index.add(&found),
            (Some(_), None) => self.indices.drop(self.body.number()),
            (None, _) => {}
        }
        Ok((place, record))
    }

    /// Takes an entry and its long name out.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    pub(crate) fn remove(&mut self, slot: u32, parts: u32) -> Result<(), Failure> {
        let first = slot.saturating_sub(parts);
        let found = self.next(first)?.filter(|found| (found.place.slot, found.parts) == (slot, parts));
        match (self.index(), found) {
            (Some(index), Some(found)) => index.remove(&found),
            (Some(_), None) => self.indices.drop(self.body.number()),
            (None, _) => {}
        }
        let removed = (first..=slot).rev().try_for_each(|at| self.change(at, |slot| slot[0] = FREE));
        self.changed(removed)
    }

    /// The short name for a new entry.
    fn short(&mut self, basis: &Basis, instead: Option<u32>) -> Result<Short, Failure> {
        if basis.fit == Fit::Same {
            return Ok(basis.short);
        }
        if let Some(index) = self.index() {
            if basis.fit == Fit::Cased && !index.has(basis.short, instead) {
                return Ok(basis.short);
            }
            let number = index.number(basis, LAST_NUMBER, instead).ok_or(Failure::NoSpace)?;
            return Ok(basis.numbered(number));
        }
        let (mut is_taken, mut numbers, mut from) = (false, BTreeSet::new(), 0);
        while let Some(found) = self.next(from)? {
            if Some(found.place.slot) != instead {
                let other = found.record.name();
                is_taken |= other == basis.short;
                numbers.extend(basis.number(other));
            }
            from = found.place.slot + 1;
        }
        if basis.fit == Fit::Cased && !is_taken {
            return Ok(basis.short);
        }
        let number = (1..=LAST_NUMBER).find(|number| !numbers.contains(number));
        Ok(basis.numbered(number.ok_or(Failure::NoSpace)?))
    }

    /// The first of so many free slots in a row.
    fn room(&mut self, count: u32) -> Result<u32, Failure> {
        let (mut at, mut first, mut is_end) = (0, None, false);
        if let Some(index) = self.index() {
            at = index.room(count);
        }
        while let Some(slot) = self.slot(at)? {
            match meaning(&slot) {
                Meaning::End => {
                    is_end = true;
                    break;
                }
                Meaning::Free => {
                    let first = *first.get_or_insert(at);
                    if at + 1 - first == count {
                        return self.fill(count, first);
                    }
                }
                _ => first = None,
            }
            at += 1;
        }
        // From here to the directory's end all is free.
        let first = first.unwrap_or(at);
        let end = first + count;
        if end > MOST_SLOTS {
            return Err(Failure::NoSpace);
        }
        while self.place(end - 1)?.is_none() {
            self.grow()?;
        }
        // What lies behind the mark of the end can be anything.
        if is_end && self.slot(end)?.is_some_and(|slot| slot[0] != END) {
            self.change(end, |slot| slot[0] = END)?;
        }
        self.fill(count, first)
    }

    fn fill(&mut self, count: u32, first: u32) -> Result<u32, Failure> {
        if let Some(index) = self.index() {
            index.fill(count, first);
        }
        Ok(first)
    }

    /// One more cluster of free slots.
    fn grow(&mut self) -> Result<(), Failure> {
        let Body::Chain(chain) = self.body else { return Err(Failure::NoSpace) };
        let length = chain.length(self.volume)?;
        let last = match length.checked_sub(1) {
            Some(index) => chain.at(self.volume, index, 1)?.map(|run| run.cluster),
            None => None,
        };
        let (cluster, _) = self.volume.allocate(last, 1)?;
        let (sector, bytes) = (self.volume.layout.sector(cluster), self.volume.layout.cluster_bytes());
        self.volume.zero_bytes(sector, 0, bytes.into())?;
        // A directory's end is where the table says: its new end is there before anything leads to it.
        if last.is_some_and(|last| !self.volume.is_one_sector(last, cluster)) {
            self.volume.cache.flush()?;
        }
        chain.append(self.volume, cluster, 1)
    }

    /// A slot, if the directory has one there.
    fn slot(&mut self, at: u32) -> Result<Option<Slot>, Failure> {
        let Some(place) = self.place(at)? else { return Ok(None) };
        let ahead = self.ahead(at);
        let offset = place.offset(self.volume.cache.sector_bytes());
        let bytes = self.volume.cache.read(place.sector, ahead)?;
        Ok(bytes.get(offset..).and_then(<[u8]>::first_chunk).copied())
    }

    fn set(&mut self, at: u32, to: &Slot) -> Result<(), Failure> {
        self.change(at, |slot| slot.copy_from_slice(to))
    }

    fn change(&mut self, at: u32, change: impl FnOnce(&mut [u8])) -> Result<(), Failure> {
        let place = self.place(at)?.ok_or(Failure::Damaged)?;
        let offset = place.offset(self.volume.cache.sector_bytes());
        let change = |bytes: &mut [u8]| change(&mut bytes[offset..offset + SLOT_BYTES]);
        Ok(self.volume.cache.change(place.sector, Rank::Second, change)?)
    }

    /// Where a slot is, if the directory has it.
    fn place(&mut self, slot: u32) -> Result<Option<Place>, Failure> {
        if slot >= MOST_SLOTS {
            return Ok(None);
        }
        let directory = self.body.number();
        let layout = self.volume.layout;
        let sector = slot / (layout.sector_bytes / SLOT_BYTES as u32);
        let sector = match self.body {
            Body::Fixed { slots, .. } if slot >= *slots => return Ok(None),
            Body::Fixed { first, .. } => *first + u64::from(sector),
            Body::Chain(chain) => {
                let Some(run) = chain.at(self.volume, sector / layout.cluster_sectors, 1)? else {
                    // A directory has one cluster at least.
                    return if slot == 0 { Err(Failure::Damaged) } else { Ok(None) };
                };
                layout.sector(run.cluster) + u64::from(sector % layout.cluster_sectors)
            }
        };
        Ok(Some(Place { directory, slot, sector }))
    }

    /// Sectors behind a slot's that have slots, too.
    const fn ahead(&self, slot: u32) -> u64 {
        let layout = &self.volume.layout;
        let per_sector = layout.sector_bytes / SLOT_BYTES as u32;
        match &*self.body {
            Body::Fixed { slots, .. } => (*slots - slot - 1) as u64 / per_sector as u64,
            Body::Chain(_) => {
                (layout.cluster_sectors - 1 - slot / per_sector % layout.cluster_sectors) as u64
            }
        }
    }
}
