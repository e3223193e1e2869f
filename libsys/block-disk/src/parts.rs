//! What can be asked of the disk server, which shares disks among the programs that use their partitions.
//!
//! A program lends it memory, the *room*, once; from then on sectors go through that, and a request is a message of four words. The server writes to the room from the moment that a
//! read is asked until it is answered, and reads from it during a write.

use anax_abi::Error;
use anax_blocks::{Access, SectorSize};
use anax_proto::{Caller, Failure, Fixed, Gift, Later, Reader, Writer};
use anax_sectors::{DiskError, Shape};
use anax_system::Name;

/// The name of the service.
pub const SERVICE: &str = "disks";
/// Bytes of the room: the most that one request moves.
pub const ROOM_BYTES: u64 = 256 * 1024;
/// Requests of one partition that the server has at once; one more is refused.
pub const MOST_REQUESTS: usize = 4;

/// Why a partition is not opened, or does not do what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartError {
    /// The caller has opened no partition of that number: the server has begun anew, and is to be asked by [`Parts::open`] again.
    NotOpen,
    /// Another program uses that partition, or the whole disk.
    InUse,
    /// There is no such disk.
    NoDisk,
    /// The disk has no such partition, or its table can't be read.
    NoPart,
    /// The partition has no such sectors, or the room no such bytes. Nothing was done.
    OutOfRange,
    /// The disk can't be written. Nothing was done.
    ReadOnly,
    /// The disk, or the way to it, has failed. After a write nobody knows what the sectors hold.
    Failed,
    /// The way to the server, or what the server has run out of.
    Way(Error),
}

/// A partition that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Its number in requests.
    pub number: u64,
    /// What it is like.
    pub shape: Shape,
}

/// Partitions of disks. Who may ask is in the manifests: whoever needs the service `disks`.
#[anax_proto::interface]
pub trait Parts {
    /// Uses a partition, such as number 1 of `blk0`, which is the caller's until he closes it or ends. Of one that he has already the old number is void. `room` (READ, WRITE) is a region of [`ROOM_BYTES`], neither more nor less;
    /// `hold` (SEND, GRANT) is a port of the caller's that ends with him, at which nothing is ever answered: by its end the server learns of his.
    ///
    /// `NoDisk`, `NoPart`, `InUse`; `Failed`: no driver answers; `Way(Full)`: the server has too many.
    fn open(
        &mut self,
        caller: Caller,
        disk: Name,
        part: u32,
        room: Gift,
        hold: Gift,
        later: Later<Opened, PartError>,
    );

    /// Reads `sectors` sectors of the partition from `first` on, to the room's byte `at` and those behind it.
    ///
    /// `NotOpen`, `OutOfRange`; `Failed`: nothing in the room counts; `Way(Full)`: [`MOST_REQUESTS`] are under way.
    #[idempotent]
    fn read(
        &mut self,
        caller: Caller,
        number: u64,
        first: u64,
        sectors: u32,
        at: u32,
        later: Later<(), PartError>,
    );

    /// Writes sectors, from the room. They last when a [`flush`](Self::flush) that is asked for afterwards has ended.
    ///
    /// As for [`read`](Self::read), and `ReadOnly`.
    #[idempotent]
    fn write(
        &mut self,
        caller: Caller,
        number: u64,
        first: u64,
        sectors: u32,
        at: u32,
        later: Later<(), PartError>,
    );

    /// Is answered when all that was written will last.
    ///
    /// `NotOpen`; `Failed`: nobody knows what lasts of what was written since the flush before.
    #[idempotent]
    fn flush(&mut self, caller: Caller, number: u64, later: Later<(), PartError>);

    /// The caller has no use for it any more; what is under way is dropped.
    ///
    /// `NotOpen`.
    fn close(&mut self, caller: Caller, number: u64) -> Result<(), PartError>;
}

impl From<Error> for PartError {
    fn from(error: Error) -> Self {
        Self::Way(error)
    }
}

/// What becomes of it for who uses the disk.
impl From<PartError> for DiskError {
    fn from(error: PartError) -> Self {
        match error {
            PartError::OutOfRange => Self::OutOfRange,
            PartError::ReadOnly => Self::ReadOnly,
            _ => Self::Failed,
        }
    }
}

/// Where the codes of failures begin.
const CODES: i64 = -1200;
const ALL: [PartError; 7] = [
    PartError::NotOpen,
    PartError::InUse,
    PartError::NoDisk,
    PartError::NoPart,
    PartError::OutOfRange,
    PartError::ReadOnly,
    PartError::Failed,
];

impl Failure for PartError {
    fn code(&self) -> i64 {
        match self {
            Self::Way(error) => error.code(),
            other => CODES - ALL.iter().position(|one| one == other).map_or(0, |place| place as i64),
        }
    }

    fn from_code(code: i64) -> Self {
        let place = usize::try_from(CODES.saturating_sub(code)).ok();
        let known = place.and_then(|place| ALL.get(place));
        known.copied().unwrap_or_else(|| Self::Way(Error::from_code(code)))
    }
}

/// Number, sectors; bytes of a sector and, above them, whether it can be written.
impl Fixed for Opened {
    const WORDS: usize = 3;

    fn put(self, to: &mut Writer) {
        let Shape { sectors, sector, access } = self.shape;
        to.word(self.number);
        to.word(sectors);
        to.word(u64::from(sector.bytes()) | u64::from(access == Access::ReadWrite) << 32);
    }

    fn take(from: &mut Reader) -> Option<Self> {
        let (number, sectors, how) = (from.word()?, from.word()?, from.word()?);
        let access = match how >> 32 {
            0 => Access::ReadOnly,
            1 => Access::ReadWrite,
            _ => return None,
        };
        let shape = Shape { sectors, sector: SectorSize::from_bytes(how as u32)?, access };
        Some(Self { number, shape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_go_there_and_back() {
        for error in ALL.into_iter().chain([PartError::Way(Error::Full), PartError::Way(Error::PeerDied)]) {
            assert_eq!(PartError::from_code(error.code()), error);
        }
    }

    #[test]
    fn what_was_opened_goes_there_and_back() {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            let shape = Shape { sectors: 1 << 40, sector: SectorSize::SMALLEST, access };
            let opened = Opened { number: 7, shape };
            let mut writer = Writer::default();
            opened.put(&mut writer);
            assert_eq!(Opened::take(&mut Reader::new(writer.finish())), Some(opened));
        }
        for lies in [[1, 1, 512 | 2 << 32, 0, 0], [1, 1, 513, 0, 0], [1, 1, 0, 0, 0]] {
            assert_eq!(Opened::take(&mut Reader::new(lies)), None);
        }
    }
}
