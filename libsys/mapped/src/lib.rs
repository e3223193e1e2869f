//! Regions as memory of the calling program, so that programs need no unsafe code of their own for it.
//!
//! What is mapped here lies where the kernel found room, and stays for as long as the program runs: there is no way to unmap it
//! but `Space::unmap`, which is unsafe.
#![no_std]

mod config;
mod mapping;

pub use config::{Bus, Function};
pub use mapping::Mapping;

use core::ptr::NonNull;

use anax_device::{IoPorts, Mmio};
use anax_ring::{AtomicU64, SharedBlock};
use anax_sys::object::{Channel, Ports, Region, Space};
use anax_sys::{Error, Rights};

/// All of a region that others may write, too.
///
/// # Errors
/// As [`Space::map`].
pub fn shared(region: Region) -> Result<SharedBlock<'static>, Error> {
    let (start, length) = map(region, Rights::READ.with(Rights::WRITE))?;
    // SAFETY: mapped just now, for good, at a place that nobody else knows; the mapping keeps the region's memory.
    unsafe { SharedBlock::from_raw(start, length) }.map_err(|_| Error::BadArgument)
}

/// All of a region of device registers.
///
/// # Errors
/// As [`Space::map`].
pub fn registers(region: Region) -> Result<Mmio, Error> {
    let (start, length) = map(region, Rights::READ.with(Rights::WRITE))?;
    // SAFETY: as above; the kernel maps device registers uncached.
    unsafe { Mmio::new(start, length) }.map_err(|_| Error::BadArgument)
}

/// A range of I/O ports that this program was given: `count` from `first` on, as its supervisor says.
///
/// # Errors
/// As [`Ports::enable`].
pub fn ports(range: Ports, first: u16, count: u16) -> Result<IoPorts, Error> {
    range.enable()?;
    // SAFETY: the kernel lets this program reach the ports of devices that were given to it, and no others, whatever the numbers are.
    Ok(unsafe { IoPorts::new(first, count) })
}

/// All bytes of a region that nobody writes any more, such as the boot archive.
///
/// # Errors
/// As [`Space::map`].
///
/// # Safety
/// That nobody does.
pub unsafe fn constant(region: Region) -> Result<&'static [u8], Error> {
    let (start, length) = map(region, Rights::READ)?;
    // SAFETY: mapped just now, for good; constant, as the caller promises.
    Ok(unsafe { core::slice::from_raw_parts(start.as_ptr(), length) })
}

/// The word that holds a channel's epoch; to be read only.
///
/// # Errors
/// As [`Channel::map_epoch`].
pub fn epoch(channel: Channel) -> Result<&'static AtomicU64, Error> {
    let address = channel.map_epoch()?;
    let start = NonNull::new(address as *mut AtomicU64).ok_or(Error::BadAddress)?;
    // SAFETY: a page of the kernel's that is mapped for good and written by nobody but the kernel, by atomics. A store would be a fault.
    Ok(unsafe { start.as_ref() })
}

fn map(region: Region, protection: Rights) -> Result<(NonNull<u8>, usize), Error> {
    let bytes = region.size()?;
    let address = Space::SELF.map(region, 0, bytes, protection)?;
    let start = NonNull::new(address as *mut u8).ok_or(Error::BadAddress)?;
    Ok((start, usize::try_from(bytes).map_err(|_| Error::BadArgument)?))
}
