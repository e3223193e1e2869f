//! Bytes of files. A run of clusters is one request to the disk.

use anax_files::files::PAGE;
use anax_files::{Failure, Kind, Node, Pages};
use anax_sectors::{Disk, Rank};

use crate::directory::Body;
use crate::entry::{ARCHIVE, READ_ONLY, Record};
use crate::layout::SLOT_BYTES;
use crate::system::Fat;

/// Bytes of the longest file.
const LONGEST: u64 = u32::MAX as u64;

/// What is done with bytes of a file.
enum Bytes<'a> {
    Read(&'a mut [u8]),
    Write(&'a [u8]),
    Zero(u64),
}

impl<D: Disk> Fat<D> {
    pub(crate) fn read_file(&mut self, file: Node, offset: u64, into: &mut [u8]) -> Result<usize, Failure> {
        let size = self.file(file)?;
        let count = u64::from(size).saturating_sub(offset).min(into.len() as u64) as usize;
        self.move_bytes(file, offset, Bytes::Read(&mut into[..count]))?;
        Ok(count)
    }

    /// As [`read_pages`](anax_files::FileSystem::read_pages): as far as pages and runs of clusters end at the same places.
    pub(crate) fn read_file_pages(
        &mut self,
        file: Node,
        offset: u64,
        length: usize,
        into: &dyn Pages,
    ) -> Result<usize, Failure> {
        let size = u64::from(self.file(file)?);
        let count = size.saturating_sub(offset).min(length as u64);
        let sector_bytes = self.volume.cache.sector_bytes() as u64;
        let mut done = 0;
        while done < count {
            let (sector, skip, part) = self.run(file, offset + done, count - done)?;
            let is_last = done + part == count || cfg!(bite = "fat-runs-end-anywhere");
            let whole = if is_last { part } else { part - part % PAGE };
            let first = sector + skip / sector_bytes;
            let is_read = whole > 0
                && skip.is_multiple_of(sector_bytes)
                && self.volume.cache.read_data_pages(first, whole as usize, into, done as usize)?;
            if !is_read {
                break;
            }
            done += whole;
        }
        Ok(done as usize)
    }

    pub(crate) fn write_file(&mut self, file: Node, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let size = u64::from(self.file_to_change(file)?);
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.checked_add(bytes.len() as u64).filter(|end| *end <= LONGEST);
        let end = end.ok_or(Failure::TooLarge)?;
        self.lengthen(file, end)?;
        if offset > size {
            self.fill(file, size, Bytes::Zero(offset - size))?;
        }
        self.fill(file, offset, Bytes::Write(bytes))?;
        let known = self.nodes.get(file)?;
        known.size = end.max(size) as u32;
        known.attributes |= ARCHIVE;
        self.note(file)
    }

    pub(crate) fn resize_file(&mut self, file: Node, to: u64) -> Result<(), Failure> {
        let size = u64::from(self.file_to_change(file)?);
        if to > LONGEST {
            return Err(Failure::TooLarge);
        }
        if to > size {
            self.lengthen(file, to)?;
            self.fill(file, size, Bytes::Zero(to - size))?;
        }
        let known = self.nodes.get(file)?;
        known.size = to as u32;
        known.attributes |= ARCHIVE;
        if to < size {
            self.has_surplus(file)?;
        }
        self.note(file)?;
        self.commit_some()
    }

    /// Writes what is known of a node to its entry, if it has one.
    pub(crate) fn note(&mut self, node: Node) -> Result<(), Failure> {
        let known = self.nodes.get(node)?;
        let Some(place) = known.place else { return Ok(()) };
        // An empty file has no cluster, by fatgen103.
        let first = known.first().filter(|_| known.kind == Kind::Directory || known.size > 0);
        let (size, attributes, modified) = (known.size, known.attributes, known.modified);
        let offset = place.offset(self.volume.cache.sector_bytes());
        let change = |bytes: &mut [u8]| {
            let Some(slot) = bytes[offset..].first_chunk_mut::<SLOT_BYTES>() else { return };
            let mut record = Record(*slot);
            record.set_cluster(first);
            record.set_size(size);
            record.set_attributes(attributes);
            record.set_modified(modified);
            *slot = record.0;
        };
        Ok(self.volume.cache.change(place.sector, Rank::Second, change)?)
    }

    /// Gives a file clusters for so many bytes. If that does not go it has none more than before, from the next commit on.
    fn lengthen(&mut self, file: Node, bytes: u64) -> Result<(), Failure> {
        let wanted = self.volume.layout.clusters_for(bytes);
        self.with_space(|fat| {
            let known = fat.nodes.get(file)?;
            let first = known.first();
            let Body::Chain(chain) = &mut known.body else { return Err(Failure::IsADirectory) };
            let done = chain.lengthen(&mut fat.volume, wanted);
            let now = known.first();
            fat.nodes.move_first(file, first, now);
            if done.is_err() {
                fat.has_surplus(file)?;
            }
            done
        })
    }

    fn has_surplus(&mut self, file: Node) -> Result<(), Failure> {
        self.nodes.get(file)?.has_surplus = true;
        self.waiting.surplus(file);
        Ok(())
    }

    fn file(&mut self, file: Node) -> Result<u32, Failure> {
        let known = self.nodes.get(file)?;
        if known.kind == Kind::File { Ok(known.size) } else { Err(Failure::IsADirectory) }
    }

    fn file_to_change(&mut self, file: Node) -> Result<u32, Failure> {
        let size = self.file(file)?;
        if self.nodes.get(file)?.attributes & READ_ONLY != 0 {
            return Err(Failure::ReadOnly);
        }
        self.volume.begin()?;
        Ok(size)
    }

    /// As [`move_bytes`](Self::move_bytes). If it does not go, there may be clusters that the file will not have.
    fn fill(&mut self, file: Node, offset: u64, bytes: Bytes<'_>) -> Result<(), Failure> {
        let filled = self.move_bytes(file, offset, bytes);
        if filled.is_err() {
            self.has_surplus(file)?;
        }
        filled
    }

    /// Moves bytes that the file has clusters for.
    fn move_bytes(&mut self, file: Node, offset: u64, mut bytes: Bytes<'_>) -> Result<(), Failure> {
        let (mut at, mut done) = (offset, 0);
        let length = match &bytes {
            Bytes::Read(into) => into.len() as u64,
            Bytes::Write(from) => from.len() as u64,
            Bytes::Zero(count) => *count,
        };
        while done < length {
            let (sector, skip, part) = self.run(file, at, length - done)?;
            let (start, count) = (done as usize, part as usize);
            match &mut bytes {
                Bytes::Read(into) => self.volume.read_bytes(sector, skip, &mut into[start..start + count])?,
                Bytes::Write(from) => {
                    self.volume.write_bytes(sector, skip, &from[start..start + count])?;
                }
                Bytes::Zero(_) => self.volume.zero_bytes(sector, skip, part)?,
            }
            (at, done) = (at + part, done + part);
        }
        Ok(())
    }

    /// Where an offset lies that the file has a cluster for: the first sector of that, how far behind its beginning, and how many bytes there are in a row, at most `most`.
    fn run(&mut self, file: Node, at: u64, most: u64) -> Result<(u64, u64, u64), Failure> {
        let cluster_bytes = u64::from(self.volume.layout.cluster_bytes());
        let known = self.nodes.get(file)?;
        let Body::Chain(chain) = &mut known.body else { return Err(Failure::IsADirectory) };
        let (index, skip) = ((at / cluster_bytes) as u32, at % cluster_bytes);
        let wanted = (skip + most).div_ceil(cluster_bytes) as u32;
        let run = chain.at(&mut self.volume, index, wanted)?.ok_or(Failure::Damaged)?;
        let part = (u64::from(run.count) * cluster_bytes - skip).min(most);
        Ok((self.volume.layout.sector(run.cluster), skip, part))
    }
}
