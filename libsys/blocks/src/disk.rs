//! What a disk is: how large, in which units, whether it can be written, and which one.

use anax_abi::WORDS;

/// Sectors in a row, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sectors {
    first: u64,
    count: u32,
}

impl Sectors {
    /// `count` sectors from `first` on; nothing if that is none, or past all numbers.
    #[must_use]
    pub const fn new(first: u64, count: u32) -> Option<Self> {
        match first.checked_add(count as u64) {
            Some(_) if count > 0 => Some(Self { first, count }),
            _ => None,
        }
    }

    /// The first.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.first
    }

    /// How many, at least one.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// The one behind the last.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.first + self.count as u64
    }

    /// Whether a sector is among both.
    #[must_use]
    pub const fn overlap(self, other: Self) -> bool {
        self.first < other.end() && other.first < self.end()
    }
}

/// Bytes of a sector: a power of two from 512 to 4,096.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorSize(u32);

impl SectorSize {
    /// What disks have had since there are any.
    pub const SMALLEST: Self = Self(512);
    /// The largest.
    pub const LARGEST: Self = Self(4096);

    /// Nothing if it is none of them.
    #[must_use]
    pub const fn from_bytes(bytes: u32) -> Option<Self> {
        if bytes.is_power_of_two() && bytes >= Self::SMALLEST.0 && bytes <= Self::LARGEST.0 {
            Some(Self(bytes))
        } else {
            None
        }
    }

    /// Bytes.
    #[must_use]
    pub const fn bytes(self) -> u32 {
        self.0
    }
}

/// Whether a disk can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It can.
    ReadWrite,
    /// It can't.
    ReadOnly,
}

/// What the disk calls itself: its serial number, as the device spells it; zeros if it has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Id(pub [u8; Self::BYTES]);

impl Id {
    /// Bytes of it.
    pub const BYTES: usize = 20;
}

/// A disk. All of it identifies it: a successor's disk is the same one only if all is equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// How many sectors it has, at least one.
    pub sectors: u64,
    /// Bytes of each.
    pub sector: SectorSize,
    /// Whether it can be written.
    pub access: Access,
    /// Its name.
    pub id: Id,
}

impl Disk {
    const READ_ONLY: u64 = 1 << 32;

    /// Whether it has all of these.
    #[must_use]
    pub const fn holds(&self, sectors: Sectors) -> bool {
        sectors.end() <= self.sectors
    }

    /// Bytes of so many sectors.
    #[must_use]
    pub const fn bytes(&self, sectors: Sectors) -> u64 {
        sectors.count as u64 * self.sector.0 as u64
    }

    /// From a reply's words; nothing if no disk is like that.
    #[must_use]
    pub fn from_words(words: [u64; WORDS]) -> Option<Self> {
        let [sectors, shape, name @ ..] = words;
        let sector = SectorSize::from_bytes(shape as u32)?;
        let access = match shape >> 32 << 32 {
            0 => Access::ReadWrite,
            Self::READ_ONLY => Access::ReadOnly,
            _ => return None,
        };
        let mut id = Id::default();
        let bytes = name.iter().flat_map(|word| word.to_le_bytes());
        id.0.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        // Also in bytes it has to be a number.
        let bytes = sectors.checked_mul(sector.0.into());
        bytes.filter(|bytes| *bytes > 0).map(|_| Self { sectors, sector, access, id })
    }

    /// For a reply.
    #[must_use]
    pub fn to_words(self) -> [u64; WORDS] {
        let access = match self.access {
            Access::ReadWrite => 0,
            Access::ReadOnly => Self::READ_ONLY,
        };
        let mut words = [self.sectors, u64::from(self.sector.0) | access, 0, 0, 0];
        for (word, bytes) in words.iter_mut().skip(2).zip(self.id.0.chunks(size_of::<u64>())) {
            *word = bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        }
        words
    }
}
