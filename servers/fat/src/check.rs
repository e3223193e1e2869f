//! Looks through a whole file system: what other systems call `fsck`, without repairing anything.
//!
//! Whoever only uses a file system finds out about damage where it lies on the way. That two files share a cluster is found out only by looking at all of them.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use anax_files::Failure;
use anax_sectors::Disk;

use crate::directory::{Body, Directory, Found};
use crate::entry::Record;
use crate::index::Indices;
use crate::layout::{Cluster, Root, SLOT_BYTES, word};
use crate::name::Short;
use crate::volume::{INFO_FREE, Link, Volume};

/// Problems that are told.
const MOST_PROBLEMS: usize = 100;
/// What FAT32 notes if it does not know.
const UNKNOWN: u32 = u32::MAX;

/// What can't be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A copy of the table differs from the one that is read.
    Copies,
    /// A chain leads to clusters that are free, bad, or not there.
    Leads,
    /// A cluster belongs to two, or twice to one.
    Shared,
    /// A file has fewer clusters than its size needs.
    TooShort,
    /// It has more.
    TooLong,
    /// A directory has no clusters.
    NoClusters,
    /// Its entries `.` and `..` are wrong.
    Dots,
    /// Two entries of a directory have the same short name.
    SameName,
    /// The note of how many clusters are free is wrong.
    FreeNote,
}

impl Fault {
    const fn text(self) -> &'static str {
        match self {
            Self::Copies => "the copies of the table differ",
            Self::Leads => "its clusters lead nowhere",
            Self::Shared => "it shares a cluster",
            Self::TooShort => "it has too few clusters",
            Self::TooLong => "it has too many clusters",
            Self::NoClusters => "it is a directory without clusters",
            Self::Dots => "its entries . and .. are wrong",
            Self::SameName => "another one has its short name",
            Self::FreeNote => "the note of free clusters is wrong",
        }
    }
}

/// Something that can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The path of what has it, `/` for the whole.
    pub path: String,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.fault.text())
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files.
    pub files: u64,
    /// Directories, without the root.
    pub directories: u64,
    /// Clusters that are free.
    pub free_clusters: u32,
    /// Clusters that are somebody's by the table, and nobody's by any directory: what a cut of power loses.
    pub lost_clusters: u32,
    /// What can't be, the first hundred.
    pub problems: Vec<Problem>,
}

impl Report {
    fn problem(&mut self, path: &str, fault: Fault) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { path: path.into(), fault });
        }
    }
}

struct Check<D> {
    volume: Volume<D>,
    /// Clusters that were met, a bit each.
    met: Vec<u64>,
    report: Report,
}

/// Looks through the file system on a disk that nobody is changing.
///
/// # Errors
/// `Damaged`: there is none. `Medium`.
pub fn check(disk: &mut impl Disk) -> Result<Report, Failure> {
    let volume = Volume::open(disk, 1 << 20)?;
    let met = vec![0; volume.layout.clusters as usize / 64 + 1];
    let mut check = Check { volume, met, report: Report::default() };
    check.copies()?;
    check.tree()?;
    check.table()?;
    Ok(check.report)
}

impl<D: Disk> Check<D> {
    /// All copies of the table are the same.
    fn copies(&mut self) -> Result<(), Failure> {
        let layout = self.volume.layout;
        let size = layout.sector_bytes as usize;
        let (mut one, mut other) = (vec![0; size], vec![0; size]);
        for sector in 0..layout.table_sectors {
            self.volume.cache.read_data(layout.table + sector, &mut one)?;
            for copy in 1..u64::from(layout.copies) {
                self.volume
                    .cache
                    .read_data(layout.table + copy * layout.table_sectors + sector, &mut other)?;
                if one != other {
                    self.report.problem("/", Fault::Copies);
                }
            }
        }
        Ok(())
    }

    /// All directories. Each is met once: their clusters are.
    fn tree(&mut self) -> Result<(), Failure> {
        let root = match self.volume.layout.root {
            Root::Fixed { first, slots } => Body::Fixed { first, slots },
            Root::Chain(first) => {
                self.chain(first, "/", u32::MAX);
                Body::of(Some(first))
            }
        };
        let mut rest = vec![(root, 0, String::new())];
        while let Some((mut body, above, path)) = rest.pop() {
            let (mut from, mut names) = (0, BTreeSet::new());
            if !path.is_empty() {
                self.dots(&body, above, &path)?;
            }
            loop {
                let indices = &mut Indices::default();
                let mut directory = Directory { volume: &mut self.volume, body: &mut body, indices };
                let found = match directory.next(from) {
                    Ok(Some(found)) => found,
                    Ok(None) => break,
                    Err(Failure::Damaged) => {
                        self.report.problem(&path, Fault::Leads);
                        break;
                    }
                    Err(failure) => return Err(failure),
                };
                from = found.place.slot + 1;
                let path = format!("{path}/{}", found.name);
                let short = found.record.name();
                if !names.insert(short) {
                    self.report.problem(&path, Fault::SameName);
                }
                if let Some(below) = self.entry(&found, &path) {
                    let number = if self.volume.layout.is_root(body.number()) { 0 } else { body.number() };
                    rest.push((below, number, path));
                }
            }
        }
        Ok(())
    }

    /// A file, or a directory that is to be looked at.
    fn entry(&mut self, found: &Found, path: &str) -> Option<Body> {
        let first = found.record.cluster();
        if found.record.is_directory() {
            self.report.directories += 1;
            let Some(first) = first else {
                self.report.problem(path, Fault::NoClusters);
                return None;
            };
            return self.chain(first, path, u32::MAX).map(|_| Body::of(Some(first)));
        }
        self.report.files += 1;
        let due = self.volume.layout.clusters_for(found.record.size().into());
        let has = first.map_or(Some(0), |first| self.chain(first, path, due))?;
        match has.cmp(&due) {
            Ordering::Less => self.report.problem(path, Fault::TooShort),
            Ordering::Equal => {}
            Ordering::Greater => self.report.problem(path, Fault::TooLong),
        }
        None
    }

    /// Walks along a chain: how long it is, if it ends well. What goes beyond the limit is one more, whatever it is.
    fn chain(&mut self, first: Cluster, path: &str, limit: u32) -> Option<u32> {
        let (mut next, mut count) = (Some(first), 0);
        while let Some(cluster) = next {
            if count == limit {
                return Some(count + 1);
            }
            let link = self.volume.next(cluster);
            let Ok(link) = link else {
                self.report.problem(path, Fault::Leads);
                return None;
            };
            let number = cluster.0 as usize - 2;
            let (word, bit) = (number / 64, 1 << (number % 64));
            if self.met[word] & bit != 0 {
                self.report.problem(path, Fault::Shared);
                return None;
            }
            self.met[word] |= bit;
            (next, count) = (link, count + 1);
        }
        Some(count)
    }

    /// The entries `.` and `..`.
    fn dots(&mut self, body: &Body, above: u32, path: &str) -> Result<(), Failure> {
        let own = Cluster(body.number());
        let sector = self.volume.layout.sector(own);
        let bytes = self.volume.cache.read(sector, 0)?;
        for (slot, (name, cluster)) in
            bytes.as_chunks::<SLOT_BYTES>().0.iter().zip([(Short::DOT, own.0), (Short::DOTS, above)])
        {
            let record = Record(*slot);
            let is_right = record.name() == name
                && record.is_directory()
                && record.cluster().map_or(0, |cluster| cluster.0) == cluster;
            if !is_right {
                self.report.problem(path, Fault::Dots);
            }
        }
        Ok(())
    }

    /// What the table has that no directory has.
    fn table(&mut self) -> Result<(), Failure> {
        for number in 0..self.volume.layout.clusters {
            let is_met = self.met[number as usize / 64] & 1 << (number % 64) != 0;
            match self.volume.link(Cluster::FIRST.after(number))? {
                Link::Free => self.report.free_clusters += 1,
                Link::Next(_) | Link::End if !is_met => self.report.lost_clusters += 1,
                _ => {}
            }
        }
        if let Some(info) = self.volume.layout.info {
            let noted = word(self.volume.cache.read(info, 0)?, INFO_FREE);
            let free = self.report.free_clusters;
            if noted != free && noted != UNKNOWN {
                self.report.problem("/", Fault::FreeNote);
            }
        }
        Ok(())
    }
}
