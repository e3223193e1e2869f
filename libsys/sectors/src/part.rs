//! A part of a disk, as a disk of its own.

use anax_files::Pages;

use crate::{Disk, DiskError, Shape};

/// Sectors in a row of a disk, from 0 on. Nothing outside is reached through it.
#[derive(Clone, Debug)]
pub struct Part<D> {
    disk: D,
    first: u64,
    sectors: u64,
}

impl<D: Disk> Part<D> {
    /// `sectors` sectors of the disk from `first` on.
    ///
    /// # Errors
    /// `OutOfRange`: the disk does not have them all.
    pub fn new(disk: D, first: u64, sectors: u64) -> Result<Self, DiskError> {
        match first.checked_add(sectors) {
            Some(end) if end <= disk.shape().sectors => Ok(Self { disk, first, sectors }),
            _ => Err(DiskError::OutOfRange),
        }
    }

    /// The disk.
    pub fn into_disk(self) -> D {
        self.disk
    }
}

impl<D: Disk> Disk for Part<D> {
    fn shape(&self) -> Shape {
        Shape { sectors: self.sectors, ..self.disk.shape() }
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.shape().holds(first, into.len())?;
        self.disk.read(self.first + first, into)
    }

    fn read_pages(
        &mut self,
        first: u64,
        bytes: usize,
        into: &dyn Pages,
        at: usize,
    ) -> Result<bool, DiskError> {
        let shape = self.shape();
        shape.holds(first, bytes.next_multiple_of(shape.sector_bytes()))?;
        self.disk.read_pages(self.first + first, bytes, into, at)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.shape().holds(first, bytes.len())?;
        self.disk.write(self.first + first, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.disk.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryDisk;

    #[test]
    fn nothing_outside_is_reached() {
        let mut disk = MemoryDisk::with_sectors(10);
        assert_eq!(Part::new(&mut disk, 5, 6).err(), Some(DiskError::OutOfRange));
        assert_eq!(Part::new(&mut disk, u64::MAX, 2).err(), Some(DiskError::OutOfRange));
        let mut part = Part::new(&mut disk, 5, 3).unwrap();
        part.write(2, &[7; 512]).unwrap();
        assert_eq!(part.write(2, &[7; 1024]), Err(DiskError::OutOfRange));
        assert_eq!(part.write(0, &[7; 100]), Err(DiskError::OutOfRange));
        assert_eq!(part.read(3, &mut [0; 512]), Err(DiskError::OutOfRange));
        assert_eq!(part.read(u64::MAX, &mut [0; 512]), Err(DiskError::OutOfRange));
        assert!(disk.as_bytes()[..7 * 512].iter().all(|byte| *byte == 0));
        assert_eq!(disk.as_bytes()[7 * 512..8 * 512], [7; 512]);
    }
}
