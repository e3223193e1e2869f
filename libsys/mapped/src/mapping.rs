//! Memory that is mapped for a while.

use core::ptr::NonNull;

use anax_ring::{SharedBlock, SharedBytes};
use anax_sys::object::{Region, Space};
use anax_sys::{Error, Rights};

/// The beginning of a region as memory of this program, until this is dropped. Others may write it at any time.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

impl Mapping {
    /// Maps `bytes` of a region, in whole pages, readable and writable.
    ///
    /// # Errors
    /// As [`Space::map`].
    pub fn new(region: Region, bytes: u64) -> Result<Self, Error> {
        Self::with(region, bytes, Rights::READ.with(Rights::WRITE))
    }

    /// Maps it only to be read: writing to [`Self::bytes`] would be a fault.
    ///
    /// # Errors
    /// As [`Space::map`].
    pub fn to_read(region: Region, bytes: u64) -> Result<Self, Error> {
        Self::with(region, bytes, Rights::READ)
    }

    fn with(region: Region, bytes: u64, protection: Rights) -> Result<Self, Error> {
        let address = Space::SELF.map(region, 0, bytes, protection)?;
        let start = NonNull::new(address as *mut u8).ok_or(Error::BadAddress)?;
        Ok(Self { start, length: usize::try_from(bytes).map_err(|_| Error::BadArgument)? })
    }

    /// Its bytes.
    ///
    /// # Errors
    /// `BadArgument` if they are not whole words.
    pub fn bytes(&self) -> Result<SharedBytes<'_>, Error> {
        // SAFETY: mapped by `with`, at a place that nobody else knows, until this is dropped, which the borrow outlives not; a region
        // that is taken away by force leaves a page of zeros.
        let block = unsafe { SharedBlock::from_raw(self.start, self.length) };
        block.map(SharedBytes::new).map_err(|_| Error::BadArgument)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: nothing refers to it any more: `bytes` borrows. If the kernel has no room to do it, the pages stay.
        let _ = unsafe { Space::SELF.unmap(self.start.as_ptr().addr() as u64, self.length as u64) };
    }
}
