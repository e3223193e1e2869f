//! The programs that use partitions, each with the port by whose end its own is known.

use alloc::vec::Vec;

use crate::Record;

/// Programs at once.
pub const MOST_HOLDERS: usize = 32;

/// A program.
#[derive(Debug)]
struct Holder {
    process: u64,
    token: u64,
}

/// All of them, by place.
#[derive(Debug)]
pub(crate) struct Holders {
    all: [Option<Holder>; MOST_HOLDERS],
    tokens: u64,
}

impl Holders {
    pub(crate) const fn new() -> Self {
        Self { all: [const { None }; MOST_HOLDERS], tokens: 0 }
    }

    /// Whether a port of that program's is watched.
    pub(crate) fn knows(&self, process: u64) -> bool {
        self.all.iter().flatten().any(|holder| holder.process == process)
    }

    /// A place for one that is not known.
    pub(crate) fn free(&self) -> Option<usize> {
        self.all.iter().position(Option::is_none)
    }

    /// A token that no other has had.
    pub(crate) const fn token(&mut self) -> u64 {
        self.tokens += 1;
        self.tokens
    }

    pub(crate) fn remove(&mut self, place: usize) {
        if let Some(holder) = self.all.get_mut(place) {
            *holder = None;
        }
    }

    pub(crate) fn put(&mut self, place: usize, process: u64, token: u64) {
        if let Some(free) = self.all.get_mut(place) {
            *free = Some(Holder { process, token });
        }
    }

    /// The port of that token has ended: where it was, and whose.
    pub(crate) fn left(&mut self, token: u64) -> Option<(usize, u64)> {
        let is_it = |holder: &Option<Holder>| holder.as_ref().is_some_and(|holder| holder.token == token);
        let place = self.all.iter().position(is_it)?;
        self.all.get_mut(place)?.take().map(|holder| (place, holder.process))
    }

    pub(crate) fn write(&self, record: &mut Record) {
        let all = self.all.iter().enumerate();
        let known = all.filter_map(|(place, holder)| holder.as_ref().map(|holder| (place, holder.process)));
        record.holders = known.collect::<Vec<_>>();
    }
}
