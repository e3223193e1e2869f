//! The entries of a directory: places, found by name by a table, and listed in their order. An entry stays in its place, so that whoever lists while others create and remove sees what stays
//! exactly once.

use alloc::boxed::Box;
use alloc::vec::Vec;

use anax_files::{Name, Node};
use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

/// Numbers that nobody can guess: so nobody can choose names that meet in a table.
pub type Keys = (u64, u64);

#[derive(Debug)]
struct Entry {
    name: Box<str>,
    node: Node,
}

#[derive(Debug, Default)]
pub(crate) struct Directory {
    places: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_name: HashTable<u32>,
}

fn hash(keys: Keys, name: &str) -> u64 {
    SipHasher13::new_with_keys(keys.0, keys.1).hash(name.as_bytes())
}

fn is(places: &[Option<Entry>], place: u32, name: &str) -> bool {
    places.get(place as usize).and_then(Option::as_ref).is_some_and(|entry| *entry.name == *name)
}

/// A name, and where it is found in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    name: Name<'a>,
    hash: u64,
}

impl<'a> Key<'a> {
    pub(crate) fn new(keys: Keys, name: Name<'a>) -> Self {
        Self { name, hash: hash(keys, &name) }
    }
}

impl Directory {
    pub(crate) fn get(&self, key: Key<'_>) -> Option<Node> {
        let place = *self.by_name.find(key.hash, |place| is(&self.places, *place, &key.name))?;
        self.places.get(place as usize)?.as_ref().map(|entry| entry.node)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Adds a name, or makes it another node's.
    pub(crate) fn put(&mut self, keys: Keys, key: Key<'_>, node: Node) {
        let places = &mut self.places;
        if let Some(place) = self.by_name.find(key.hash, |place| is(places, *place, &key.name)) {
            if let Some(entry) = &mut places[*place as usize] {
                entry.node = node;
            }
            return;
        }
        let entry = Some(Entry { name: key.name.as_str().into(), node });
        let place = match self.free.pop() {
            Some(place) => {
                places[place as usize] = entry;
                place
            }
            None => {
                places.push(entry);
                (places.len() - 1) as u32
            }
        };
        self.by_name.insert_unique(key.hash, place, |place| {
            places[*place as usize].as_ref().map_or(0, |entry| hash(keys, &entry.name))
        });
    }

    pub(crate) fn remove(&mut self, key: Key<'_>) {
        let found = self.by_name.find_entry(key.hash, |place| is(&self.places, *place, &key.name));
        let Ok(found) = found else { return };
        let (place, _) = found.remove();
        self.places[place as usize] = None;
        if self.by_name.is_empty() {
            // What was large once is not for ever.
            *self = Self::default();
        } else {
            self.free.push(place);
        }
    }

    /// Entries behind a place, each with its own.
    pub(crate) fn after(&self, place: u64) -> impl Iterator<Item = (&str, Node, u64)> {
        let from = usize::try_from(place).map_or(self.places.len(), |place| place.min(self.places.len()));
        let places = (from as u64 + 1..).zip(&self.places[from..]);
        places.filter_map(|(place, entry)| entry.as_ref().map(|entry| (&*entry.name, entry.node, place)))
    }
}
