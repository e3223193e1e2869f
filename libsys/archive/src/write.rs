//! Writing, on the host: the same members always give the same bytes, whenever and wherever it is done.

use std::collections::BTreeMap;

use crate::index::{
    Entry, INDEX, MAX_MEMBERS, PAGE, TRAILER, VERSION, header, is_valid_name, name_size, sum,
};

/// Why a member cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// Empty, too long, reserved, or with characters outside printable ASCII or spaces.
    BadName(String),
    /// There is one of this name already.
    Duplicate(String),
    /// Larger than 4 GiB, or one member too many.
    TooLarge(String),
}

impl std::fmt::Display for WriteError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BadName(name) => write!(f, "{name:?} cannot be the name of an archive member"),
            Self::Duplicate(name) => write!(f, "two archive members are called {name:?}"),
            Self::TooLarge(name) => write!(f, "the archive has no room for {name:?}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Collects members and writes them sorted, with neutral owners and times.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    members: BTreeMap<String, Vec<u8>>,
}

impl Writer {
    /// An empty archive.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a member; folders are part of its name (`test/acpi`), with `/` between them.
    ///
    /// # Errors
    /// [`WriteError`]; the archive is then unchanged.
    pub fn add(&mut self, name: &str, content: Vec<u8>) -> Result<(), WriteError> {
        if !is_valid_name(name) {
            return Err(WriteError::BadName(name.to_owned()));
        }
        if self.members.contains_key(name) {
            return Err(WriteError::Duplicate(name.to_owned()));
        }
        if self.members.len() >= MAX_MEMBERS as usize || u32::try_from(content.len()).is_err() {
            return Err(WriteError::TooLarge(name.to_owned()));
        }
        self.members.insert(name.to_owned(), content);
        Ok(())
    }

    /// Adds another name of a member, which may come later.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn link(&mut self, name: &str, to: &str) -> Result<(), WriteError> {
        self.add(name, [crate::LINK, to.as_bytes()].concat())
    }

    /// The archive's bytes, in whole pages.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        let entries: Vec<Entry<'_>> = self
            .members
            .iter()
            .map(|(name, content)| Entry {
                name,
                length: u32::try_from(content.len()).expect("checked by add"),
                sum: sum(content),
            })
            .collect();
        let mut index = postcard::to_stdvec(&(VERSION, entries)).expect("writing to memory");
        index.extend(sum(&index).to_le_bytes());

        let mut archive = Vec::new();
        member(&mut archive, INDEX, &index, 1);
        for (number, (name, content)) in (2..).zip(&self.members) {
            member(&mut archive, name, content, number);
        }
        member(&mut archive, TRAILER, &[], 0);
        archive.resize(archive.len().next_multiple_of(PAGE as usize), 0);
        archive
    }
}

/// Appends one member: header, the name with its zeros, the content, each padded to four bytes.
fn member(archive: &mut Vec<u8>, name: &str, content: &[u8], inode: u32) {
    let name_size = name_size(archive.len() as u64, name) as u32;
    archive.extend(header(inode, content.len() as u32, name_size));
    archive.extend(name.bytes());
    archive.resize(archive.len() + name_size as usize - name.len(), 0);
    pad(archive);
    archive.extend(content);
    pad(archive);
}

/// Every member starts at a multiple of four, so padding the whole pads its parts.
fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}
