//! A large file, read from its beginning to its end, against the same bytes read from the disk below it.
//!
//! Counted is the time on CPUs of all whose work it is, by the kernel's account: the waits for the disk are nobody's.

use alloc::vec;

use anax::process::list;
use anax::{Error, println};
use anax_block_disk::program::open;
use anax_fs::{Failure, File, create_dir, mount, unmount};
use anax_pattern::Pattern;
use anax_sectors::Disk as _;

use crate::check;

/// Bytes that are asked for at once.
const PIECE: usize = 64 << 10;
/// Rounds, of which the least counts: how often somebody sleeps while the disk works is the host's chance.
const ROUNDS: usize = 3;
const PLACE: &str = "/vfs-bench.disk";
/// Whose work it is, beside this program's.
const SERVERS: [&str; 3] = ["vfs", "fat", "virtio-blk"];

/// Measures a file of a FAT that takes the whole disk: its path there, its first sector, its bytes in all, what they are.
pub(crate) struct Sequential<'a> {
    pub(crate) device: &'a str,
    pub(crate) path: &'a str,
    pub(crate) first: u64,
    pub(crate) bytes: usize,
    pub(crate) pattern: Pattern,
}

impl Sequential<'_> {
    pub(crate) fn measure(&self) -> Result<(), Failure> {
        let mut bytes = vec![0; self.bytes];
        let raw = self.least(&mut bytes, Self::raw)?;
        create_dir(PLACE)?;
        let file = self.least(&mut bytes, Self::file)?;
        println!("bench vfs.raw_read_64k {raw}");
        println!("bench vfs.seq_read_64k {file}");
        Ok(())
    }

    /// The least that 64 KiB have taken in some rounds, each of which has brought all bytes.
    fn least(
        &self,
        bytes: &mut [u8],
        read: fn(&Self, &mut [u8]) -> Result<u64, Failure>,
    ) -> Result<u64, Failure> {
        let mut least = u64::MAX;
        for _ in 0..ROUNDS {
            bytes.fill(0);
            let took = read(self, bytes)?;
            check(self.pattern.first_wrong(0, bytes).is_none())?;
            least = least.min(took);
        }
        Ok(least / (self.bytes / PIECE) as u64)
    }

    /// From the disk.
    fn raw(&self, bytes: &mut [u8]) -> Result<u64, Failure> {
        let mut disk = open(self.device)?;
        let sectors = (PIECE / disk.shape().sector_bytes()) as u64;
        let begun = spent()?;
        for (piece, number) in bytes.chunks_exact_mut(PIECE).zip(0..) {
            disk.read(self.first + number * sectors, piece).map_err(|_| Failure::Medium)?;
        }
        Ok(spent()? - begun)
    }

    /// From the file, of which the VFS server remembers nothing since it was mounted just now.
    fn file(&self, bytes: &mut [u8]) -> Result<u64, Failure> {
        mount("fat", self.device, PLACE)?;
        let mut file = File::open(&[PLACE, self.path].concat())?;
        let begun = spent()?;
        for piece in bytes.chunks_exact_mut(PIECE) {
            check(file.read(piece)? == PIECE)?;
        }
        let took = spent()? - begun;
        drop(file);
        unmount(PLACE)?;
        Ok(took)
    }
}

/// Nanoseconds on CPUs that all whose work it is have had so far.
fn spent() -> Result<u64, Error> {
    let counts = |name: &str| name == anax::name() || SERVERS.contains(&name);
    Ok(list()?.iter().filter(|report| counts(&report.name)).map(|report| report.time_ns).sum())
}
