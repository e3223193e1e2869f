//! Interrupts without a line: a device writes a message to an address that is no memory (Intel SDM volume 3A, section 11.11), as
//! told by the entries of its MSI-X table (PCI Local Bus 3.0, section 6.8.2).
//!
//! Whoever can write the table can have the device write any word anywhere, so its pages are mapped here and for nobody else.

use alloc::vec::Vec;
use core::ops::Range;

use ::x86_64::{PhysAddr, VirtAddr};
use spin::Mutex;

use super::cpu::InterruptsOff;
use super::io_apic::Gate;
use super::paging::MapError;
use crate::mm::layout::PAGE_SIZE;
use crate::mm::window;

/// What a device has to write, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The address.
    pub(crate) address: u64,
    /// The word.
    pub(crate) data: u32,
}

/// The message that raises `vector` on the CPU with the local APIC `target`: fixed delivery, physical destination, edge. The same
/// in both APIC modes: without interrupt remapping a message has 8 bits for the destination, see [`super::apic::short_id`].
pub(crate) const fn message(target: u8, vector: u8) -> Message {
    Message { address: 0xfee0_0000 | (target as u64) << 12, data: vector as u32 }
}

/// An entry of a device's MSI-X table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(VirtAddr);

/// Bytes of an entry.
pub(crate) const ENTRY_SIZE: u64 = 16;
const CONTROL: u64 = 12;
const MASKED: u32 = 1;

/// Pages that hold tables, and where they are mapped: once each, however often a driver is replaced. A cold lock.
static PAGES: Mutex<Vec<(PhysAddr, VirtAddr)>> = Mutex::new(Vec::new());

impl Entry {
    /// The entry at `address`, which the caller knows to be a device's register and a multiple of [`ENTRY_SIZE`].
    ///
    /// # Errors
    /// It could not be mapped.
    pub(crate) fn of(address: PhysAddr) -> Result<Self, MapError> {
        let page = address.align_down(PAGE_SIZE);
        let _off = InterruptsOff::new();
        let mut pages = PAGES.lock();
        let known = pages.iter().find(|(physical, _)| *physical == page).map(|(_, mapped)| *mapped);
        let mapped = known.map_or_else(|| window::device(page, PAGE_SIZE), Ok)?;
        if known.is_none() && pages.try_reserve(1).is_ok() {
            pages.push((page, mapped));
        }
        Ok(Self(mapped + (address - page)))
    }

    /// Has the entry send `message`, once it is open. It must be masked.
    pub(crate) fn program(self, message: Message) {
        self.write(0, message.address as u32);
        self.write(4, (message.address >> 32) as u32);
        self.write(8, message.data);
    }

    /// Holds its messages back, and the device remembers that there is one, or lets them out. In force when this returns.
    pub(crate) fn set(self, gate: Gate) {
        let others = self.read(CONTROL) & !MASKED;
        self.write(CONTROL, if gate == Gate::Masked { others | MASKED } else { others });
        self.read(CONTROL);
    }

    fn read(self, offset: u64) -> u32 {
        // SAFETY: within an entry, which stays mapped for ever, see `of`.
        unsafe { (self.0 + offset).as_ptr::<u32>().read_volatile() }
    }

    fn write(self, offset: u64, value: u32) {
        // SAFETY: as in `read`; the messages written are interrupts for vectors with handlers.
        unsafe { (self.0 + offset).as_mut_ptr::<u32>().write_volatile(value) }
    }
}

/// Whether a page with a table that is in use lies in a range of physical addresses.
pub(crate) fn is_table(range: Range<u64>) -> bool {
    let _off = InterruptsOff::new();
    let touched = |page: u64| range.start < page + PAGE_SIZE && page < range.end;
    PAGES.lock().iter().any(|(page, _)| touched(page.as_u64()))
}

/// An entry of a table that a test has made.
///
/// # Safety
/// There are [`ENTRY_SIZE`] bytes at `address` that nobody else uses.
#[cfg(feature = "test")]
pub(crate) unsafe fn entry_at(address: VirtAddr) -> Entry {
    Entry(address)
}
