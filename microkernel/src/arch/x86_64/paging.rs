//! Page tables (Intel SDM volume 3A, section 4.5): walking and filling them.
//!
//! Tables are reached through the direct map, which the boot code's tables and the kernel's own have at the same
//! place, so this works from the first line of Rust on.

use x86_64::registers::control::Cr3;
use x86_64::structures::paging::{PageTable, PageTableFlags};
use x86_64::{PhysAddr, VirtAddr};

use crate::mm::layout::{PAGE_SIZE, direct};

/// What a mapping allows. There is no "write and execute".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Constants.
    Read,
    /// Variables, the direct map, stacks.
    ReadWrite,
    /// Code.
    ReadExecute,
    /// Device registers: uncached.
    Device,
}

impl Access {
    fn flags(self) -> PageTableFlags {
        let base = PageTableFlags::PRESENT | PageTableFlags::GLOBAL;
        match self {
            Self::Read => base | PageTableFlags::NO_EXECUTE,
            Self::ReadWrite => base | PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE,
            Self::ReadExecute => base,
            Self::Device => {
                base | PageTableFlags::WRITABLE
                    | PageTableFlags::NO_EXECUTE
                    | PageTableFlags::NO_CACHE
                    | PageTableFlags::WRITE_THROUGH
            }
        }
    }
}

/// The largest page a range may be mapped with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LargestPage {
    /// 4 KiB.
    Small,
    /// 2 MiB.
    Large,
    /// 1 GiB, where the processor has it.
    Huge,
}

/// Why a mapping was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapError {
    /// No frame for a page table.
    NoMemory,
    /// Something is mapped there already.
    Occupied,
}

/// Supplies zeroed frames for page tables.
pub(crate) type TableSource<'a> = &'a mut dyn FnMut() -> Option<PhysAddr>;

/// The root of an address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Root(PhysAddr);

impl Root {
    /// A root over an empty table.
    pub(crate) fn new(source: TableSource<'_>) -> Result<Self, MapError> {
        source().map(Self).ok_or(MapError::NoMemory)
    }

    /// The root whose table is at `address`.
    pub(crate) const fn at(address: PhysAddr) -> Self {
        Self(address)
    }

    /// The one this CPU uses now.
    #[inline]
    pub(crate) fn current() -> Self {
        Self(Cr3::read().0.start_address())
    }

    /// Whether this CPU uses it now.
    #[inline(always)]
    pub(crate) fn is_current(self) -> bool {
        let now: u64;
        // SAFETY: reads a register. Its other bits are never set here.
        unsafe { core::arch::asm!("mov {}, cr3", out(reg) now, options(nomem, nostack, preserves_flags)) };
        now == self.0.as_u64()
    }

    /// Its physical address.
    pub(crate) fn address(self) -> PhysAddr {
        self.0
    }

    /// Makes this CPU use it.
    ///
    /// # Safety
    /// It maps all that runs and is reached from here on: code, stack, direct map.
    #[inline(always)]
    pub(crate) unsafe fn activate(self) {
        // SAFETY: by the caller's promise; a page's address, and no flags.
        unsafe {
            core::arch::asm!("mov cr3, {}", in(reg) self.0.as_u64(), options(nostack, preserves_flags))
        };
    }

    /// Makes sure that the top-level entry for `address` exists, so that all later copies of the root share it.
    pub(crate) fn prepare_top_level(
        self,
        address: VirtAddr,
        source: TableSource<'_>,
    ) -> Result<(), MapError> {
        // SAFETY: the root is a page table of ours; see `table`.
        let root = unsafe { table(self.0) };
        next_table(root, usize::from(address.p4_index()), source).map(drop)
    }

    /// Maps `length` bytes at `physical` to `address`, all multiples of a page, with the largest pages that fit.
    ///
    /// Only pages that nothing maps yet: no shoot-down is needed. The caller alone changes these tables meanwhile.
    ///
    /// # Errors
    /// What was mapped before the error stays.
    pub(crate) fn map(
        self,
        address: VirtAddr,
        physical: PhysAddr,
        length: u64,
        access: Access,
        largest: LargestPage,
        source: TableSource<'_>,
    ) -> Result<(), MapError> {
        invariant!(
            address.is_aligned(PAGE_SIZE)
                && physical.is_aligned(PAGE_SIZE)
                && length.is_multiple_of(PAGE_SIZE)
        );
        let mut done = 0;
        while done < length {
            let (at, frame, rest) = (address + done, physical + done, length - done);
            let fits = |size: u64| at.is_aligned(size) && frame.is_aligned(size) && rest >= size;
            // SAFETY: the root is a page table of ours; see `table`.
            let p4 = unsafe { table(self.0) };
            let p3 = next_table(p4, usize::from(at.p4_index()), source)?;
            let (entry, size) = if largest >= LargestPage::Huge && fits(1 << 30) {
                (&mut p3[usize::from(at.p3_index())], 1 << 30)
            } else {
                let p2 = next_table(p3, usize::from(at.p3_index()), source)?;
                if largest >= LargestPage::Large && fits(1 << 21) {
                    (&mut p2[usize::from(at.p2_index())], 1 << 21)
                } else {
                    let p1 = next_table(p2, usize::from(at.p2_index()), source)?;
                    (&mut p1[usize::from(at.p1_index())], PAGE_SIZE)
                }
            };
            if !entry.is_unused() {
                return Err(MapError::Occupied);
            }
            let size_flag =
                if size > PAGE_SIZE { PageTableFlags::HUGE_PAGE } else { PageTableFlags::empty() };
            entry.set_addr(frame, access.flags() | size_flag);
            done += size;
        }
        Ok(())
    }
}

#[cfg(feature = "test")]
impl Root {
    /// The flags of the page that maps `address`, joined along the way down; `None` where nothing is mapped.
    pub(crate) fn flags_at(self, address: VirtAddr) -> Option<PageTableFlags> {
        let mut physical = self.0;
        let indices = [address.p4_index(), address.p3_index(), address.p2_index(), address.p1_index()];
        for (level, index) in indices.into_iter().enumerate() {
            // SAFETY: reached from the root through present entries only.
            let entry = unsafe { &table(physical)[usize::from(index)] };
            if !entry.flags().contains(PageTableFlags::PRESENT) {
                return None;
            }
            if level == 3 || (level > 0 && entry.flags().contains(PageTableFlags::HUGE_PAGE)) {
                return Some(entry.flags());
            }
            physical = entry.addr();
        }
        None
    }
}

/// The table at `physical`, through the direct map.
///
/// # Safety
/// `physical` is a page table of ours, and nobody else holds a reference into it: boot, or the kernel window's lock.
unsafe fn table<'a>(physical: PhysAddr) -> &'a mut PageTable {
    // SAFETY: by the caller's promise; the direct map shows every frame that tables are made of.
    unsafe { &mut *direct(physical).as_mut_ptr() }
}

/// The table below entry `index`, made where there is none.
fn next_table<'a>(
    parent: &'a mut PageTable,
    index: usize,
    source: TableSource<'_>,
) -> Result<&'a mut PageTable, MapError> {
    let entry = &mut parent[index];
    if entry.is_unused() {
        let frame = source().ok_or(MapError::NoMemory)?;
        entry.set_addr(frame, PageTableFlags::PRESENT | PageTableFlags::WRITABLE);
    } else if entry.flags().contains(PageTableFlags::HUGE_PAGE) {
        return Err(MapError::Occupied);
    }
    // SAFETY: a present, not large entry of our table leads to a table of ours.
    Ok(unsafe { table(entry.addr()) })
}
