//! What outlives this server: a record of each connection, and the leases of its cards, in a region that init keeps.
//!
//! | words | what |
//! |---|---|
//! | 8 | what this is, threads, connections of each |
//! | 4 of 8 | leases, by card |
//! | for each thread: 1 | places that were ever used: those from there on are 0 |
//! | its connections | for each place of a connection where its entry is, or 0 |
//! | one entry more than connections | a [record](Record), whose socket it is, and where its rings lie |
//!
//! An entry is never changed: a new one is written elsewhere, and then the place is. So whenever this server ends, each place has an entry that is whole; and since
//! a cohort's are written before what it sends is shown to anybody, the other end of a connection knows of nothing that its entry does not.

use alloc::vec::Vec;
use core::sync::atomic::{Ordering, fence};

use anax_inet::dhcp::{KEPT_WORDS, Kept as Lease};
use anax_ring::SharedBytes;
use anax_socket::{Rings, Socket};
use anax_tcp::{RECORD_WORDS, Record};

const WORD: usize = 8;
/// Says what the region is: to be changed with anything that is in it.
const WHAT: u64 = u64::from_le_bytes(*b"anaxnet1");
/// Cards whose leases are kept.
const CARDS: usize = 4;
const LEASES: usize = 8;
const AREAS: usize = LEASES + CARDS * KEPT_WORDS;
const ENTRY: usize = RECORD_WORDS + 4;
/// Where a thread's table begins.
const TABLE: usize = 1;

/// Words of a thread with so many connections.
const fn area(places: usize) -> usize {
    TABLE + places + (places + 1) * ENTRY
}

/// Bytes of a region for so many threads, with so many connections each.
#[must_use]
pub const fn bytes(threads: u32, connections: u32) -> usize {
    (AREAS + threads as usize * area(connections as usize)) * WORD
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The program's session.
    pub session: u64,
    /// The socket's name.
    pub socket: Socket,
    /// Its rings.
    pub rings: Rings,
}

/// A connection that was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// It.
    pub record: Record,
    /// Whose it is; nobody's if it was not accepted, or closed.
    pub owner: Option<Owner>,
}

impl Entry {
    fn words(&self) -> [u64; ENTRY] {
        let mut words = [0; ENTRY];
        words[..RECORD_WORDS].copy_from_slice(&self.record.0);
        if let Some(Owner { session, socket, rings }) = self.owner {
            let sizes = rings.receive().1.ilog2() | rings.send().1.ilog2() << 8;
            let name = u64::from(socket.index) | u64::from(socket.generation) << 32;
            let lie = u64::from(rings.page()) | u64::from(sizes) << 32;
            words[RECORD_WORDS..].copy_from_slice(&[1, session, name, lie]);
        }
        words
    }

    fn from_words(words: &[u64; ENTRY]) -> Option<Self> {
        let (record, [is_owned, session, name, lie]) = words.split_last_chunk()?;
        let record = Record(*record.first_chunk()?);
        record.tuple()?;
        let socket = Socket { index: *name as u32, generation: (name >> 32) as u32 };
        let rings = Rings::new(*lie as u32, (lie >> 32) as u8, (lie >> 40) as u8);
        let owner = rings.filter(|_| *is_owned == 1).map(|rings| Owner { session: *session, socket, rings });
        Some(Self { record, owner })
    }
}

fn read<const N: usize>(bytes: SharedBytes<'_>, at: usize) -> Option<[u64; N]> {
    let mut words = [0; N];
    for (number, word) in words.iter_mut().enumerate() {
        *word = bytes.read_u64((at + number) * WORD).ok()?;
    }
    Some(words)
}

/// Writes words, all before any that are written later.
fn write<const N: usize>(bytes: SharedBytes<'_>, at: usize, words: [u64; N]) {
    fence(Ordering::Release);
    // Places are within: the region was looked at when it was opened.
    let _ = bytes.copy_in(at * WORD, words.map(u64::to_le_bytes).as_flattened());
}

/// Where one thread keeps its connections.
#[derive(Debug)]
pub struct Kept {
    area: SharedBytes<'static>,
    places: usize,
    /// The entry of each place, from 1 on; entries that no place has any more; and the first that none has had.
    entries: Vec<u32>,
    free: Vec<u32>,
    fresh: u32,
}

impl Kept {
    /// A place's connection is so now, or is no more. False: there is no such place, and it is not kept.
    pub fn note(&mut self, place: u32, entry: Option<&Entry>) -> bool {
        let at = place as usize;
        if at >= self.places {
            return entry.is_none();
        }
        if self.entries.len() <= at {
            self.entries.resize(at + 1, 0);
            write(self.area, 0, [at as u64 + 1]);
        }
        let mut new = 0;
        if let Some(entry) = entry {
            // There is one more than there are places.
            let own = Some(self.entries[at]).filter(|own| *own != 0 && cfg!(bite = "net-kept-in-place"));
            new = own.or_else(|| self.free.pop()).unwrap_or(self.fresh);
            self.fresh = self.fresh.max(new + 1);
            write(self.area, self.entry(new as usize), entry.words());
        }
        write(self.area, TABLE + at, [new.into()]);
        let old = core::mem::replace(&mut self.entries[at], new);
        if old != 0 && old != new {
            self.free.push(old);
        }
        true
    }

    /// Where an entry is.
    const fn entry(&self, number: usize) -> usize {
        TABLE + self.places + (number - 1) * ENTRY
    }

    /// Places that were used.
    fn used(&self) -> usize {
        let used = read(self.area, 0).map_or(0, |[used]| used);
        usize::try_from(used).map_or(0, |used| used.min(self.places))
    }

    /// What a predecessor has left.
    fn left(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.used()).filter_map(|place| {
            let [entry] = read(self.area, TABLE + place)?;
            let number =
                usize::try_from(entry).ok().filter(|number| (1..=self.places + 1).contains(number))?;
            Entry::from_words(&read(self.area, self.entry(number))?)
        })
    }

    /// Forgets all of that. Memory that nobody has touched stays so.
    fn clear(&mut self) {
        (0..self.used()).for_each(|place| write(self.area, TABLE + place, [0]));
        write(self.area, 0, [0]);
    }
}

/// Where leases are kept; thread 0's.
#[derive(Debug)]
pub struct Leases(SharedBytes<'static>);

impl Leases {
    /// A card's, by its number.
    #[must_use]
    pub fn of(&self, card: usize) -> Lease {
        let words = (card < CARDS).then(|| read(self.0, LEASES + card * KEPT_WORDS)).flatten();
        words.map(Lease).unwrap_or_default()
    }

    /// The same, from now on. One that is only half of it fits no card: what it is begins with that.
    pub fn note(&mut self, card: usize, lease: &Lease) {
        if card < CARDS && self.of(card) != *lease {
            let at = LEASES + card * KEPT_WORDS;
            let [first, rest @ ..] = lease.0;
            write(self.0, at, [0]);
            write(self.0, at + 1, rest);
            write(self.0, at, [first]);
        }
    }
}

/// All of a region.
#[derive(Debug)]
pub struct Found {
    /// For each thread.
    pub threads: Vec<Kept>,
    /// For thread 0.
    pub leases: Leases,
    /// The connections that a predecessor had.
    pub left: Vec<Entry>,
}

/// Opens a region of so many [`bytes`], takes out what is in it, and begins anew. What another kind of server has left is nothing.
///
/// `None`: it is too small.
#[must_use]
pub fn open(region: SharedBytes<'static>, threads: u32, connections: u32) -> Option<Found> {
    let places = connections as usize;
    let length = area(places);
    let head = [WHAT, threads.into(), connections.into()];
    let is_own = read(region, 0)? == head;
    if !is_own {
        region.part(0, AREAS * WORD).ok()?.fill(0);
    }
    let mut found = Found { threads: Vec::new(), leases: Leases(region), left: Vec::new() };
    for thread in 0..threads as usize {
        let area = region.part((AREAS + thread * length) * WORD, length * WORD).ok()?;
        let mut kept = Kept { area, places, entries: Vec::new(), free: Vec::new(), fresh: 1 };
        if is_own {
            found.left.extend(kept.left());
        }
        kept.clear();
        found.threads.push(kept);
    }
    write(region, 0, head);
    Some(found)
}
