//! A part of a directory's entries, as many as there is room for.

use alloc::string::String;
use alloc::vec::Vec;

use crate::{Failure, Kind, Name, Node};

/// An entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Which it is: a hint. Being listed makes a node known to nobody.
    pub node: Node,
    /// What it is.
    pub kind: Kind,
    /// Where the next one begins.
    pub next: u64,
}

/// Bytes before a name: next, node, kind and length.
const HEADER: usize = 18;

/// Entries in a row of bytes of limited length.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    bytes: Vec<u8>,
    limit: usize,
}

impl Listing {
    /// One with room for so many bytes; one entry of [`LONGEST_NAME`](crate::LONGEST_NAME) takes 273.
    #[must_use]
    pub const fn with_room(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit }
    }

    /// Appends an entry. `next` is where listing goes on behind it, any number but 0, which is a directory's beginning. False if it has no room: then the listing is to end
    /// before it.
    #[must_use]
    pub fn push(&mut self, name: Name<'_>, (node, kind): (Node, Kind), next: u64) -> bool {
        if self.bytes.len() + HEADER + name.len() > self.limit {
            return false;
        }
        self.bytes.extend_from_slice(&next.to_le_bytes());
        self.bytes.extend_from_slice(&node.0.to_le_bytes());
        self.bytes.extend([kind.number() as u8, name.len() as u8]);
        self.bytes.extend_from_slice(name.as_bytes());
        true
    }

    /// As they travel.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What has travelled, as entries.
    ///
    /// # Errors
    /// `Damaged`: it is no such row.
    pub fn parse(mut bytes: &[u8]) -> Result<Vec<Entry>, Failure> {
        let mut entries = Vec::new();
        while !bytes.is_empty() {
            let (header, rest) = bytes.split_first_chunk::<HEADER>().ok_or(Failure::Damaged)?;
            let (words, small) = header.as_chunks::<8>();
            let [next, node] = [words[0], words[1]].map(u64::from_le_bytes);
            let kind = Kind::from_number(small[0].into()).ok_or(Failure::Damaged)?;
            let (name, rest) = rest.split_at_checked(small[1].into()).ok_or(Failure::Damaged)?;
            let name = Name::from_bytes(name).map_err(|_| Failure::Damaged)?;
            if next == 0 {
                return Err(Failure::Damaged);
            }
            entries.push(Entry { name: name.as_str().into(), node: Node(node), kind, next });
            bytes = rest;
        }
        Ok(entries)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn as_many_as_fit() {
        let mut listing = Listing::with_room(2 * HEADER + 4);
        assert!(listing.push(Name::new("a").unwrap(), (Node(1), Kind::File), 1));
        assert!(!listing.push(Name::new("long").unwrap(), (Node(2), Kind::File), 2));
        assert!(listing.push(Name::new("bcd").unwrap(), (Node(3), Kind::Directory), 3));
        let entries = Listing::parse(listing.as_bytes()).unwrap();
        assert_eq!(entries.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["a", "bcd"]);
        assert_eq!((entries[1].node, entries[1].kind, entries[1].next), (Node(3), Kind::Directory, 3));
    }

    proptest! {
        #[test]
        fn anything_is_entries_or_damaged(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _any = Listing::parse(&bytes);
        }
    }
}
