//! A disk with files for a guest to serve, made by the library of the server that will read it, and what a client has to get for each.
//!
//! Everything follows from a seed. Sizes are log-uniform, as those of files in the wild roughly are: as many of less than 10 bytes as from 1 to 10 MB, and some of none. The image is a file with holes,
//! written where it lies: it can be larger than memory.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use anax_files::{Creation, FileSystem as _, Name, Node};
use anax_pattern::{Direction, Pattern};
use anax_sectors::{Access, Disk, DiskError, SectorSize, Shape};
use anyhow::{Context as _, anyhow, ensure};
use fat::{Fat, Format, Width, format};
use netpeer::client::Page;

/// Files of a directory. A directory of the root is named by a number from 0 on.
const TOGETHER: usize = 100;
/// Below that, FAT32 would have fewer clusters of this size than Microsoft allows (fatgen103, "FAT Type Determination").
const SMALLEST: u64 = 288 << 20;
const CLUSTER: u32 = 4096;
/// A path that is there when the file system is mounted.
pub const SIGN: &str = "0";

/// Which files there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Files {
    /// How many.
    pub count: usize,
    /// Bytes of all of them together, at most; if none may be larger than `largest`, or there are few, it may be fewer.
    pub bytes: u64,
    /// Bytes of the largest.
    pub largest: u64,
    /// Sizes, order and bytes follow from it.
    pub seed: u64,
}

impl Files {
    /// The size of each, in bytes. One has the largest size; the others are log-uniform below the bound with which all fit.
    ///
    /// # Errors
    /// If there are none, or the largest does not leave a byte for each of the others.
    pub fn sizes(&self) -> anyhow::Result<Vec<u64>> {
        let others = self.count.checked_sub(1).context("a disk without files shows nothing")?;
        let rest = self.bytes.checked_sub(self.largest).filter(|rest| *rest >= others as u64);
        let rest = rest.with_context(|| {
            format!(
                "{} files, the largest of {} bytes, are more than {}",
                self.count, self.largest, self.bytes
            )
        })?;
        ensure!(
            (1..=u64::from(u32::MAX)).contains(&self.largest),
            "a file has from 1 byte to 4 GiB less one: not {}",
            self.largest
        );
        let random = Pattern::new(self.seed, Direction::FromGuest);
        let parts: Vec<f64> = (0..=others).map(|number| part(random, number)).collect();
        let of = |bound: f64, number: usize| (bound.powf(parts[number]) as u64).saturating_sub(1);
        let sum = |bound: f64| (1..=others).map(|number| of(bound, number)).sum::<u64>();
        // The bound, by halves of its logarithm: the sum grows with it.
        let (mut low, mut high) = (0.0_f64, (self.largest as f64).ln());
        if sum(high.exp()) <= rest {
            low = high;
        }
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if sum(middle.exp()) <= rest { low = middle } else { high = middle }
        }
        let mut sizes: Vec<u64> = (0..=others).map(|number| of(low.exp(), number)).collect();
        // Somewhere among the others.
        sizes[0] = self.largest;
        sizes.swap(0, (parts[0] * self.count as f64) as usize % self.count);
        Ok(sizes)
    }

    /// Makes the image at `path`: FAT32 on the whole disk. What is to come of each file by HTTP, if the disk is the server's root.
    ///
    /// # Errors
    /// As [`sizes`](Self::sizes); if the host has no room, or the file system refuses.
    pub fn image(&self, path: &Path) -> anyhow::Result<Vec<Page>> {
        let sizes = self.sizes()?;
        let clusters: u64 = sizes.iter().map(|size| size.div_ceil(CLUSTER.into()) + 1).sum();
        // The table, directories and some room besides.
        let bytes = (clusters * u64::from(CLUSTER) + clusters * 16 + (8 << 20)).max(SMALLEST);
        let mut disk = FileDisk::create(path, bytes >> 9).with_context(|| path.display().to_string())?;
        let wishes = Format {
            width: Some(Width::Fat32),
            cluster_bytes: Some(CLUSTER),
            label: "FILES",
            serial: self.seed as u32,
            now: 0,
        };
        format(&mut disk, &wishes)?;
        let mut fat = Fat::open(disk)?;
        let mut pages = Vec::with_capacity(sizes.len());
        let mut directory = fat.root();
        for (number, size) in sizes.into_iter().enumerate() {
            if number % TOGETHER == 0 {
                directory = made(&mut fat, Node(1), &(number / TOGETHER).to_string(), Creation::Directory)?;
            }
            let name = format!("file-{number:05}.bin");
            let file = made(&mut fat, directory, &name, Creation::File)?;
            let mut bytes = vec![0; usize::try_from(size)?];
            Pattern::new(self.seed.wrapping_add(number as u64), Direction::FromGuest).fill(0, &mut bytes);
            fat.write(file, 0, &bytes).with_context(|| name.clone())?;
            pages.push(Page::of(&format!("/{}/{name}", number / TOGETHER), &bytes));
            fat.forget(file, 1);
        }
        fat.sync(None)?;
        Ok(pages)
    }
}

/// A number from 0 to 1, without 1, by the upper 53 bits of a word.
fn part(random: Pattern, number: usize) -> f64 {
    (random.word(number as u64) >> 11) as f64 / (1_u64 << 53) as f64
}

fn made(fat: &mut Fat<FileDisk>, at: Node, name: &str, what: Creation<'_>) -> anyhow::Result<Node> {
    let as_name = Name::new(name).map_err(|failure| anyhow!("{name}: {failure}"))?;
    let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs());
    Ok(fat.create(at, as_name, what, now).with_context(|| name.to_owned())?.node)
}

/// A disk that is a file of the host.
struct FileDisk {
    file: File,
    sectors: u64,
}

impl FileDisk {
    /// A new one, of so many sectors of 512 zeros.
    fn create(path: &Path, sectors: u64) -> std::io::Result<Self> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path)?;
        file.set_len(sectors << 9)?;
        Ok(Self { file, sectors })
    }
}

impl Disk for FileDisk {
    fn shape(&self) -> Shape {
        Shape { sectors: self.sectors, sector: SectorSize::SMALLEST, access: Access::ReadWrite }
    }

    fn read(&mut self, first: u64, into: &mut [u8]) -> Result<(), DiskError> {
        self.shape().holds(first, into.len())?;
        self.file.read_exact_at(into, first << 9).map_err(|_| DiskError::Failed)
    }

    fn write(&mut self, first: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.shape().holds(first, bytes.len())?;
        self.file.write_all_at(bytes, first << 9).map_err(|_| DiskError::Failed)
    }

    fn flush(&mut self) -> Result<(), DiskError> {
        // The image need not outlive the host's power: the emulator reads what the host's kernel has.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: Files = Files { count: 1000, bytes: 512 << 20, largest: 64 << 20, seed: 7 };

    #[test]
    fn sizes_are_log_uniform_and_fit() -> anyhow::Result<()> {
        let sizes = FILES.sizes()?;
        let sum: u64 = sizes.iter().sum();
        assert_eq!(sizes.len(), 1000);
        assert!(sum <= FILES.bytes && sum > FILES.bytes * 9 / 10, "{sum}");
        assert_eq!(sizes.iter().max(), Some(&FILES.largest));
        let small = sizes.iter().filter(|size| **size < 4096).count();
        assert!((300..700).contains(&small), "{small} of 1000 are smaller than a page");
        assert_ne!(sizes, Files { seed: 8, ..FILES }.sizes()?);
        Ok(())
    }

    #[test]
    fn few_and_impossible_ones() -> anyhow::Result<()> {
        assert_eq!(Files { count: 1, bytes: 10, largest: 10, seed: 1 }.sizes()?, [10]);
        for (count, bytes, largest) in [(0, 10, 1), (1, 10, 11), (3, 10, 9), (1, 10, 0)] {
            assert!(Files { count, bytes, largest, seed: 1 }.sizes().is_err(), "{count} {bytes} {largest}");
        }
        Ok(())
    }

    #[test]
    fn the_image_holds_what_the_pages_say() -> anyhow::Result<()> {
        let folder = std::env::temp_dir().join(format!("anax-disk-image-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let path = folder.join("disk");
        let files = Files { count: 130, bytes: 4 << 20, largest: 1 << 20, seed: 3 };
        let pages = files.image(&path)?;
        let file = File::options().read(true).write(true).open(&path)?;
        let sectors = file.metadata()?.len() >> 9;
        std::fs::remove_dir_all(&folder)?;
        let mut disk = FileDisk { file, sectors };
        let report = fat::check(&mut disk)?;
        assert!(report.problems.is_empty() && report.lost_clusters == 0, "{report:?}");
        assert_eq!(report.files, 130);
        let mut fat = Fat::open(disk)?;
        for page in pages {
            let mut node = Node(1);
            for name in page.path[1..].split('/') {
                node = fat.lookup(node, Name::new(name).map_err(|failure| anyhow!("{failure}"))?)?.node;
            }
            let mut bytes = vec![0; page.size as usize + 1];
            let count = fat.read(node, 0, &mut bytes)?;
            assert_eq!(Page::of(&page.path, &bytes[..count]), page);
        }
        Ok(())
    }
}
