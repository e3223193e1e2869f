//! Address spaces of programs.
//!
//! A space owns the frames in its user half; the kernel's half is shared by all. The kernel reaches a program's memory through the
//! direct map, page by page as the program's own tables allow, so a bad address is an error and never a fault.

use core::ops::Range;

use microkernel_core::elf::{ElfError, Program, Protection};
use x86_64::VirtAddr;

use crate::arch::paging::{Access, LargestPage, MapError, Root, Write};
use crate::mm::frames;
use crate::mm::layout::{PAGE_SIZE, direct};

/// Where programs may lie.
pub(crate) const USER: Range<u64> = microkernel_core::elf::USER;

/// An address space and the memory in it.
#[derive(Debug)]
pub(crate) struct Space {
    root: Root,
}

/// Why a program was not loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoadError {
    /// The file breaks the policy.
    File(ElfError),
    /// Not enough memory, or pages that are taken.
    Memory(MapError),
}

/// An address that the program may not use like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadAddress;

impl Space {
    /// An empty one.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn new() -> Result<Self, MapError> {
        let root = Root::current().new_user(&mut frames::take_zeroed)?;
        Ok(Self { root })
    }

    /// Its root.
    pub(crate) fn root(&self) -> Root {
        self.root
    }

    /// Maps fresh zeroed pages at `pages`, a range of whole pages within [`USER`].
    ///
    /// # Errors
    /// No memory, or something is mapped there; pages mapped before the error stay, and go with the space.
    pub(crate) fn map(&self, pages: Range<u64>, protection: Protection) -> Result<(), MapError> {
        invariant!(USER.start <= pages.start && pages.end <= USER.end);
        for at in pages.step_by(PAGE_SIZE as usize) {
            let frame = frames::take_zeroed().ok_or(MapError::NoMemory)?;
            let address = VirtAddr::new_truncate(at);
            let access = Access::User(protection);
            let source = &mut frames::take_zeroed;
            self.root.map(address, frame, PAGE_SIZE, access, LargestPage::Small, source).inspect_err(
                |_| {
                    // SAFETY: taken above, and not mapped.
                    unsafe { frames::give(frame) };
                },
            )?;
        }
        Ok(())
    }

    /// Loads the program in `file`; its entry point.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub(crate) fn load(&self, file: &[u8]) -> Result<u64, LoadError> {
        let program = Program::parse(file, USER).map_err(LoadError::File)?;
        for segment in &program.segments {
            self.map(segment.pages.clone(), segment.protection).map_err(LoadError::Memory)?;
            let bytes = &file[segment.file.clone()];
            self.initialise(segment.address, bytes)
                .map_err(|BadAddress| LoadError::Memory(MapError::NoMemory))?;
        }
        Ok(program.entry)
    }

    /// Copies `bytes` to user memory at `address`, which must be writable by the program.
    ///
    /// # Errors
    /// Some page is not; bytes before it have been copied.
    pub(crate) fn write(&self, address: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        self.for_each_page(address, bytes.len(), Write::Yes, |at, part: Range<usize>| {
            // SAFETY: a page of the program, through the direct map; the kernel holds no reference into user memory.
            unsafe {
                core::ptr::copy_nonoverlapping(bytes[part.clone()].as_ptr(), at.as_mut_ptr(), part.len())
            }
        })
    }

    /// Copies user memory at `address` to `bytes`.
    ///
    /// # Errors
    /// Some page is not readable by the program.
    pub(crate) fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), BadAddress> {
        self.for_each_page(address, bytes.len(), Write::No, |at, part| {
            // SAFETY: as in `write`; other threads of the program may change the bytes meanwhile, so they are copied as raw memory.
            unsafe { core::ptr::copy(at.as_ptr(), bytes[part.clone()].as_mut_ptr(), part.len()) }
        })
    }

    /// Fills pages of the program that it may itself not be able to write.
    pub(crate) fn initialise(&self, address: u64, bytes: &[u8]) -> Result<(), BadAddress> {
        self.for_each_page(address, bytes.len(), Write::No, |at, part: Range<usize>| {
            // SAFETY: fresh pages of a program that does not run yet.
            unsafe {
                core::ptr::copy_nonoverlapping(bytes[part.clone()].as_ptr(), at.as_mut_ptr(), part.len())
            }
        })
    }

    /// Calls `action` with where the kernel sees each page's part of the range, and which part that is.
    fn for_each_page(
        &self,
        address: u64,
        length: usize,
        write: Write,
        mut action: impl FnMut(VirtAddr, Range<usize>),
    ) -> Result<(), BadAddress> {
        let end = address.checked_add(length as u64).ok_or(BadAddress)?;
        if address < USER.start || end > USER.end {
            return Err(BadAddress);
        }
        let mut at = address;
        while at < end {
            let next = ((at & !(PAGE_SIZE - 1)) + PAGE_SIZE).min(end);
            let physical = self.root.translate_user(VirtAddr::new_truncate(at), write).ok_or(BadAddress)?;
            action(direct(physical), (at - address) as usize..(next - address) as usize);
            at = next;
        }
        Ok(())
    }

    /// Makes this CPU see the space's user half.
    ///
    /// # Safety
    /// The space outlives that: another is made active before it is dropped.
    pub(crate) unsafe fn activate(&self) {
        // SAFETY: the kernel's half is the same in all roots, and the rest is the caller's promise.
        unsafe { self.root.activate() };
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        invariant!(Root::current() != self.root, "a space must not be dropped while it is active");
        // SAFETY: the owner is gone, no CPU has it active (see `activate`), and all frames came from `frames`.
        unsafe { self.root.dismantle(&mut |frame| frames::give(frame)) };
    }
}
