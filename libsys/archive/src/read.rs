//! Reading: believe nothing until all of it was checked, then hand out slices.

use crate::index::{
    Entry, HEADER, Head, INDEX, MAX_MEMBERS, TRAILER, VERSION, is_valid_name, member_size, sum,
};

/// Why an archive is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveError {
    /// The first member is not an index: not an archive of ours, or cut short there.
    NoIndex,
    /// The index's own checksum or encoding is wrong.
    DamagedIndex,
    /// The index has a format this reader does not know.
    UnknownVersion,
    /// The index breaks its own rules: too many members, a name not allowed, twice or out of order.
    BadIndex,
    /// A member is not where the index says, or has another name or length.
    MisplacedMember,
    /// A member's content does not match its checksum.
    DamagedMember,
    /// The archive ends before its last member does.
    Truncated,
    /// Something other than zeros follows the end.
    TrailingBytes,
}

impl core::fmt::Display for ArchiveError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NoIndex => "no index",
            Self::DamagedIndex => "damaged index",
            Self::UnknownVersion => "index of an unknown version",
            Self::BadIndex => "inconsistent index",
            Self::MisplacedMember => "a member is missing or misplaced",
            Self::DamagedMember => "a member's checksum is wrong",
            Self::Truncated => "cut short",
            Self::TrailingBytes => "bytes behind the end",
        })
    }
}

impl core::error::Error for ArchiveError {}

/// An archive of which every member was found to be whole, or is taken to be ([`Archive::checked_before`]).
#[derive(Clone, Copy)]
pub struct Archive<'a> {
    bytes: &'a [u8],
}

impl<'a> Archive<'a> {
    /// Checks `bytes` from end to end (index; every member's name, length and checksum; nothing but zeros
    /// behind the end) and opens it. Takes time in proportion to its size.
    ///
    /// # Errors
    /// The first thing found wrong, as [`ArchiveError`].
    pub fn open(bytes: &'a [u8]) -> Result<Self, ArchiveError> {
        let mut files = cpio_reader::iter_files(bytes);
        let index = files.next().filter(|file| file.name() == INDEX).ok_or(ArchiveError::NoIndex)?.file();
        let mut size = member_size(0, INDEX, index.len() as u64);

        let (entries, checksum) = index.split_last_chunk::<4>().ok_or(ArchiveError::DamagedIndex)?;
        if sum(entries) != u32::from_le_bytes(*checksum) {
            return Err(ArchiveError::DamagedIndex);
        }
        let (head, mut entries) =
            postcard::take_from_bytes::<Head>(entries).map_err(|_| ArchiveError::DamagedIndex)?;
        if head.version != VERSION {
            return Err(ArchiveError::UnknownVersion);
        }
        if head.count > MAX_MEMBERS {
            return Err(ArchiveError::BadIndex);
        }
        let mut previous = "";
        for _ in 0..head.count {
            let (entry, rest) =
                postcard::take_from_bytes::<Entry<'_>>(entries).map_err(|_| ArchiveError::DamagedIndex)?;
            entries = rest;
            if !is_valid_name(entry.name) || entry.name <= previous {
                return Err(ArchiveError::BadIndex);
            }
            previous = entry.name;
            size += member_size(size, entry.name, entry.length.into());
            if size > bytes.len() as u64 {
                return Err(ArchiveError::Truncated);
            }
            let file = files.next().ok_or(ArchiveError::MisplacedMember)?;
            if name(&file) != entry.name || file.file().len() as u64 != u64::from(entry.length) {
                return Err(ArchiveError::MisplacedMember);
            }
            if sum(file.file()) != entry.sum {
                return Err(ArchiveError::DamagedMember);
            }
        }
        if !entries.is_empty() {
            return Err(ArchiveError::BadIndex);
        }
        check_end(bytes, size)?;
        Ok(Self { bytes })
    }

    /// Opens what somebody else has checked, as the kernel does at boot before any program sees it. In other bytes members are
    /// missing or have any content.
    #[must_use]
    pub const fn checked_before(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The content of the member `name`, or of the one that it is [another name](crate::LINK) of, if there is one. Looks at the index alone: walking the members themselves costs a million instructions.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let content = self.member(name)?;
        match content.strip_prefix(crate::LINK) {
            // One step: what it leads to is no other name.
            Some(other) => self.member(core::str::from_utf8(other).ok()?),
            None => Some(content),
        }
    }

    fn member(&self, name: &str) -> Option<&'a [u8]> {
        self.iter().find(|(other, _)| *other == name).map(|(_, content)| content)
    }

    /// All of it, index and trailer included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// All members but the index, sorted by name, as the index has them: going through the members themselves would touch every byte.
    pub fn iter(&self) -> Members<'a> {
        self.members().unwrap_or(Members { bytes: self.bytes, entries: &[], left: 0, start: 0 })
    }

    /// Nothing without an index that can be read.
    fn members(&self) -> Option<Members<'a>> {
        let index = cpio_reader::iter_files(self.bytes).next().filter(|file| file.name() == INDEX)?.file();
        let (entries, _) = index.split_last_chunk::<4>()?;
        let (head, entries) = postcard::take_from_bytes::<Head>(entries).ok()?;
        let start = member_size(0, INDEX, index.len() as u64);
        Some(Members { bytes: self.bytes, entries, left: head.count, start })
    }
}

/// Members of an archive, by its index.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    bytes: &'a [u8],
    /// What follows of the index, and how many members.
    entries: &'a [u8],
    left: u32,
    /// Where the next member begins.
    start: u64,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (entry, rest) = postcard::take_from_bytes::<Entry<'a>>(self.entries).ok()?;
        self.entries = rest;
        let length = u64::from(entry.length);
        self.start = self.start.checked_add(member_size(self.start, entry.name, length))?;
        // The content is what a member ends with, filled up to a multiple of four.
        let content = self.start.checked_sub(length.next_multiple_of(4))?;
        let range = usize::try_from(content).ok()?..usize::try_from(content + length).ok()?;
        Some((entry.name, self.bytes.get(range)?))
    }
}

/// Without the zeros behind a program's.
fn name<'a>(file: &cpio_reader::Entry<'a>) -> &'a str {
    file.name().split('\0').next().unwrap_or_default()
}

/// Checks that the trailer begins at `size` and only zeros follow it.
fn check_end(bytes: &[u8], size: u64) -> Result<(), ArchiveError> {
    let end = size + member_size(size, TRAILER, 0);
    let (Ok(start), Ok(end)) = (usize::try_from(size), usize::try_from(end)) else {
        return Err(ArchiveError::Truncated);
    };
    let trailer = bytes.get(start..end).ok_or(ArchiveError::Truncated)?;
    // The header is 110 bytes, so the conversion holds on every machine.
    let name = &trailer[HEADER as usize..];
    let is_last = cpio_reader::iter_files(&bytes[start..]).next().is_none();
    if !name.starts_with(TRAILER.as_bytes()) || !is_last {
        return Err(ArchiveError::TrailingBytes);
    }
    if bytes[end..].iter().any(|&byte| byte != 0) {
        return Err(ArchiveError::TrailingBytes);
    }
    Ok(())
}
