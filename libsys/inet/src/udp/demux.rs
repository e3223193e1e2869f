//! Whose a datagram is: at most three look-ups in a hash table, however many sockets there are.

use core::hash::{Hash, Hasher};

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use smoltcp::wire::{IpAddress, IpVersion};

use super::Endpoint;
use crate::random::{Keyed, Random};

/// Where a socket listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Local {
    /// On a port of every address of that version.
    Any(IpVersion, u16),
    /// On one address: one machine's, or a group's.
    At(Endpoint),
    /// On one address, for what comes from that other end alone.
    Between(Endpoint, Endpoint),
}

/// In whole words, of which keyed hashes take one at a time: this is done for every datagram.
impl Hash for Local {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Any(version, port) => {
                state.write_u64(u64::from(*version == IpVersion::Ipv6) << 16 | u64::from(*port));
            }
            Self::At(local) => local.hash(state),
            Self::Between(local, remote) => (local, remote).hash(state),
        }
    }
}

/// Somebody has that place, or the port is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InUse;

/// Sockets by where they listen: one for each place.
#[derive(Debug)]
pub struct Demux<T> {
    sockets: HashMap<Local, T, Keyed>,
    /// How many there are of each [kind](Local::kind): for what is not there nobody looks.
    kinds: [usize; 3],
    /// How many sockets have a port, wherever: a port that is chosen shall be nobody's at all.
    ports: HashMap<u16, u32, Keyed>,
}

impl Local {
    /// Its port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        match self {
            Self::Any(_, port) => *port,
            Self::At(local) | Self::Between(local, _) => local.port,
        }
    }

    const fn kind(&self) -> usize {
        match self {
            Self::Any(..) => 0,
            Self::At(_) => 1,
            Self::Between(..) => 2,
        }
    }
}

impl<T: Copy> Demux<T> {
    /// None yet.
    #[must_use]
    pub fn new(random: &mut Random) -> Self {
        let (sockets, ports) = (HashMap::with_hasher(random.key()), HashMap::with_hasher(random.key()));
        Self { sockets, kinds: [0; 3], ports }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sockets.len()
    }

    /// Whose a datagram is: the one that speaks with exactly that end, else the one on that address, else the one on all.
    #[must_use]
    pub fn find(&self, local: Endpoint, remote: Endpoint) -> Option<T> {
        let find = |place: Local| {
            let is_one = self.kinds[place.kind()] > 0;
            is_one.then(|| self.sockets.get(&place).copied()).flatten()
        };
        find(Local::Between(local, remote))
            .or_else(|| find(Local::At(local)))
            .or_else(|| find(Local::Any(local.address.version(), local.port)))
    }

    /// Lets a socket listen.
    ///
    /// # Errors
    /// Somebody does there.
    pub fn bind(&mut self, place: Local, socket: T) -> Result<(), InUse> {
        if place.port() == 0 {
            return Err(InUse);
        }
        match self.sockets.entry(place) {
            Entry::Occupied(_) => Err(InUse),
            Entry::Vacant(entry) => {
                entry.insert(socket);
                self.kinds[place.kind()] += 1;
                *self.ports.entry(place.port()).or_insert(0) += 1;
                Ok(())
            }
        }
    }

    /// Ends that.
    pub fn unbind(&mut self, place: Local) -> Option<T> {
        let socket = self.sockets.remove(&place)?;
        self.kinds[place.kind()] -= 1;
        if let Entry::Occupied(mut entry) = self.ports.entry(place.port()) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
        Some(socket)
    }

    /// A port that nobody has and that `suits`, as one does whose packets come to this thread. Some 1,000 are looked at, from anywhere on (RFC 6056, 3.3.1).
    pub fn free_port(&self, random: &mut Random, suits: impl Fn(u16) -> bool) -> Option<u16> {
        const FIRST: u16 = 49_152;
        const COUNT: u16 = 16_384;
        let start = random.below(COUNT.into()) as u16;
        (0..1024)
            .map(|step| FIRST + (start + step) % COUNT)
            .find(|port| !self.ports.contains_key(port) && suits(*port))
    }

    /// Those that an error concerns which says that nothing comes through to that end.
    #[must_use]
    pub fn find_sender(&self, local: Endpoint, remote: IpAddress, port: u16) -> Option<T> {
        self.find(local, Endpoint::new(remote, port))
    }
}
