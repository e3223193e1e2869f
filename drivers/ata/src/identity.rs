//! What the disk says it is, in the 256 words of IDENTIFY DEVICE, and what that means for the commands.

use anax_blocks::{Access, Disk, Id, SectorSize, What};
use anax_driver::CARD_WORDS;

use crate::SetupError;
use crate::channel::{Address, Command, SECTOR_BYTES};

/// Command codes.
pub(crate) const IDENTIFY: Command = Command { code: 0xec, address: Address::Short(0), count: 0 };
const READ: u8 = 0x20;
const READ_EXT: u8 = 0x24;
const WRITE: u8 = 0x30;
const WRITE_EXT: u8 = 0x34;
const FLUSH_CACHE: u8 = 0xe7;
const FLUSH_CACHE_EXT: u8 = 0xea;

/// Sectors that are named by 28 bits. The last one would be all ones, which is no disk's: that many is the most that it can say it has.
const SHORT_SECTORS: u64 = (1 << 28) - 1;

/// A disk, and which commands it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub(crate) disk: Disk,
    /// Makes the cache last, if there may be one.
    pub(crate) flush: Option<Command>,
}

impl Identity {
    /// From the words, none of which are believed without need.
    ///
    /// # Errors
    /// [`SetupError`].
    pub(crate) fn new(block: &[u8; SECTOR_BYTES]) -> Result<Self, SetupError> {
        let words = block.as_chunks().0;
        let word = |number: usize| words.get(number).map_or(0, |pair| u16::from_le_bytes(*pair));
        let bit = |number, bit: u32| word(number) >> bit & 1 != 0;
        // The last word says 0xa5 if it holds a checksum: then all bytes add up to nothing.
        let sum = block.iter().copied().fold(0, u8::wrapping_add);
        if word(255) as u8 == 0xa5 && sum != 0 {
            return Err(SetupError::Garbled);
        }
        if bit(0, 15) || !bit(49, 9) {
            return Err(SetupError::Unsupported);
        }
        // Words with 01 on top are meant.
        let valid = |number| word(number) >> 14 == 1;
        if valid(106) && bit(106, 12) {
            return Err(SetupError::Unsupported);
        }
        let long = valid(83) && bit(83, 10);
        let number = |first: usize, words: usize| {
            (0..words).rev().fold(0, |value, at| value << 16 | u64::from(word(first + at)))
        };
        let sectors = if long { number(100, 4) } else { number(60, 2).min(SHORT_SECTORS) };
        // Twenty characters, the first of each word in its upper half.
        let mut id = Id::default();
        let characters = words.iter().skip(10).flat_map(|[low, high]| [*high, *low]);
        id.0.iter_mut().zip(characters).for_each(|(to, from)| *to = from);
        let code = if long && bit(83, 13) { FLUSH_CACHE_EXT } else { FLUSH_CACHE };
        let has_flush = valid(83) && (bit(83, 12) || long && bit(83, 13));
        let flush = has_flush.then_some(Command { code, address: Address::Short(0), count: 0 });
        let disk = Disk { sectors, sector: SectorSize::SMALLEST, access: Access::ReadWrite, id };
        let possible = sectors <= 1 << 48 && Disk::from_words(disk.to_words()).is_some();
        if possible { Ok(Self { disk, flush }) } else { Err(SetupError::Garbled) }
    }

    /// What a successor is told, so that it need not ask the disk again.
    pub(crate) fn to_words(self) -> [u64; CARD_WORDS] {
        let [sectors, shape, a, b, c] = self.disk.to_words();
        [sectors, shape, a, b, c, self.flush.map_or(0, |command| command.code.into()), 0, 0]
    }

    /// From a predecessor; nothing if no disk is like that.
    pub(crate) fn from_words(words: [u64; CARD_WORDS]) -> Option<Self> {
        let [sectors, shape, a, b, c, flush, ..] = words;
        let disk = Disk::from_words([sectors, shape, a, b, c])?;
        let flush = match flush {
            0 => None,
            code if code == FLUSH_CACHE.into() || code == FLUSH_CACHE_EXT.into() => {
                Some(Command { code: code as u8, address: Address::Short(0), count: 0 })
            }
            _ => return None,
        };
        let possible = sectors <= 1 << 48 && disk.sector == SectorSize::SMALLEST;
        possible.then_some(Self { disk, flush })
    }

    /// The disk.
    #[must_use]
    pub const fn disk(&self) -> Disk {
        self.disk
    }

    /// The command for something: of a transfer at most 256 sectors. Nothing if nothing is to be done for it.
    pub(crate) fn command(&self, what: What) -> Option<Command> {
        let (code, code_ext, sectors) = match what {
            What::Read(transfer) => (READ, READ_EXT, transfer.sectors),
            What::Write(transfer) => (WRITE, WRITE_EXT, transfer.sectors),
            What::Flush => return self.flush,
        };
        let (first, count) = (sectors.first(), sectors.count() as u16);
        Some(if sectors.end() <= SHORT_SECTORS {
            Command { code, address: Address::Short(first as u32), count }
        } else {
            Command { code: code_ext, address: Address::Long(first), count }
        })
    }
}
