//! A disk in memory: for tests, and for file systems that are images.

use alloc::vec;
use alloc::vec::Vec;

use anax_blocks::{Access, SectorSize};

use crate::{Disk, DiskError, Shape};

/// A disk in memory. It counts what it is asked, and can be told to fail.
#[derive(Clone, Debug)]
pub struct MemoryDisk {
    bytes: Vec<u8>,
    sector: SectorSize,
    access: Access,
    /// Requests so far.
    pub reads: u64,
    /// Requests so far.
    pub writes: u64,
    /// Requests so far.
    pub flushes: u64,
    /// After so many more reads and writes all fail, if that is said.
    pub lives: Option<u64>,
}

impl MemoryDisk {
    /// Of these bytes. A last sector that is not whole is left out.
    #[must_use]
    pub fn new(mut bytes: Vec<u8>, sector: SectorSize) -> Self {
        bytes.truncate(bytes.len() / sector.bytes() as usize * sector.bytes() as usize);
        Self { bytes, sector, access: Access::ReadWrite, reads: 0, writes: 0, flushes: 0, lives: None }
    }

    /// Of so many sectors of 512 zeros.
    #[must_use]
    pub fn with_sectors(sectors: usize) -> Self {
        Self::new(vec![0; sectors * SectorSize::SMALLEST.bytes() as usize], SectorSize::SMALLEST)
    }

    /// The same disk, which can't be written.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.access = Access::ReadOnly;
        self
    }

    /// All its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All its bytes, to be changed as a disk never would.
    pub fn as_mut_bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// All its bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    fn live(&mut self) -> Result<(), DiskError> {
        let Some(lives) = &mut self.lives else { return Ok(()) };
        *lives = lives.checked_sub(1).ok_or(DiskError::Failed)?;
        Ok(())
    }

    fn place(&self, first: u64, length: usize) -> Result<core::ops::Range<usize>, DiskError> {
        self.shape().holds(first, length)?;
        let start = first as usize * self.sector.bytes() as usize;
        Ok(start..start + length)
    }
}

impl Disk for MemoryDisk {
    fn shape(&self) -> Shape {
        let sectors = self.bytes.len() as u64 / u64::from(self.sector.bytes());
        Shape { sectors, sector: self.sector, access: self.access }
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        let place = self.place(first, into.len())?;
        self.live()?;
        self.reads += 1;
        into.copy_from_slice(&self.bytes[place]);
        Ok(())
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let place = self.place(first, bytes.len())?;
        if self.access == Access::ReadOnly {
            return Err(DiskError::ReadOnly);
        }
        self.live()?;
        self.writes += 1;
        self.bytes[place].copy_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.flushes += 1;
        Ok(())
    }
}
