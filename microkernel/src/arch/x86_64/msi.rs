//! Interrupts without a line: a device writes a message to an address that is no memory (Intel SDM volume 3A, section 11.11), as
//! told by the entries of its MSI-X table or by its MSI capability in configuration space (PCI Local Bus 3.0, sections 6.8.2 and 6.8.1).
//!
//! Whoever can write a table can have the device write any word anywhere, so its pages are mapped here and for nobody else. Configuration
//! space is with whoever owns the bus, and no driver's.

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

/// Where a device is told its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry(VirtAddr, Kind);

/// What that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An entry of an MSI-X table.
    Table,
    /// An MSI capability, of which one message is used. It is switched off to hold messages back, and those of that
    /// time are lost, as with an edge-triggered line.
    Capability,
}

/// Bytes of an entry.
pub(crate) const ENTRY_SIZE: u64 = 16;
/// A capability's first word: it is switched on; how many messages are used, 0 for one; addresses have 64 bits.
const ENABLE: u32 = 1 << 16;
const MULTIPLE: u32 = 7 << 20;
const WIDE: u32 = 1 << 23;

/// Pages that hold tables or capabilities, and where they are mapped: once each, however often a driver is replaced. A cold lock.
static PAGES: Mutex<Vec<(PhysAddr, VirtAddr, Kind)>> = Mutex::new(Vec::new());

impl Entry {
    /// The one at `address`, which the caller knows to be a device's register; a table's is a multiple of [`ENTRY_SIZE`], a capability's of 4.
    ///
    /// # Errors
    /// It could not be mapped.
    pub(crate) fn of(address: PhysAddr, kind: Kind) -> Result<Self, MapError> {
        let page = address.align_down(PAGE_SIZE);
        let _off = InterruptsOff::new();
        let mut pages = PAGES.lock();
        let known = pages.iter().find(|known| (known.0, known.2) == (page, kind)).map(|known| known.1);
        let mapped = known.map_or_else(|| window::device(page, PAGE_SIZE), Ok)?;
        if known.is_none() && pages.try_reserve(1).is_ok() {
            pages.push((page, mapped, kind));
        }
        Ok(Self(mapped + (address - page), kind))
    }

    /// Has the device send `message`, once it is open. It must be masked.
    pub(crate) fn program(self, message: Message) {
        let (address, is_wide) = match self.1 {
            Kind::Table => (0, true),
            Kind::Capability => (4, self.read(0) & WIDE != 0),
        };
        self.write(address, message.address as u32);
        if is_wide {
            self.write(address + 4, (message.address >> 32) as u32);
        }
        self.write(if is_wide { address + 8 } else { address + 4 }, message.data);
    }

    /// Holds its messages back, which a table's device remembers, or lets them out. In force when this returns.
    pub(crate) fn set(self, gate: Gate) {
        let (register, mask, masked, open) = match self.1 {
            Kind::Table => (12, 1, 1, 0),
            Kind::Capability => (0, ENABLE | MULTIPLE, 0, ENABLE),
        };
        let bits = if gate == Gate::Masked { masked } else { open };
        self.write(register, self.read(register) & !mask | bits);
        self.read(register);
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
    PAGES.lock().iter().any(|(page, _, kind)| *kind == Kind::Table && touched(page.as_u64()))
}

/// An entry of a table that a test has made.
///
/// # Safety
/// There are [`ENTRY_SIZE`] bytes at `address` that nobody else uses.
#[cfg(feature = "test")]
pub(crate) unsafe fn entry_at(address: VirtAddr, kind: Kind) -> Entry {
    Entry(address, kind)
}
