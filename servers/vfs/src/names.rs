//! The name cache: what a name in a directory led to when it was looked up last, also if that was nothing.
//!
//! Two tables of limited size: what is found moves to the younger one, and when that is full the older one is dropped. So what was used lately stays, and nothing has to be kept in order.
//! Each entry has the directory's generation of when it was made: raising that makes all entries of a directory nothing at once. And a directory counts its changes: what was asked before one and
//! answered after it is not remembered.

use alloc::boxed::Box;
use alloc::rc::Rc;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::host::Host;
use crate::node::Vnode;

/// What a name leads to.
pub(crate) enum Found<H: Host> {
    /// That.
    Node(Rc<Vnode<H>>),
    /// Nothing.
    Nothing,
}

impl<H: Host> Clone for Found<H> {
    fn clone(&self) -> Self {
        match self {
            Self::Node(node) => Self::Node(node.clone()),
            Self::Nothing => Self::Nothing,
        }
    }
}

struct Entry<H: Host> {
    /// The directory's own number, which is never used again.
    directory: u64,
    generation: u64,
    name: Box<str>,
    /// Nothing is remembered while a name is changed: its place is kept for what comes of that.
    found: Option<Found<H>>,
}

/// A name, and its place in the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) name: &'a str,
    hash: u64,
}

fn hash(keys: (u64, u64), directory: u64, name: &str) -> u64 {
    // Each directory has keys of its own, so that its number is not another block to be hashed.
    SipHasher13::new_with_keys(keys.0 ^ directory, keys.1).hash(name.as_bytes())
}

/// The cache.
pub(crate) struct Names<H: Host> {
    young: HashTable<Entry<H>>,
    old: HashTable<Entry<H>>,
    /// Entries of each.
    limit: usize,
    keys: (u64, u64),
}

impl<H: Host> Names<H> {
    pub(crate) fn new(limit: usize, keys: (u64, u64)) -> Self {
        let (young, old) = (HashTable::new(), HashTable::new());
        Self { young, old, limit: (limit / 2).max(1), keys }
    }

    /// Where a name is found, for all that is to be done with it.
    pub(crate) fn key<'a>(&self, directory: &Vnode<H>, name: &'a str) -> Key<'a> {
        Key { name, hash: hash(self.keys, directory.number, name) }
    }

    /// What is remembered of a name.
    pub(crate) fn get(&mut self, directory: &Vnode<H>, key: Key<'_>) -> Option<Found<H>> {
        let (number, generation) = (directory.number, directory.generation.get());
        let Key { name, hash } = key;
        let is_it = |entry: &Entry<H>| entry.directory == number && *entry.name == *name;
        let is_good =
            |entry: &Entry<H>| entry.generation == generation || cfg!(bite = "vfs-names-without-generation");
        if let Some(entry) = self.young.find(hash, is_it).filter(|entry| is_good(entry)) {
            return entry.found.clone();
        }
        let Ok(old) = self.old.find_entry(hash, is_it) else {
            return None;
        };
        let (entry, _) = old.remove();
        if !is_good(&entry) {
            return None;
        }
        let found = entry.found.clone()?;
        self.insert(hash, entry);
        Some(found)
    }

    fn insert(&mut self, hashed: u64, entry: Entry<H>) {
        if self.young.len() >= self.limit {
            self.old = core::mem::take(&mut self.young);
        }
        let keys = self.keys;
        self.young.insert_unique(hashed, entry, |entry| hash(keys, entry.directory, &entry.name));
    }

    /// Remembers what a name leads to. `changes`: the directory's before it was asked.
    pub(crate) fn put(&mut self, directory: &Vnode<H>, changes: u64, key: Key<'_>, found: Found<H>) {
        if changes != directory.changes.get() && cfg!(not(bite = "vfs-late-answers-believed")) {
            return;
        }
        if directory.volume.traits.get().is_volatile {
            return;
        }
        directory.has_names.set(true);
        let (number, generation, found) = (directory.number, directory.generation.get(), Some(found));
        let is_it = |entry: &Entry<H>| entry.directory == number && *entry.name == *key.name;
        if let Some(entry) = self.young.find_mut(key.hash, is_it) {
            (entry.generation, entry.found) = (generation, found);
            return;
        }
        let name = match self.old.find_entry(key.hash, is_it) {
            Ok(old) => old.remove().0.name,
            Err(_) => key.name.into(),
        };
        self.insert(key.hash, Entry { directory: number, generation, name, found });
    }

    /// Remembers nothing of a name.
    pub(crate) fn remove(&mut self, directory: &Vnode<H>, key: Key<'_>) {
        let is_it = |entry: &Entry<H>| entry.directory == directory.number && *entry.name == *key.name;
        for table in [&mut self.young, &mut self.old] {
            if let Some(entry) = table.find_mut(key.hash, is_it) {
                entry.found = None;
            }
        }
    }

    /// Remembers nothing in directories that nobody knows any more, and under another number if ever: what lies in them would be kept for nobody.
    pub(crate) fn forget_directories(&mut self, numbers: &[u64]) {
        for table in [&mut self.young, &mut self.old] {
            table.retain(|entry| !numbers.contains(&entry.directory));
        }
    }

    /// Remembers no name of a node.
    pub(crate) fn forget_node(&mut self, node: &Rc<Vnode<H>>) {
        for table in [&mut self.young, &mut self.old] {
            table.retain(|entry| match &entry.found {
                Some(Found::Node(found)) => !Rc::ptr_eq(found, node),
                Some(Found::Nothing) | None => true,
            });
        }
    }

    /// Remembers nothing of a file system.
    pub(crate) fn clear_volume(&mut self, volume: u32) {
        for table in [&mut self.young, &mut self.old] {
            table.retain(|entry| match &entry.found {
                Some(Found::Node(node)) => node.volume.number != volume,
                Some(Found::Nothing) | None => true,
            });
        }
    }
}
