//! A region as memory, for as long as somebody needs it.

use core::mem::ManuallyDrop;
use core::num::NonZeroUsize;
use core::ptr::NonNull;

use anax_ring::{SharedBlock, SharedBytes};
use anax_sys::object::{Region, RegionKind, Space};
use anax_sys::{Error, Rights};

use crate::owned::Owned;

/// A region and the place where it is mapped, readable and writable. Others may write there, too, so that its content is
/// reached by views that allow for it; they end with the mapping at the latest.
#[derive(Debug)]
pub struct Mapping {
    region: Owned<Region>,
    /// A number, so that threads can share it: what lies there is reached by atomics alone.
    address: NonZeroUsize,
    bytes: usize,
}

impl Mapping {
    /// Maps all of a region.
    ///
    /// # Errors
    /// `NoRights` to read or write it; `NoMemory`; `BadArgument` if it is no memory.
    pub fn new(region: Owned<Region>) -> Result<Self, Error> {
        let size = region.size()?;
        let bytes = usize::try_from(size).map_err(|_| Error::BadArgument)?;
        let address = Space::SELF.map(*region, 0, size, Rights::READ.with(Rights::WRITE))?;
        let address = NonZeroUsize::new(address as usize).ok_or(Error::BadAddress)?;
        Ok(Self { region, address, bytes })
    }

    /// Memory of this program's own, zeroed, of that size rounded up to pages.
    ///
    /// # Errors
    /// `Quota`, `NoMemory`, `BadArgument`.
    pub fn of_bytes(bytes: u64, kind: RegionKind) -> Result<Self, Error> {
        Self::new(Owned::new(Space::SELF.create_region(bytes, kind)?))
    }

    /// The region, to be given to others.
    #[must_use]
    pub fn region(&self) -> Region {
        *self.region
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its content as words that others may change, for a channel above all.
    #[must_use]
    pub fn block(&self) -> SharedBlock<'_> {
        let start = NonNull::with_exposed_provenance(self.address);
        // SAFETY: mapped readable and writable until this is dropped, which the lifetime does not allow before; only such blocks
        // reach it. It begins on a page and has whole pages, so that there is no error.
        unsafe { SharedBlock::from_raw(start, self.bytes) }.unwrap_or(SharedBlock::from_words(&[]))
    }

    /// Its content as bytes that others may change.
    #[must_use]
    pub fn bytes(&self) -> SharedBytes<'_> {
        SharedBytes::new(self.block())
    }

    /// Unmaps it; the region stays.
    #[must_use]
    pub fn into_region(self) -> Owned<Region> {
        self.unmap();
        let this = ManuallyDrop::new(self);
        Owned::new(*this.region)
    }

    fn unmap(&self) {
        if cfg!(bite = "mapping-stays") {
            return;
        }
        // SAFETY: mapped by `new` at a place that only views of this know, and those have ended. Should the kernel refuse, the memory
        // stays, and nobody knows of it.
        let _ = unsafe { Space::SELF.unmap(self.address.get() as u64, self.bytes as u64) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        self.unmap();
    }
}

/// Bytes of somebody's region that are mapped here, and no handle to it: where there are many of them, slots for handles are dear.
#[derive(Debug)]
pub struct View {
    /// A number, so that threads can share it: what lies there is reached by atomics alone.
    address: NonZeroUsize,
    bytes: usize,
}

impl View {
    /// Maps those bytes of a region, whole pages, with these rights. Where they don't allow to write, whoever does so all the same ends by a fault.
    ///
    /// # Errors
    /// As [`Mapping::new`]; `BadArgument` if they don't lie in it.
    pub fn new(region: Owned<Region>, offset: u64, bytes: u64, rights: Rights) -> Result<Self, Error> {
        Self::of(*region, offset, bytes, rights)
    }

    /// The same of a region whose handle stays.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of(region: Region, offset: u64, bytes: u64, rights: Rights) -> Result<Self, Error> {
        let length = usize::try_from(bytes).map_err(|_| Error::BadArgument)?;
        let address = Space::SELF.map(region, offset, bytes, rights)?;
        let address = NonZeroUsize::new(address as usize).ok_or(Error::BadAddress)?;
        Ok(Self { address, bytes: length })
    }

    /// Its content as words that others may change.
    #[must_use]
    pub fn block(&self) -> SharedBlock<'_> {
        let start = NonNull::with_exposed_provenance(self.address);
        // SAFETY: mapped readable until this is dropped, which the lifetime does not allow before; only such blocks reach it, and where it is not
        // writable a store is a fault, which ends the program. It begins on a page and has whole pages, so that there is no error.
        unsafe { SharedBlock::from_raw(start, self.bytes) }.unwrap_or(SharedBlock::from_words(&[]))
    }
}

impl Drop for View {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` at a place that only blocks of this know, and those have ended. Should the kernel refuse, the memory
        // stays, and nobody knows of it.
        let _ = unsafe { Space::SELF.unmap(self.address.get() as u64, self.bytes as u64) };
    }
}
