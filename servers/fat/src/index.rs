//! What is in a directory, by name: so that a name is not sought slot by slot, and neither is one that is not there, as whoever makes files needs to know.
//!
//! An index tells where an entry may be; whether it is there is read from its slots. What is not in the index is not in the directory. It is made when a directory is first looked through, kept
//! for those that were used last, and dropped when something goes wrong.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::hash::{BuildHasher as _, Hasher as _};

use anax_files::NodeHash;
use hashbrown::HashTable;

use crate::directory::Found;
use crate::name::{Basis, Short, Wanted};

/// Directories that have one.
const MOST: usize = 16;
/// Entries of all of them. A larger directory has none.
const MOST_ENTRIES: usize = 40_000;
/// Beginnings of short names of which it is known how far their numbers go.
const MOST_NUMBERED: usize = 8;
/// Slots of the longest entry: 20 parts of a name of 255 units, and the entry.
const LONGEST: usize = 21;

/// An index of a directory.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By long and short names as they are compared: the first slot of the entry.
    names: HashTable<(u64, u32)>,
    /// By short names: the slot of the entry itself.
    shorts: BTreeMap<Short, u32>,
    /// For the beginnings of short names that were numbered last: below that all numbers are taken.
    numbered: VecDeque<(Basis, u32)>,
    entries: usize,
    /// Before these slots there are not so many free ones in a row, by how many less one.
    room: [u32; LONGEST],
}

fn hash(wanted: &Wanted) -> u64 {
    let mut hasher = NodeHash.build_hasher();
    wanted.units().iter().for_each(|unit| hasher.write_u64(u64::from(*unit)));
    hasher.finish()
}

fn hashes(found: &Found) -> impl Iterator<Item = u64> {
    let long = hash(&Wanted::new(&found.name));
    let short = (found.parts > 0).then(|| hash(&Wanted::new(&found.record.name().text(0))));
    [Some(long), short.filter(|short| *short != long)].into_iter().flatten()
}

impl Index {
    /// An entry more.
    pub(crate) fn add(&mut self, found: &Found) {
        let first = found.place.slot - found.parts;
        for hash in hashes(found) {
            self.names.insert_unique(hash, (hash, first), |(hash, _)| *hash);
        }
        self.shorts.insert(found.record.name(), found.place.slot);
        self.entries += 1;
    }

    /// An entry less.
    pub(crate) fn remove(&mut self, found: &Found) {
        let first = found.place.slot - found.parts;
        for hash in hashes(found) {
            if let Ok(entry) = self.names.find_entry(hash, |entry| *entry == (hash, first)) {
                entry.remove();
            }
        }
        // Another one may have its short name by now.
        if self.shorts.get(&found.record.name()) == Some(&found.place.slot) {
            self.shorts.remove(&found.record.name());
        }
        self.entries = self.entries.saturating_sub(1);
        for (basis, from) in &mut self.numbered {
            *from = (*from).min(basis.number(found.record.name()).unwrap_or(u32::MAX));
        }
        for (room, before) in self.room.iter_mut().zip(0..) {
            *room = (*room).min(first.saturating_sub(before));
        }
    }

    /// Where entries of that name may begin, in the order of the directory.
    pub(crate) fn places(&self, wanted: &Wanted) -> Vec<u32> {
        let hash = hash(wanted);
        let all = self.names.iter_hash(hash).filter(|(other, _)| *other == hash);
        let mut places: Vec<u32> = all.map(|(_, first)| *first).collect();
        places.sort_unstable();
        places
    }

    /// Whether an entry has that short name, but for the one in that slot.
    pub(crate) fn has(&self, short: Short, but: Option<u32>) -> bool {
        self.shorts.get(&short).is_some_and(|slot| Some(*slot) != but)
    }

    /// The first number by which a short name is nobody's, but for the one in that slot; none if all up to the last are taken.
    pub(crate) fn number(&mut self, basis: &Basis, last: u32, but: Option<u32>) -> Option<u32> {
        let known = self.numbered.iter().position(|(other, _)| other == basis);
        // The one in that slot has its number, too, which may be lower.
        let from = known.filter(|_| but.is_none()).map_or(1, |place| self.numbered[place].1);
        let number = (from..=last).find(|number| !self.has(basis.numbered(*number), but))?;
        if but.is_none() {
            known.map(|place| self.numbered.remove(place));
            self.numbered.push_front((*basis, number));
            self.numbered.truncate(MOST_NUMBERED);
        }
        Some(number)
    }

    /// From where on so many free slots in a row are to be sought.
    pub(crate) fn room(&self, count: u32) -> u32 {
        self.room.get(count as usize - 1).copied().unwrap_or(0)
    }

    /// The first so many free slots in a row begin there, and will be used.
    pub(crate) fn fill(&mut self, count: u32, first: u32) {
        for room in self.room.iter_mut().skip(count as usize - 1) {
            *room = (*room).max(first + count);
        }
    }
}

/// The indices that are kept.
#[derive(Debug, Default)]
pub(crate) struct Indices {
    /// By the directories' numbers: none for one that is too large, or damaged. The one that was used last is first.
    kept: VecDeque<(u32, Option<Index>)>,
}

impl Indices {
    /// That of a directory. Nothing if there is none yet, else the index, if it can have one.
    pub(crate) fn get(&mut self, directory: u32) -> Option<Option<&mut Index>> {
        let place = self.kept.iter().position(|(number, _)| *number == directory)?;
        self.kept.swap(0, place);
        Some(self.kept.front_mut()?.1.as_mut())
    }

    /// Keeps one, or that there is none, and as many others as there is room for.
    pub(crate) fn put(&mut self, directory: u32, index: Option<Index>) {
        self.kept.push_front((directory, index.filter(|index| index.entries <= MOST_ENTRIES)));
        let entries = |(_, index): &(u32, Option<Index>)| index.as_ref().map_or(0, |index| index.entries);
        while self.kept.len() > MOST || self.kept.iter().map(entries).sum::<usize>() > MOST_ENTRIES {
            self.kept.pop_back();
        }
    }

    /// The directory has ended, or nobody knows what is in it.
    pub(crate) fn drop(&mut self, directory: u32) {
        self.kept.retain(|(number, _)| *number != directory);
    }
}
