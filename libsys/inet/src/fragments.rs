//! Packets put together out of fragments (RFC 791, 8200 4.5), and cut into them.
//!
//! No byte passes through here: the caller lends numbered buffers, and of each fragment it is said where in which buffer its bytes belong. So what is kept is
//! a few ranges, and what an attacker can have is bounded: packets under way, those of one source, pieces of one packet, bytes of all, time.
//!
//! Fragments that overlap are an attack or a fault; with either the whole packet goes, and what comes of it later, too (RFC 5722; for IPv4 as well, where nobody who
//! sends honestly makes them). A fragment that lies within what has come is a duplicate, whose bytes are not taken.

mod cut;
mod set;

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::ops::Range;
use core::time::Duration;

use smoltcp::wire::{IpAddress, IpProtocol};

pub use cut::{Cut, cut};

use crate::{Drop, InterfaceId, Packet};
use set::{Fit, Set};

/// Packets that are under way at once: buffers that the caller lends, of 64 KiB at most.
pub const BUFFERS: usize = 32;
/// Those of one source.
pub const OF_SOURCE: usize = 4;
/// Pieces of one packet with gaps between them.
pub const PIECES: usize = 32;
/// Bytes that all packets under way take in their buffers: from the beginning to the last byte that has come.
pub const BYTES: usize = 512 * 1024;

const V4_TIME: Duration = Duration::from_secs(30);
const V6_TIME: Duration = Duration::from_secs(60);

/// One of the caller's buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(pub u8);

/// Where a fragment's bytes belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The buffer: nobody else's until it is complete or [given back](Freed).
    pub buffer: BufferId,
    /// From which byte on.
    pub offset: usize,
    /// Which bytes of the frame.
    pub from: Range<usize>,
    /// Whether the packet is whole by that. The buffer is the caller's again as soon as it has looked at it.
    pub complete: Option<Complete>,
}

/// A packet that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complete {
    /// As its first fragment was, for [`reassembled`](crate::frame::reassembled).
    pub first: Packet,
    /// Bytes in the buffer, from 0 on.
    pub length: usize,
}

/// A buffer that was given back without a packet, for which of these reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freed {
    /// The buffer.
    pub buffer: BufferId,
    /// Why.
    pub why: Drop,
    /// The first fragment, if it had come: who is too late hears of it (RFC 1122 3.3.2, RFC 4443 3.3).
    pub first: Option<Packet>,
}

/// Which packet a fragment is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    source: IpAddress,
    destination: IpAddress,
    interface: InterfaceId,
    identification: u32,
    /// IPv4 counts for each protocol.
    protocol: u8,
}

/// Packets under way; thread 0's.
#[derive(Debug, Default)]
pub struct Reassembly {
    sets: BTreeMap<Key, Set>,
    used: [bool; BUFFERS],
    bytes: usize,
    freed: VecDeque<Freed>,
}

impl Reassembly {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Packets under way, and bytes that they take.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        (self.sets.len(), self.bytes)
    }

    /// A buffer that was given back. To be asked until there is none, after each call.
    pub fn freed(&mut self) -> Option<Freed> {
        self.freed.pop_front()
    }

    /// When [`poll`](Self::poll) has something to do.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.sets.values().map(|set| set.due).min()
    }

    /// Ends what takes too long.
    pub fn poll(&mut self, now: Duration) {
        let late: Vec<Key> =
            self.sets.iter().filter(|(_, set)| set.due <= now).map(|(key, _)| *key).collect();
        for key in late {
            self.end(key, Drop::FragmentLate);
        }
    }

    /// A fragment has come, in a frame that is for this host.
    ///
    /// # Errors
    /// Why it is to be dropped. The packet may be [given up](Self::freed) by that.
    pub fn input(&mut self, now: Duration, interface: InterfaceId, packet: &Packet) -> Result<Placed, Drop> {
        let fragment = packet.fragment.ok_or(Drop::Header)?;
        check_first(packet)?;
        let (protocol, lasts) = match packet.source {
            IpAddress::Ipv4(_) => (u8::from(packet.protocol), V4_TIME),
            IpAddress::Ipv6(_) => (0, V6_TIME),
        };
        let key = Key {
            source: packet.source,
            destination: packet.destination,
            interface,
            identification: fragment.identification,
            protocol,
        };
        if !self.sets.contains_key(&key) {
            let buffer = self.make_room(&key)?;
            self.sets.insert(key, Set::new(now + lasts, buffer));
        }
        let Some(set) = self.sets.get_mut(&key) else { return Err(Drop::FragmentEvicted) };
        let Some(buffer) = set.buffer else { return Err(Drop::FragmentOverlap) };
        let offset = usize::from(fragment.offset);
        let before = set.extent;
        match set.add(offset..offset + packet.payload.len(), fragment.more) {
            Fit::Fits => {}
            Fit::Duplicate => return Err(Drop::FragmentDuplicate),
            Fit::Overlaps => {
                self.poison(key);
                return Err(Drop::FragmentOverlap);
            }
            Fit::TooManyPieces => {
                self.poison(key);
                return Err(Drop::FragmentPieces);
            }
        }
        if offset == 0 {
            set.first = Some(packet.clone());
        }
        self.bytes += set.extent - before;
        let complete = match (set.length(), &set.first) {
            (Some(length), Some(first)) => Some(Complete { first: first.clone(), length }),
            _ => None,
        };
        if complete.is_some() {
            self.remove(key);
        } else {
            self.shed(key)?;
        }
        Ok(Placed { buffer, offset, from: packet.payload.clone(), complete })
    }

    /// A buffer for one more packet. The oldest of the same source goes for it, then the oldest of all.
    fn make_room(&mut self, key: &Key) -> Result<BufferId, Drop> {
        let of_source = |other: &&Key| other.source == key.source;
        if self.sets.keys().filter(of_source).count() >= OF_SOURCE && !cfg!(bite = "inet-fragments-unbounded")
        {
            self.end_oldest(|other| other.source == key.source);
        }
        if self.sets.len() >= BUFFERS {
            self.end_oldest(|_| true);
        }
        let free = self.used.iter().position(|used| !used).ok_or(Drop::FragmentEvicted)?;
        self.used[free] = true;
        Ok(BufferId(free as u8))
    }

    fn end_oldest(&mut self, is_candidate: impl Fn(&Key) -> bool) {
        let candidates = self.sets.iter().filter(|(key, _)| is_candidate(key));
        if let Some(key) = candidates.min_by_key(|(_, set)| set.due).map(|(key, _)| *key) {
            self.end(key, Drop::FragmentEvicted);
        }
    }

    /// Ends others while all take too many bytes; this one itself if it is the last.
    fn shed(&mut self, key: Key) -> Result<(), Drop> {
        while self.bytes > BYTES {
            let is_alone = self.sets.len() == 1;
            self.end_oldest(|other| *other != key || is_alone);
        }
        if self.sets.contains_key(&key) { Ok(()) } else { Err(Drop::FragmentEvicted) }
    }

    /// The packet is not to be had any more, but remembered, so that the rest of it begins no other one.
    fn poison(&mut self, key: Key) {
        let Some(set) = self.sets.get_mut(&key) else { return };
        self.bytes -= set.extent;
        set.extent = 0;
        set.pieces.clear();
        let first = set.first.take();
        if let Some(buffer) = set.buffer.take() {
            self.used[usize::from(buffer.0)] = false;
            self.freed.push_back(Freed { buffer, why: Drop::FragmentOverlap, first });
        }
    }

    fn end(&mut self, key: Key, why: Drop) {
        let Some(set) = self.remove(key) else { return };
        if let Some(buffer) = set.buffer {
            self.freed.push_back(Freed { buffer, why, first: set.first });
        }
    }

    fn remove(&mut self, key: Key) -> Option<Set> {
        let set = self.sets.remove(&key)?;
        self.bytes -= set.extent;
        if let Some(buffer) = set.buffer {
            self.used[usize::from(buffer.0)] = false;
        }
        Some(set)
    }
}

/// Whoever filters packets looks at first fragments: so the transport's header has to be in there, and nothing may begin in the middle of it (RFC 1858, 3128, 7112).
fn check_first(packet: &Packet) -> Result<(), Drop> {
    let Some(fragment) = packet.fragment else { return Ok(()) };
    let least = match packet.protocol {
        IpProtocol::Tcp => 20,
        IpProtocol::Udp | IpProtocol::Icmp | IpProtocol::Icmpv6 => 8,
        _ => 0,
    };
    let offset = usize::from(fragment.offset);
    let is_tiny = if offset == 0 { packet.payload.len() < least } else { offset < least };
    let is_hidden = matches!(packet.source, IpAddress::Ipv6(_))
        && offset == 0
        && matches!(
            packet.protocol,
            IpProtocol::HopByHop | IpProtocol::Ipv6Route | IpProtocol::Ipv6Frag | IpProtocol::Ipv6Opts
        );
    if is_tiny || is_hidden { Err(Drop::FragmentTiny) } else { Ok(()) }
}
