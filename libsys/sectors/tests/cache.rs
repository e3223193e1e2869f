//! The cache against a plain disk, and the order in which it writes.

use anax_sectors::{Cache, Disk, DiskError, MemoryDisk, Mirror, Rank, Shape};
use proptest::prelude::*;

/// Writes down what is written and flushed.
struct Recorder {
    disk: MemoryDisk,
    log: Vec<(u64, usize)>,
}

const FLUSH: (u64, usize) = (u64::MAX, 0);

impl Disk for Recorder {
    fn shape(&self) -> Shape {
        self.disk.shape()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.disk.read(first, into)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.log.push((first, bytes.len() / 512));
        self.disk.write(first, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.log.push(FLUSH);
        self.disk.flush()
    }
}

#[test]
fn data_then_first_then_second_neighbours_together() {
    let mut recorder = Recorder { disk: MemoryDisk::with_sectors(100), log: Vec::new() };
    let mut cache = Cache::new(&mut recorder, 32 * 512);
    cache.set_mirror(Mirror { first: 10, sectors: 10, copies: 2 });
    for (sector, rank) in [(50, Rank::Second), (12, Rank::First), (51, Rank::Second), (11, Rank::First)] {
        cache.change(sector, rank, |bytes| bytes.fill(sector as u8)).unwrap();
    }
    cache.write_data(90, &[1; 1024]).unwrap();
    cache.flush().unwrap();
    cache.flush().unwrap();
    assert!(!cache.is_behind());
    assert_eq!(recorder.log, [(90, 2), FLUSH, (11, 2), (21, 2), FLUSH, (50, 2), FLUSH]);
    assert_eq!(recorder.disk.as_bytes()[22 * 512], 12);
}

#[test]
fn many_are_read_at_once() {
    let mut disk = MemoryDisk::with_sectors(1000);
    let mut cache = Cache::new(&mut disk, 256 * 512);
    for sector in 0..512 {
        cache.read(sector, 511 - sector).unwrap();
    }
    assert!(cache.into_disk().reads <= 10);
}

#[test]
fn what_could_not_be_written_is_written_later() {
    let mut disk = MemoryDisk::with_sectors(100);
    let mut cache = Cache::new(&mut disk, 32 * 512);
    for sector in [3, 70] {
        cache.change(sector, Rank::Second, |bytes| bytes.fill(7)).unwrap();
    }
    let mut cache = {
        cache.flush().unwrap();
        let disk = cache.into_disk();
        disk.lives = Some(2);
        Cache::new(disk, 32 * 512)
    };
    cache.change(4, Rank::Second, |bytes| bytes.fill(8)).unwrap();
    cache.change(5, Rank::Second, |bytes| bytes.fill(8)).unwrap();
    assert_eq!(cache.flush(), Err(DiskError::Failed));
    assert_eq!(cache.flush(), Err(DiskError::Failed));
    assert!(cache.is_behind());
}

proptest! {
    #[test]
    fn what_was_written_is_read(steps in proptest::collection::vec((0..6_u8, 0..80_u64, any::<u8>()), 1..400)) {
        let mut disk = MemoryDisk::with_sectors(100);
        let mut model = [0_u8; 80];
        let mut cache = Cache::new(&mut disk, 16 * 512);
        for (what, sector, value) in steps {
            match what {
                0 | 1 => {
                    let rank = if sector < 40 { Rank::First } else { Rank::Second };
                    cache.change(sector, rank, |bytes| bytes.fill(value)).unwrap();
                    model[sector as usize] = value;
                }
                2 => {
                    cache.discard(sector, 1);
                    cache.write_data(sector, &[value; 512]).unwrap();
                    model[sector as usize] = value;
                }
                3 => cache.flush().unwrap(),
                _ => {
                    let read = cache.read(sector, u64::from(value % 8)).unwrap();
                    prop_assert!(read.iter().all(|byte| *byte == model[sector as usize]));
                }
            }
        }
        cache.flush().unwrap();
        let is_there = |(at, value): (usize, &u8)| disk.as_bytes()[at * 512..][..512] == [*value; 512];
        prop_assert!(model.iter().enumerate().all(is_there));
    }
}
