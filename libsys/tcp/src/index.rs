//! Connections by their ends: the look-up that every segment needs.
//!
//! The hash is keyed, so that nobody can choose what collides, and taken of all bytes at once, which costs half of what hashing field by field does. The
//! table has numbers alone; whose they are is looked up where the connections are, which a segment needs in any case.

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;
use smoltcp::wire::IpAddress;

use crate::Tuple;

/// The ends of a connection by its number: only of those that are in the table.
pub(crate) trait Ends {
    /// Nothing if there is none of that number.
    fn of(&self, number: u32) -> Option<&Tuple>;
}

/// The numbers of connections by their ends.
#[derive(Debug)]
pub(crate) struct Index {
    hasher: SipHasher13,
    table: HashTable<u32>,
}

fn hash(hasher: &SipHasher13, tuple: &Tuple) -> u64 {
    let (local, remote) = (tuple.local, tuple.remote);
    if let (IpAddress::Ipv4(own), IpAddress::Ipv4(other)) = (local.address, remote.address) {
        // A length that is known makes this a few words' arithmetic.
        let addresses = u64::from(own.to_bits()) << 32 | u64::from(other.to_bits());
        let ports = u32::from(local.port) << 16 | u32::from(remote.port);
        return hasher.hash(&(u128::from(addresses) << 32 | u128::from(ports)).to_ne_bytes());
    }
    let (bytes, used) = tuple.bytes();
    hasher.hash(&bytes[..used])
}

impl Index {
    /// An empty one with a secret key.
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self { hasher: SipHasher13::new_with_key(key), table: HashTable::new() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    /// Whose number is that, if there is one.
    #[inline]
    pub(crate) fn get(&self, tuple: &Tuple, ends: &impl Ends) -> Option<u32> {
        let found = self.table.find(hash(&self.hasher, tuple), |number| ends.of(*number) == Some(tuple));
        found.copied()
    }

    /// Adds one that is in `ends`, and whose ends were nobody's before.
    pub(crate) fn insert(&mut self, number: u32, ends: &impl Ends) {
        let hasher = &self.hasher;
        let hash_of = |number: &u32| ends.of(*number).map_or(0, |tuple| hash(hasher, tuple));
        self.table.insert_unique(hash_of(&number), number, hash_of);
    }

    /// Takes one out that is still in `ends`.
    pub(crate) fn remove(&mut self, number: u32, ends: &impl Ends) {
        let Some(tuple) = ends.of(number) else { return };
        let found = self.table.find_entry(hash(&self.hasher, tuple), |other| *other == number);
        if let Ok(entry) = found {
            entry.remove();
        }
    }
}
