//! The links between clusters, and the disk behind them.

use alloc::vec;

use anax_files::Failure;
use anax_sectors::{Cache, Disk, Mirror, Rank};

use crate::layout::{Cluster, Layout, Width, word};

/// Entries that are looked at for a longer run of free clusters when a short one is found.
const LOOK: u32 = 16 * 1024;
/// Sectors of the table that are read ahead.
const AHEAD: u64 = 63;
/// Bytes of zeros that are written at once.
const ZEROS: usize = 64 * 1024;
/// Of the note of free clusters: fatgen103, "FAT32 FSInfo Sector Structure".
pub(crate) const INFO_SIGNATURES: [(usize, u32); 3] =
    [(0, 0x4161_5252), (484, 0x6141_7272), (508, 0xaa55_0000)];
pub(crate) const INFO_FREE: usize = 488;
pub(crate) const INFO_NEXT: usize = 492;

/// What the table says of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It is nobody's.
    Free,
    /// It is followed by another one.
    Next(Cluster),
    /// It is the last one of its chain.
    End,
    /// It can't be used, or the link is none.
    Bad,
}

/// The mark in the table that says that nothing was being changed: fatgen103, `ClnShutBitMask`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shutdown {
    /// It is set.
    Clean,
    /// This program has taken it away.
    Changing,
    /// Somebody else did, or there is none: it stays like that.
    Unknown,
}

/// A volume.
#[derive(Debug)]
pub(crate) struct Volume<D> {
    pub(crate) cache: Cache<D>,
    pub(crate) layout: Layout,
    /// Something was found that can't be: nothing is changed any more.
    pub(crate) is_damaged: bool,
    /// Clusters that are free, once they were counted.
    free: Option<u32>,
    /// Where to look for free ones first.
    hint: u32,
    shutdown: Shutdown,
    /// Something was changed, or is going to be, since the last note.
    is_changed: bool,
}

impl<D: Disk> Volume<D> {
    /// The volume on a disk.
    ///
    /// # Errors
    /// `Damaged`: there is none. `Medium`.
    pub(crate) fn open(mut disk: D, cache_bytes: usize) -> Result<Self, Failure> {
        let shape = disk.shape();
        let mut boot = vec![0; shape.sector_bytes()];
        disk.read(0, &mut boot)?;
        let layout = Layout::parse(&boot, &shape)?;
        let mut cache = Cache::new(disk, cache_bytes);
        cache.set_mirror(Mirror {
            first: layout.table,
            sectors: layout.table_sectors,
            copies: layout.copies,
        });
        let mut volume = Self {
            cache,
            layout,
            is_damaged: false,
            free: None,
            hint: 2,
            shutdown: Shutdown::Unknown,
            is_changed: false,
        };
        if let Some(bit) = volume.shutdown_bit()
            && volume.entry(1)? & bit != 0
        {
            volume.shutdown = Shutdown::Clean;
        }
        if let Some(info) = volume.layout.info {
            let sector = volume.cache.read(info, 0)?;
            if INFO_SIGNATURES.iter().all(|(at, signature)| word(sector, *at) == *signature) {
                // A hint and no more. What it says of how many are free is not believed.
                volume.hint = word(sector, INFO_NEXT);
            } else {
                volume.layout.info = None;
            }
        }
        Ok(volume)
    }

    /// To be called before something is changed.
    ///
    /// # Errors
    /// `ReadOnly`, `Damaged`, `Medium`.
    pub(crate) fn begin(&mut self) -> Result<(), Failure> {
        if self.cache.disk().is_read_only() {
            return Err(Failure::ReadOnly);
        }
        if self.is_damaged {
            return Err(Failure::Damaged);
        }
        self.is_changed = true;
        if self.shutdown == Shutdown::Clean {
            let bit = self.shutdown_bit().unwrap_or(0);
            let entry = self.entry(1)?;
            self.set_entry(1, entry & !bit)?;
            self.shutdown = Shutdown::Changing;
            self.cache.flush()?;
        }
        Ok(())
    }

    /// Notes what is known, and that all is well, when all else has been written.
    ///
    /// # Errors
    /// `Medium`.
    pub(crate) fn end(&mut self) -> Result<(), Failure> {
        if let (Some(info), false) = (self.layout.info, self.is_damaged)
            && self.is_changed
        {
            let (free, next) = (self.free()?, self.hint);
            self.is_changed = false;
            self.cache.change(info, Rank::First, |bytes| {
                bytes[INFO_FREE..INFO_FREE + 4].copy_from_slice(&free.to_le_bytes());
                bytes[INFO_NEXT..INFO_NEXT + 4].copy_from_slice(&next.to_le_bytes());
            })?;
        }
        if self.shutdown == Shutdown::Changing && !self.is_damaged {
            let bit = self.shutdown_bit().unwrap_or(0);
            let entry = self.entry(1)?;
            self.set_entry(1, entry | bit)?;
            self.shutdown = Shutdown::Clean;
        }
        Ok(self.cache.flush()?)
    }

    const fn shutdown_bit(&self) -> Option<u32> {
        match self.layout.width {
            Width::Fat12 => None,
            Width::Fat16 => Some(1 << 15),
            Width::Fat32 => Some(1 << 27),
        }
    }

    /// What the table says of a cluster.
    ///
    /// # Errors
    /// `Damaged`: there is no such cluster. `Medium`.
    pub(crate) fn link(&mut self, cluster: Cluster) -> Result<Link, Failure> {
        if !self.layout.has(cluster) {
            return Err(Failure::Damaged);
        }
        let (value, mask) = (self.entry(cluster.0)?, self.layout.width.mask());
        Ok(match value {
            0 => Link::Free,
            value if value >= mask - 7 => Link::End,
            value if self.layout.has(Cluster(value)) => Link::Next(Cluster(value)),
            _ => Link::Bad,
        })
    }

    /// The cluster behind one of a chain, if it is not the last.
    ///
    /// # Errors
    /// `Damaged`: the chain leads nowhere. `Medium`.
    pub(crate) fn next(&mut self, cluster: Cluster) -> Result<Option<Cluster>, Failure> {
        match self.link(cluster)? {
            Link::Next(next) => Ok(Some(next)),
            Link::End => Ok(None),
            Link::Free | Link::Bad => Err(Failure::Damaged),
        }
    }

    /// How many clusters behind one follow in a row, each the next number, as far as one sector of the table tells: at most `most`. There may be more.
    ///
    /// # Errors
    /// `Medium`.
    pub(crate) fn row(&mut self, cluster: Cluster, most: u32) -> Result<u32, Failure> {
        let bytes = match self.layout.width {
            Width::Fat12 => return Ok(0),
            Width::Fat16 => 2,
            Width::Fat32 => 4,
        };
        let (sector, at) = self.place(bytes * cluster.0 as usize);
        let ahead = self.ahead(sector);
        let entries = self.cache.read(sector, ahead)?[at..].chunks_exact(bytes);
        let links = entries.map(|entry| match *entry {
            [a, b] => u32::from_le_bytes([a, b, 0, 0]),
            [a, b, c, d] => u32::from_le_bytes([a, b, c, d]) & 0x0fff_ffff,
            _ => 0,
        });
        let in_row = links.zip(cluster.0 + 1..).take_while(|(link, next)| link == next);
        let count = in_row.take(most as usize).count() as u32;
        // Numbers that are none are for whoever looks at each.
        Ok(if self.layout.has(cluster.after(count)) { count } else { 0 })
    }

    /// Changes a link.
    ///
    /// # Errors
    /// `Medium`.
    pub(crate) fn set_link(&mut self, cluster: Cluster, link: Link) -> Result<(), Failure> {
        let value = match link {
            Link::Free => 0,
            Link::Next(next) => next.0,
            Link::End => self.layout.width.mask(),
            Link::Bad => self.layout.width.mask() - 8,
        };
        self.set_entry(cluster.0, value)
    }

    /// Takes free clusters in a row, at most `wanted`, and makes them a chain: behind `after` if that goes. The first, and how many.
    ///
    /// # Errors
    /// `NoSpace`, `Medium`.
    pub(crate) fn allocate(
        &mut self,
        after: Option<Cluster>,
        wanted: u32,
    ) -> Result<(Cluster, u32), Failure> {
        let free = self.free()?;
        let wanted = wanted.min(free);
        if wanted == 0 {
            return Err(Failure::NoSpace);
        }
        let (first, count) = self.find(after, wanted)?.ok_or(Failure::NoSpace)?;
        for at in 0..count - 1 {
            self.set_link(first.after(at), Link::Next(first.after(at + 1)))?;
        }
        self.set_link(first.after(count - 1), Link::End)?;
        self.free = Some(free.saturating_sub(count));
        self.hint = first.after(count).0;
        Ok((first, count))
    }

    /// Frees a chain, from that cluster to its end, or so many of it.
    ///
    /// # Errors
    /// `Damaged`: it leads nowhere, or in a circle; what was freed before is free. `Medium`.
    pub(crate) fn free_chain(&mut self, first: Cluster, most: u32) -> Result<(), Failure> {
        let (mut cluster, mut rest) = (Some(first).filter(|_| most > 0), most);
        // Each turn frees one that was not: there are only so many.
        while let Some(this) = cluster {
            rest -= 1;
            cluster = self.next(this)?.filter(|_| rest > 0);
            self.set_link(this, Link::Free)?;
            // Of a directory: nothing may be written there any more.
            let sector = self.layout.sector(this);
            self.cache.discard(sector, self.layout.cluster_sectors.into());
            self.free = self.free.map(|free| (free + 1).min(self.layout.clusters));
        }
        Ok(())
    }

    /// Clusters that are free.
    ///
    /// # Errors
    /// `Medium`.
    pub(crate) fn free(&mut self) -> Result<u32, Failure> {
        if let Some(free) = self.free {
            return Ok(free);
        }
        let mut free = 0;
        for number in 0..self.layout.clusters {
            free += u32::from(self.link(Cluster::FIRST.after(number))? == Link::Free);
        }
        self.free = Some(free);
        Ok(free)
    }

    /// A run of free clusters.
    fn find(&mut self, after: Option<Cluster>, wanted: u32) -> Result<Option<(Cluster, u32)>, Failure> {
        if let Some(next) = after.map(|after| after.after(1)) {
            let count = self.run(next, wanted)?;
            if count > 0 {
                return Ok(Some((next, count)));
            }
        }
        let mut here = Cluster(self.hint);
        let (mut looked, mut best) = (0, None);
        while looked < self.layout.clusters && (best.is_none() || looked < LOOK) {
            if !self.layout.has(here) {
                here = Cluster::FIRST;
            }
            let count = self.run(here, wanted)?;
            if count >= wanted {
                return Ok(Some((here, count)));
            }
            if count > best.map_or(0, |(_, count)| count) {
                best = Some((here, count));
            }
            (here, looked) = (here.after(count + 1), looked + count + 1);
        }
        Ok(best)
    }

    /// Free clusters from here on, at most `most`.
    fn run(&mut self, first: Cluster, most: u32) -> Result<u32, Failure> {
        let mut count = 0;
        while count < most && self.layout.has(first.after(count)) {
            if self.link(first.after(count))? != Link::Free {
                break;
            }
            count += 1;
        }
        Ok(count)
    }

    /// Bytes from `skip` on behind a sector's beginning.
    ///
    /// # Errors
    /// `Medium`, `Damaged`.
    pub(crate) fn read_bytes(&mut self, first: u64, skip: u64, into: &mut [u8]) -> Result<(), Failure> {
        let size = self.cache.sector_bytes();
        let (mut sector, mut skip) = (first + skip / size as u64, (skip % size as u64) as usize);
        let mut whole = vec![0; if skip == 0 && into.len().is_multiple_of(size) { 0 } else { size }];
        let mut done = 0;
        while done < into.len() {
            let rest = into.len() - done;
            let count = if skip == 0 && rest >= size {
                let count = rest / size * size;
                self.cache.read_data(sector, &mut into[done..done + count])?;
                count
            } else {
                let count = rest.min(size - skip);
                self.cache.read_data(sector, &mut whole)?;
                into[done..done + count].copy_from_slice(&whole[skip..skip + count]);
                count
            };
            sector += (skip + count).div_ceil(size) as u64;
            skip = 0;
            done += count;
        }
        Ok(())
    }

    /// Writes bytes there.
    ///
    /// # Errors
    /// As [`read_bytes`](Self::read_bytes).
    pub(crate) fn write_bytes(&mut self, first: u64, skip: u64, bytes: &[u8]) -> Result<(), Failure> {
        let size = self.cache.sector_bytes();
        let (mut sector, mut skip) = (first + skip / size as u64, (skip % size as u64) as usize);
        let mut rest = bytes;
        let mut whole = vec![0; if skip == 0 && rest.len().is_multiple_of(size) { 0 } else { size }];
        while !rest.is_empty() {
            let count = if skip == 0 && rest.len() >= size {
                let count = rest.len() / size * size;
                self.cache.write_data(sector, &rest[..count])?;
                count
            } else {
                let count = rest.len().min(size - skip);
                self.cache.read_data(sector, &mut whole)?;
                whole[skip..skip + count].copy_from_slice(&rest[..count]);
                self.cache.write_data(sector, &whole)?;
                count
            };
            sector += (skip + count).div_ceil(size) as u64;
            skip = 0;
            rest = &rest[count..];
        }
        Ok(())
    }

    /// Writes zeros there.
    ///
    /// # Errors
    /// As [`read_bytes`](Self::read_bytes).
    pub(crate) fn zero_bytes(&mut self, first: u64, skip: u64, count: u64) -> Result<(), Failure> {
        let size = self.cache.sector_bytes() as u64;
        let zeros = vec![0; count.min(ZEROS as u64) as usize];
        let (mut at, end) = (skip, skip + count);
        while at < end {
            // Up to a sector's beginning, so that what follows needs none to be read.
            let to_sector = (at.next_multiple_of(size) - at) as usize;
            let most = if to_sector > 0 { to_sector } else { ZEROS };
            let part = most.min((end - at) as usize).min(zeros.len());
            self.write_bytes(first, at, &zeros[..part])?;
            at += part as u64;
        }
        Ok(())
    }

    /// An entry of the table.
    fn entry(&mut self, number: u32) -> Result<u32, Failure> {
        let number = number as usize;
        Ok(match self.layout.width {
            Width::Fat12 => {
                let at = number + number / 2;
                let both = u32::from(self.byte(at)?) | u32::from(self.byte(at + 1)?) << 8;
                if number.is_multiple_of(2) { both & 0xfff } else { both >> 4 }
            }
            Width::Fat16 => {
                let (sector, at) = self.place(2 * number);
                crate::layout::half(self.cache.read(sector, self.ahead(sector))?, at).into()
            }
            Width::Fat32 => {
                let (sector, at) = self.place(4 * number);
                word(self.cache.read(sector, self.ahead(sector))?, at) & 0x0fff_ffff
            }
        })
    }

    fn set_entry(&mut self, number: u32, value: u32) -> Result<(), Failure> {
        let number = number as usize;
        match self.layout.width {
            Width::Fat12 => {
                let (at, value) = (number + number / 2, value as u16 & 0xfff);
                let (mask, value) =
                    if number.is_multiple_of(2) { (0xf000, value) } else { (0x000f, value << 4) };
                let [low_mask, high_mask] = u16::to_le_bytes(mask);
                let [low, high] = value.to_le_bytes();
                self.change_byte(at, |byte| byte & low_mask | low)?;
                self.change_byte(at + 1, |byte| byte & high_mask | high)
            }
            Width::Fat16 => {
                let (sector, at) = self.place(2 * number);
                let put = |bytes: &mut [u8]| bytes[at..at + 2].copy_from_slice(&(value as u16).to_le_bytes());
                Ok(self.cache.change(sector, Rank::First, put)?)
            }
            Width::Fat32 => {
                let (sector, at) = self.place(4 * number);
                // The upper four bits are not this program's.
                let put = |bytes: &mut [u8]| {
                    let value = word(bytes, at) & 0xf000_0000 | value & 0x0fff_ffff;
                    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                };
                Ok(self.cache.change(sector, Rank::First, put)?)
            }
        }
    }

    /// Whether the entries of two clusters are written together, or not at all.
    pub(crate) const fn is_one_sector(&self, one: Cluster, other: Cluster) -> bool {
        let bits = self.layout.width.bits() as usize;
        let (one, other) = (one.0 as usize * bits / 8, other.0 as usize * bits / 8);
        self.place(one).0 == self.place(other).0
    }

    /// Where a byte of the table is. The layout has checked that the table is long enough.
    const fn place(&self, byte: usize) -> (u64, usize) {
        let size = self.layout.sector_bytes as usize;
        (self.layout.table + (byte / size) as u64, byte % size)
    }

    const fn ahead(&self, sector: u64) -> u64 {
        let rest = self.layout.table + self.layout.table_sectors - sector - 1;
        if rest < AHEAD { rest } else { AHEAD }
    }

    fn byte(&mut self, at: usize) -> Result<u8, Failure> {
        let (sector, at) = self.place(at);
        Ok(self.cache.read(sector, self.ahead(sector))?[at])
    }

    fn change_byte(&mut self, at: usize, change: impl FnOnce(u8) -> u8) -> Result<(), Failure> {
        let (sector, at) = self.place(at);
        Ok(self.cache.change(sector, Rank::First, |bytes| bytes[at] = change(bytes[at]))?)
    }
}
