//! The power fails at any moment: clusters are lost, and nothing worse.
//!
//! The disk keeps what was flushed, and any part of what was written since. What may be wrong then: the copies of the table differ, a file has clusters beyond its size, the note
//! of free clusters is old, and something that was being renamed has both names. What may not: names that lead nowhere, files with too few clusters, broken directories.

mod common;

use anax_files::{Creation, FileSystem, Kind, Node};
use anax_sectors::{Disk, DiskError, MemoryDisk, Shape};
use common::{Random, formatted, name};
use fat::{Fat, Fault, Width, check};

/// A disk that writes down what it is told.
struct Recorder {
    disk: MemoryDisk,
    /// Sectors of a request are written or not, each by itself.
    is_torn: bool,
    /// Sectors that were written, or nothing for a flush.
    log: Vec<Option<(u64, Vec<u8>)>>,
}

impl Disk for Recorder {
    fn shape(&self) -> Shape {
        self.disk.shape()
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.disk.read(first, into)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        // An entry of FAT12 can lie across two sectors, whose order nobody can choose: there a request is done or not done.
        let unit = if self.is_torn { 512 } else { bytes.len() };
        let sectors = bytes.chunks(unit).zip((first..).step_by(unit / 512));
        self.log.extend(sectors.map(|(bytes, sector)| Some((sector, bytes.to_vec()))));
        self.disk.write(first, bytes)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        self.log.push(None);
        self.disk.flush()
    }
}

/// Some steps with few names. Failures are none of this test's concern.
fn work(fat: &mut Fat<Recorder>, random: &mut Random, renames: bool) {
    let mut known: Vec<(Node, Kind)> = vec![(fat.root(), Kind::Directory)];
    for _ in 0..400 {
        let at = random.below(known.len() as u64) as usize;
        let (node, kind) = known[at];
        let text = format!("name {}", random.below(30));
        match (random.below(20), kind) {
            (0..5, Kind::Directory) => {
                let what = if random.below(3) == 0 { Creation::Directory } else { Creation::File };
                if let Ok(made) = fat.create(node, name(&text), what, 0) {
                    known.push((made.node, made.kind));
                }
            }
            (5..10, Kind::Directory) => {
                let kind = if random.below(2) == 0 { Kind::Directory } else { Kind::File };
                let _ = fat.remove(node, name(&text), kind);
            }
            (10..13, Kind::Directory) if renames => {
                let (to, _) = known[random.below(known.len() as u64) as usize];
                let other = format!("name {}", random.below(30));
                let _ = fat.rename((node, name(&text)), (to, name(&other)));
            }
            (0..12, Kind::File) => {
                let _ = fat.write(node, random.below(20_000), &vec![7; random.below(10_000) as usize]);
            }
            (12..16, Kind::File) => {
                let _ = fat.set_size(node, random.below(20_000));
            }
            (16, _) if at > 0 => {
                fat.forget(node, 1);
                known.swap_remove(at);
            }
            (17, _) => fat.sync(Some(node)).unwrap(),
            (18, _) if random.below(4) == 0 => fat.sync(None).unwrap(),
            _ => {}
        }
    }
}

fn cuts(width: Width, sectors: usize, seed: u64, renames: bool) {
    let mut random = Random(seed);
    let start = formatted(width, sectors);
    let recorder = Recorder { disk: start.clone(), is_torn: width != Width::Fat12, log: Vec::new() };
    let mut fat = Fat::with_cache(recorder, 32 << 10).unwrap();
    work(&mut fat, &mut random, renames);
    let log = fat.into_disk().log;
    for _ in 0..40 {
        let at = random.below(log.len() as u64 + 1) as usize;
        let flushed = log[..at].iter().rposition(Option::is_none).unwrap_or(0);
        let mut disk = start.clone();
        for (place, entry) in log[..at].iter().enumerate() {
            let is_there = place < flushed || random.below(2) == 0;
            if let (Some((sector, bytes)), true) = (entry, is_there) {
                disk.write(*sector, bytes).unwrap();
            }
        }
        let report = check(&mut disk.clone()).unwrap();
        for problem in &report.problems {
            let is_allowed = match problem.fault {
                Fault::Copies | Fault::TooLong | Fault::FreeNote => true,
                Fault::Shared | Fault::SameName => renames,
                Fault::Leads | Fault::TooShort | Fault::NoClusters | Fault::Dots => false,
            };
            assert!(is_allowed, "{width:?}, seed {seed}, cut at {at} of {}: {problem}", log.len());
        }
    }
}

#[test]
fn nothing_but_clusters_is_lost() {
    for seed in 1..=12 {
        cuts(Width::Fat12, 2000, seed, false);
        cuts(Width::Fat16, 6000, seed, false);
        cuts(Width::Fat32, 3000, seed, false);
    }
}

#[test]
fn what_is_renamed_has_one_name_at_least() {
    for seed in 21..=32 {
        cuts(Width::Fat12, 2000, seed, true);
        cuts(Width::Fat32, 3000, seed, true);
    }
}
