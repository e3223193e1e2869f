//! Reading: believe nothing until all of it was checked, then hand out slices.

use crate::index::{
    Entry, HEADER, Head, INDEX, LENGTH_AT, MAX_MEMBERS, PAGE, TRAILER, VERSION, header, is_valid_name,
    member_size, name_size, sum,
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
        let index = index(bytes).ok_or(ArchiveError::NoIndex)?;
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
        for inode in 2..head.count + 2 {
            let (entry, rest) =
                postcard::take_from_bytes::<Entry<'_>>(entries).map_err(|_| ArchiveError::DamagedIndex)?;
            entries = rest;
            if !is_valid_name(entry.name) || entry.name <= previous {
                return Err(ArchiveError::BadIndex);
            }
            previous = entry.name;
            let start = size;
            size += member_size(start, entry.name, entry.length.into());
            if size > bytes.len() as u64 {
                return Err(ArchiveError::Truncated);
            }
            let content = check_member(bytes, start, inode, &entry).ok_or(ArchiveError::MisplacedMember)?;
            if sum(content) != entry.sum {
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
        let index = index(self.bytes)?;
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

/// The index, if `bytes` begin with one: its name and what it says of its length are looked at, and nothing else.
fn index(bytes: &[u8]) -> Option<&[u8]> {
    let digits = core::str::from_utf8(bytes.get(LENGTH_AT)?).ok()?;
    let length = u32::from_str_radix(digits, 16).ok()?;
    let entry = Entry { name: INDEX, length, sum: 0 };
    check_member(bytes, 0, 1, &entry)
}

/// The content of a member that begins at `start`, if header, name, and the zeros around it are what they have to be.
fn check_member<'a>(bytes: &'a [u8], start: u64, inode: u32, entry: &Entry<'_>) -> Option<&'a [u8]> {
    let Entry { name, length, .. } = entry;
    let named = name_size(start, name);
    let start = usize::try_from(start).ok()?;
    let (head, rest) = bytes.get(start..)?.split_first_chunk()?;
    let (found, rest) =
        rest.split_at_checked((HEADER + named).next_multiple_of(4) as usize - HEADER as usize)?;
    let (content, rest) = rest.split_at_checked(*length as usize)?;
    let padding = rest.get(..length.next_multiple_of(4) as usize - *length as usize)?;
    let (found, zeros) = found.split_at_checked(name.len())?;
    let is_it = *head == header(inode, *length, named as u32)
        && found == name.as_bytes()
        && is_zero(zeros)
        && is_zero(padding);
    is_it.then_some(content)
}

/// Whether there are nothing but zeros: compared as a whole, which costs less than to look at each.
fn is_zero(bytes: &[u8]) -> bool {
    const ZEROS: [u8; PAGE as usize] = [0; PAGE as usize];
    bytes.chunks(ZEROS.len()).all(|part| ZEROS.starts_with(part))
}

/// Checks that the trailer begins at `size` and only zeros follow it.
fn check_end(bytes: &[u8], size: u64) -> Result<(), ArchiveError> {
    let end = size + member_size(size, TRAILER, 0);
    let (Ok(start), Ok(end)) = (usize::try_from(size), usize::try_from(end)) else {
        return Err(ArchiveError::Truncated);
    };
    if end > bytes.len() {
        return Err(ArchiveError::Truncated);
    }
    let trailer = Entry { name: TRAILER, length: 0, sum: 0 };
    if check_member(bytes, start as u64, 0, &trailer).is_none() {
        return Err(ArchiveError::TrailingBytes);
    }
    if !is_zero(&bytes[end..]) {
        return Err(ArchiveError::TrailingBytes);
    }
    Ok(())
}
