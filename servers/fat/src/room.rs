//! Where bytes that are read go.

use anax_ring::SharedBytes;
use anax_sectors::{Cache, Disk, DiskError};

/// Own memory, or such as others may change meanwhile.
pub(crate) enum Room<'a> {
    Own(&'a mut [u8]),
    Shared(SharedBytes<'a>),
}

impl Room<'_> {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Own(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
        }
    }

    /// So many bytes from `start` on, as far as there are any.
    pub(crate) fn part(&mut self, start: usize, length: usize) -> Room<'_> {
        let start = start.min(self.len());
        let length = length.min(self.len() - start);
        match self {
            Self::Own(bytes) => Room::Own(&mut bytes[start..start + length]),
            // All of it is within.
            Self::Shared(bytes) => Room::Shared(bytes.part(start, length).unwrap_or(*bytes)),
        }
    }

    /// Fills its beginning.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        match self {
            Self::Own(own) => own.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from),
            // More than there is room for is nobody's.
            Self::Shared(shared) => _ = shared.copy_in(0, &bytes[..bytes.len().min(shared.len())]),
        }
    }

    /// Fills it with sectors, past the cache.
    ///
    /// # Errors
    /// As [`Disk::read`].
    pub(crate) fn read<D: Disk>(self, cache: &mut Cache<D>, first: u64) -> Result<(), DiskError> {
        match self {
            Self::Own(bytes) => cache.read_data(first, bytes),
            Self::Shared(bytes) => cache.read_data_shared(first, bytes),
        }
    }
}
