//! What a disk does.

use alloc::boxed::Box;
use core::fmt;

use anax_blocks::{Access, SectorSize};
use anax_files::{Failure, Pages};

/// How large a disk is, in which units, and whether it can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How many sectors it has.
    pub sectors: u64,
    /// Bytes of each.
    pub sector: SectorSize,
    /// Whether it can be written.
    pub access: Access,
}

impl Shape {
    /// Bytes of a sector.
    #[must_use]
    pub const fn sector_bytes(&self) -> usize {
        self.sector.bytes() as usize
    }

    /// Sectors that so many bytes are, from `first` on.
    ///
    /// # Errors
    /// `OutOfRange`: they are not whole sectors, or the disk does not have them all.
    pub const fn holds(&self, first: u64, bytes: usize) -> Result<u64, DiskError> {
        if !bytes.is_multiple_of(self.sector_bytes()) {
            return Err(DiskError::OutOfRange);
        }
        let count = (bytes / self.sector_bytes()) as u64;
        match first.checked_add(count) {
            Some(end) if end <= self.sectors => Ok(count),
            _ => Err(DiskError::OutOfRange),
        }
    }
}

/// Why a disk did not do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// It has no such sectors. Nothing was done.
    OutOfRange,
    /// It can't be written. Nothing was done.
    ReadOnly,
    /// It, or the way to it, has failed. After a write nobody knows what the sectors hold.
    Failed,
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfRange => "the disk has no such sectors",
            Self::ReadOnly => "the disk is read-only",
            Self::Failed => "the disk has failed",
        })
    }
}

impl core::error::Error for DiskError {}

/// What a file system says of it. Sectors that the disk does not have are an address that was read from it.
impl From<DiskError> for Failure {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::OutOfRange => Self::Damaged,
            DiskError::ReadOnly => Self::ReadOnly,
            DiskError::Failed => Self::Medium,
        }
    }
}

/// A disk, or a part of one. Whole sectors, by their numbers from 0 on; the caller waits until it is done.
pub trait Disk {
    /// What it is like. The same answer for ever.
    fn shape(&self) -> Shape;

    /// Reads sectors from `first` on, as many as fill `into`; none if it is empty.
    ///
    /// # Errors
    /// `OutOfRange`: `into` is not whole sectors, or there are not so many. `Failed`: nothing in `into` counts.
    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError>;

    /// The same of `bytes` bytes into pages from `at` on, of which the last one may end in zeros; if it can have them there without this program's copying them. Whether it can.
    ///
    /// # Errors
    /// As for [`read`](Self::read), but that `bytes` need not be whole sectors. `Failed`: also if the pages were taken away meanwhile.
    fn read_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        let _none = (first, bytes, into, at);
        Ok(false)
    }

    /// Writes sectors from `first` on. They last when a [`flush`](Self::flush) that is asked for afterwards has ended.
    ///
    /// # Errors
    /// As for [`read`](Self::read); `ReadOnly`.
    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Returns when all that was written will last.
    ///
    /// # Errors
    /// `Failed`: nobody knows what lasts of what was written since the flush before.
    fn flush(&mut self) -> Result<(), DiskError>;

    /// Whether it can't be written.
    fn is_read_only(&self) -> bool {
        self.shape().access == Access::ReadOnly
    }
}

macro_rules! forwarding {
    ($($of:ty),+) => {
        $(
            impl<D: Disk + ?Sized> Disk for $of {
                fn shape(&self) -> Shape {
                    (**self).shape()
                }

                fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
                    (**self).read(first, into)
                }

                fn read_pages(
                    &mut self,
                    first: u64,
                    bytes: usize,
                    into: &dyn Pages,
                    at: usize,
                ) -> Result<bool, DiskError> {
                    (**self).read_pages(first, bytes, into, at)
                }

                fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
                    (**self).write(first, bytes)
                }

                fn flush(&mut self) -> Result<(), DiskError> {
                    (**self).flush()
                }
            }
        )+
    };
}

forwarding!(&mut D, Box<D>);
