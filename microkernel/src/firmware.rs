//! Firmware's memory as the ACPI reader may see it: only what the memory map says can hold tables, and read-only.

use core::cell::RefCell;

use arrayvec::ArrayVec;
use microkernel_core::acpi::PhysMemory;
use microkernel_core::acpi::image::GUEST_BASE;
use microkernel_core::memmap::{BIOS_AREA, MemoryMap, Table, find_root_pointer};
use x86_64::{PhysAddr, VirtAddr};

use crate::arch::boot::BootFrames;
use crate::arch::paging::Access;
use crate::mm::layout::{DIRECT_MAP_SIZE, PAGE_SIZE, direct};
use crate::mm::window;
use microkernel_core::bootinfo::{BootInfo, ROOT_POINTER, RootPointer};

/// Where a copied root pointer is shown: physical addresses end below.
const ROOT_POINTER_COPY: u64 = 1 << 52;
/// Windows made at most.
const MAX_WINDOWS: usize = 64;

/// Physical memory that may hold ACPI tables. Tables in reserved memory are shown through windows, which stay.
pub(crate) struct FirmwareMemory<'a> {
    map: &'a MemoryMap,
    frames: RefCell<&'a mut BootFrames>,
    windows: RefCell<ArrayVec<Window, MAX_WINDOWS>>,
    /// The loader's copy of the root pointer, shown at [`ROOT_POINTER_COPY`].
    root_pointer: Option<[u8; ROOT_POINTER]>,
    /// Stands in for the firmware's tables, in tests.
    replacement: Option<&'a [u8]>,
}

struct Window {
    start: u64,
    end: u64,
    address: VirtAddr,
}

impl<'a> FirmwareMemory<'a> {
    /// Memory by the loader's map; page tables for windows come from `frames`.
    pub(crate) fn new(info: &'a BootInfo, frames: &'a mut BootFrames, replacement: Option<&'a [u8]>) -> Self {
        let root_pointer = match info.rsdp {
            Some(RootPointer::Copy(bytes)) => Some(bytes),
            Some(RootPointer::At(_)) | None => None,
        };
        Self {
            map: &info.map,
            root_pointer,
            frames: RefCell::new(frames),
            windows: RefCell::new(ArrayVec::new()),
            replacement,
        }
    }

    /// The address to begin at: the loader's word, else where BIOSes put it.
    pub(crate) fn root_pointer(&self, info: &BootInfo) -> Option<u64> {
        match info.rsdp {
            Some(RootPointer::At(address)) => Some(address),
            Some(RootPointer::Copy(_)) => Some(ROOT_POINTER_COPY),
            None => {
                find_root_pointer(self.bytes(BIOS_AREA.start, (BIOS_AREA.end - BIOS_AREA.start) as usize)?)
            }
        }
    }

    fn windowed(&self, start: u64, end: u64) -> Option<VirtAddr> {
        let mut windows = self.windows.borrow_mut();
        if let Some(window) = windows.iter().find(|window| window.start <= start && end <= window.end) {
            return Some(window.address + (start - window.start));
        }
        if windows.is_full() {
            return None;
        }
        let (first, last) = (start & !(PAGE_SIZE - 1), end.next_multiple_of(PAGE_SIZE));
        let mut frames = self.frames.borrow_mut();
        let physical = PhysAddr::new_truncate(first);
        let address = window::map_with(physical, last - first, Access::Read, &mut || frames.take()).ok()?;
        windows.push(Window { start: first, end: last, address });
        Some(address + (start - first))
    }
}

impl PhysMemory for FirmwareMemory<'_> {
    fn bytes(&self, address: u64, length: usize) -> Option<&[u8]> {
        let end = address.checked_add(length as u64)?;
        if let (Some(copy), Some(offset)) = (&self.root_pointer, address.checked_sub(ROOT_POINTER_COPY)) {
            return copy.get(offset as usize..(end - ROOT_POINTER_COPY) as usize);
        }
        if let (Some(image), Some(offset)) = (self.replacement, address.checked_sub(GUEST_BASE)) {
            return image.get(offset as usize..(end - GUEST_BASE) as usize);
        }
        let shown = match self.map.table(address..end)? {
            Table::InMemory if end <= DIRECT_MAP_SIZE => direct(PhysAddr::new_truncate(address)),
            Table::InMemory => return None,
            Table::Reserved => self.windowed(address, end)?,
        };
        // SAFETY: mapped, by the direct map or a window, for at least `length` bytes and for ever; firmware's tables and
        // the loader's copies do not change while the kernel reads them.
        Some(unsafe { core::slice::from_raw_parts(shown.as_ptr(), length) })
    }
}
