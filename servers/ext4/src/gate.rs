//! Bytes of the disk, and a look at the superblock before `ext4-view` has one: it allocates by numbers that it finds there.
//!
//! Layout: the Linux kernel's documentation, "ext4 Data Structures and Algorithms", "The Super Block".

use alloc::boxed::Box;
use alloc::rc::Rc;
use alloc::vec;
use core::cell::Cell;
use core::error::Error;

use anax_files::Failure;
use anax_sectors::{Disk, DiskError};
use ext4_view::Ext4Read;

/// Where the superblock is, and how much of it is looked at.
const SUPERBLOCK: u64 = 1024;
const LENGTH: usize = 1024;
const MAGIC: u16 = 0xef53;
/// The largest block is 64 KiB.
const MOST_LOG: u32 = 6;
/// Groups of blocks: 16 TiB of the usual ones.
const MOST_GROUPS: u64 = 131_072;
/// Numbers of blocks have 64 bits.
const WIDE: u32 = 0x80;

/// A disk as `ext4-view` reads it: by bytes. Failures are remembered, since it passes over some.
pub(crate) struct Bytes<D> {
    pub(crate) disk: D,
    pub(crate) has_failed: Rc<Cell<bool>>,
}

impl<D: Disk> Ext4Read for Bytes<D> {
    fn read(&mut self, start: u64, into: &mut [u8]) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        self.read_bytes(start, into).map_err(|error| {
            self.has_failed.set(true);
            error.into()
        })
    }
}

impl<D: Disk> Bytes<D> {
    fn read_bytes(&mut self, start: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let size = self.disk.shape().sector_bytes();
        let (first, skip) = (start / size as u64, (start % size as u64) as usize);
        if skip == 0 && into.len().is_multiple_of(size) {
            return self.disk.read(first, into);
        }
        let length = (skip + into.len()).next_multiple_of(size);
        let mut sectors = vec![0; length];
        self.disk.read(first, &mut sectors)?;
        into.copy_from_slice(&sectors[skip..skip + into.len()]);
        Ok(())
    }

    /// Whether the superblock's sizes can be this disk's.
    ///
    /// # Errors
    /// `Damaged`: they can't, or there is none. `Medium`.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let shape = self.disk.shape();
        let bytes = shape.sectors.saturating_mul(shape.sector_bytes() as u64);
        let mut block = [0; LENGTH];
        self.read_bytes(SUPERBLOCK, &mut block)?;
        let word = |at: usize| block[at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word));
        let magic = word(0x38) as u16;
        let high = if word(0x60) & WIDE != 0 { word(0x150) } else { 0 };
        let blocks = u64::from(high) << 32 | u64::from(word(0x04));
        let (log, per_group) = (word(0x18), u64::from(word(0x20)));
        let is_good = magic == MAGIC
            && log <= MOST_LOG
            && blocks.checked_mul(1024 << log).is_some_and(|length| length <= bytes)
            && blocks.checked_div(per_group).is_some_and(|groups| groups < MOST_GROUPS);
        if is_good { Ok(()) } else { Err(Failure::Damaged) }
    }
}
