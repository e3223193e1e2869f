//! Which I/O ports somebody may use: a few ranges that one side changes and others read at any time, and the bitmap that the processor
//! wants of them (Intel SDM volume 1, section 19.5.2).
#![no_std]
#![forbid(unsafe_code)]

use core::ops::RangeInclusive;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Ranges in a set.
pub const MAX_RANGES: usize = 16;
/// First port in the low half, last one in the high half. This one is empty.
const EMPTY: u32 = 1;

/// Ports that somebody may use. One CPU changes it, any may read it.
#[derive(Debug)]
pub struct PortSet {
    /// No two sets, and no two states of one, have the same; 0 if it is empty.
    stamp: AtomicU64,
    ranges: [AtomicU32; MAX_RANGES],
}

/// A set has no room for another range.
#[derive(Debug)]
pub struct Full;

impl PortSet {
    /// No ports.
    #[must_use]
    pub const fn new() -> Self {
        Self { stamp: AtomicU64::new(0), ranges: [const { AtomicU32::new(EMPTY) }; MAX_RANGES] }
    }

    /// Adds ports. Whoever keeps a bitmap gets to know by the stamp.
    ///
    /// # Errors
    /// [`Full`].
    pub fn allow(&self, ports: RangeInclusive<u16>) -> Result<(), Full> {
        self.replace(pack(&ports), pack(&ports)).or_else(|Full| self.replace(EMPTY, pack(&ports)))
    }

    /// Takes ports away that were added as exactly this range.
    pub fn forbid(&self, ports: RangeInclusive<u16>) {
        let _ = self.replace(pack(&ports), EMPTY);
    }

    /// Names the present state.
    #[inline(always)]
    #[must_use]
    pub fn stamp(&self) -> u64 {
        self.stamp.load(Ordering::Acquire)
    }

    /// Takes all ports away.
    pub fn clear(&self) {
        self.ranges.iter().for_each(|range| range.store(EMPTY, Ordering::Relaxed));
        self.stamp.store(0, Ordering::Release);
    }

    fn replace(&self, old: u32, new: u32) -> Result<(), Full> {
        static STAMP: AtomicU64 = AtomicU64::new(1);
        let slot = self.ranges.iter().find(|range| range.load(Ordering::Relaxed) == old).ok_or(Full)?;
        slot.store(new, Ordering::Relaxed);
        let empty = self.ranges.iter().all(|range| range.load(Ordering::Relaxed) == EMPTY);
        let stamp = if empty { 0 } else { STAMP.fetch_add(1, Ordering::Relaxed) };
        self.stamp.store(stamp, Ordering::Release);
        Ok(())
    }
}

impl Default for PortSet {
    fn default() -> Self {
        Self::new()
    }
}

fn pack(ports: &RangeInclusive<u16>) -> u32 {
    u32::from(*ports.end()) << 16 | u32::from(*ports.start())
}

/// A bit a port, set where the port is forbidden; the last byte belongs to no port.
pub type Bitmap = [u8; 65_536 / 8 + 1];

/// The ranges that a bitmap allows at the moment, and the stamp of the set that they are of.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    stamp: u64,
    ranges: [u32; MAX_RANGES],
}

impl Held {
    /// Of a bitmap that forbids all.
    #[must_use]
    pub const fn nothing() -> Self {
        Self { stamp: 0, ranges: [EMPTY; MAX_RANGES] }
    }

    /// The stamp of the set.
    #[must_use]
    pub const fn stamp(&self) -> u64 {
        self.stamp
    }

    /// Makes `bitmap`, which allows this, allow what `set` has under `stamp`, and nothing else.
    pub fn change(&mut self, bitmap: &mut Bitmap, set: &PortSet, stamp: u64) {
        let ports = |ranges: [u32; MAX_RANGES]| {
            ranges.into_iter().flat_map(|range| (range & 0xffff)..=(range >> 16)).map(|port| port as usize)
        };
        let ranges = set.ranges.each_ref().map(|range| range.load(Ordering::Relaxed));
        if !cfg!(bite = "ports-stay") {
            ports(self.ranges).for_each(|port| bitmap[port / 8] |= 1 << (port % 8));
        }
        ports(ranges).for_each(|port| bitmap[port / 8] &= !(1 << (port % 8)));
        *self = Self { stamp, ranges };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(bitmap: &Bitmap) -> impl Iterator<Item = usize> {
        (0..65_536).filter(|port| bitmap[port / 8] >> (port % 8) & 1 == 0)
    }

    #[test]
    fn a_set_and_its_bitmap() {
        let (set, other) = (PortSet::new(), PortSet::new());
        let (mut held, mut bitmap) = (Held::nothing(), [0xff; 65_536 / 8 + 1]);
        assert_eq!(set.stamp(), 0);
        assert!(set.allow(0x40..=0x43).is_ok() && set.allow(0xffff..=0xffff).is_ok());
        let before = set.stamp();
        assert!(before != 0);
        held.change(&mut bitmap, &set, before);
        assert!(allowed(&bitmap).eq([0x40, 0x41, 0x42, 0x43, 0xffff]));
        assert!(other.allow(0..=0).is_ok());
        held.change(&mut bitmap, &other, other.stamp());
        assert!(allowed(&bitmap).eq([0]) && held.stamp() == other.stamp());
        set.forbid(0x40..=0x42);
        held.change(&mut bitmap, &set, set.stamp());
        assert!(allowed(&bitmap).eq([0x40, 0x41, 0x42, 0x43, 0xffff]), "another range than was allowed");
        set.forbid(0x40..=0x43);
        assert!(set.stamp() != before);
        set.forbid(0xffff..=0xffff);
        assert_eq!(set.stamp(), 0);
        other.clear();
        assert_eq!(other.stamp(), 0);
    }

    #[test]
    fn a_full_set() {
        let set = PortSet::new();
        (0..MAX_RANGES as u16).for_each(|port| assert!(set.allow(port..=port).is_ok()));
        assert!(set.allow(100..=100).is_err() && set.allow(3..=3).is_ok(), "one that is there");
    }
}
