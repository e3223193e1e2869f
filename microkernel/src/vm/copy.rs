//! Copying to and from a program's memory, as its own tables allow, through the direct map: a bad address is a value, never a fault.

use core::ops::Range;

use x86_64::PhysAddr;

use super::USER;
use super::space::{AddressSpace, FAULT_WRITE};
use crate::arch::cpu::InterruptsOff;
use crate::arch::user_tables::Write;
use crate::mm::layout::{PAGE_SIZE, direct};

/// Why not all was copied; pages before the one in question have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CopyError {
    /// The program may not use an address like that.
    BadAddress,
    /// A page is not there yet, if it is one: try again at the space's home, which can tell.
    AtHome,
}

impl AddressSpace {
    /// Copies user memory at `address` to `bytes`. At home, or where the space is active.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), CopyError> {
        self.for_each_part(address, bytes.len(), Write::No, |at, part| {
            // SAFETY: a page of the program through the direct map, copied as raw memory: its threads may be writing. It stays
            // while interrupts are off, since this CPU has not acknowledged its loss.
            unsafe { core::ptr::copy_nonoverlapping(at, bytes[part.clone()].as_mut_ptr(), part.len()) }
        })
    }

    /// Copies `bytes` to user memory at `address`, which must be writable by the program. At home, or where the space is active.
    ///
    /// # Errors
    /// See [`CopyError`].
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), CopyError> {
        self.for_each_part(address, bytes.len(), Write::Yes, |at, part| {
            // SAFETY: as in `read`; the kernel holds no reference into user memory.
            unsafe { core::ptr::copy_nonoverlapping(bytes[part.clone()].as_ptr(), at, part.len()) }
        })
    }

    /// Where the kernel sees the 64 bytes at `address`, which the program may write. It stays while interrupts are off and no rendezvous is
    /// taken part in, since this CPU has not acknowledged its loss. As [`AddressSpace::write`].
    ///
    /// # Errors
    /// See [`CopyError`]; not a multiple of 64.
    pub(crate) fn line(&self, address: u64) -> Result<*mut u64, CopyError> {
        if !USER.contains(&address) || !address.is_multiple_of(64) {
            return Err(CopyError::BadAddress);
        }
        Ok(direct(self.translate(address, Write::Yes)?).as_mut_ptr())
    }

    /// Calls `action` with where the kernel sees each page's part of the range, and which part that is.
    fn for_each_part(
        &self,
        address: u64,
        length: usize,
        write: Write,
        mut action: impl FnMut(*mut u8, Range<usize>),
    ) -> Result<(), CopyError> {
        let end = address.checked_add(length as u64).ok_or(CopyError::BadAddress)?;
        if (address < USER.start || end > USER.end) && !cfg!(bite = "vm-copy-anywhere") {
            return Err(CopyError::BadAddress);
        }
        let _off = InterruptsOff::new();
        let mut at = address;
        while at < end {
            let next = ((at & !(PAGE_SIZE - 1)) + PAGE_SIZE).min(end);
            let seen = direct(self.translate(at, write)?).as_mut_ptr();
            action(seen, (at - address) as usize..(next - address) as usize);
            at = next;
        }
        Ok(())
    }

    fn translate(&self, at: u64, write: Write) -> Result<PhysAddr, CopyError> {
        let look = || Some(self.root().entry(at)?.memory(write)? + at % PAGE_SIZE);
        if let Some(physical) = look() {
            return Ok(physical);
        }
        if !self.is_home() {
            return Err(CopyError::AtHome);
        }
        let error = if write == Write::Yes { FAULT_WRITE } else { 0 };
        // Device registers resolve as well, and are still no memory to copy.
        self.fault(at, error).then(look).flatten().ok_or(CopyError::BadAddress)
    }
}
