//! The kernel's half of the address space.
//!
//! | from | what |
//! |---|---|
//! | `ffff_8000_0000_0000` | the direct map: every usable physical page, at its physical address plus this |
//! | `ffff_c000_0000_0000` | windows: device registers and firmware tables, mapped as they are asked for |
//! | `ffff_d000_0000_0000` | kernel stacks, a guard page below each |
//! | `ffff_ffff_8000_0000` | the kernel image; its pages are *not* in the direct map, so text has no writable alias |

use x86_64::{PhysAddr, VirtAddr};

/// Bytes of a page and of a physical frame.
pub(crate) const PAGE_SIZE: u64 = 4096;
/// Start of the direct map.
pub(crate) const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Physical memory beyond this is left unused: the direct map ends where the windows begin.
pub(crate) const DIRECT_MAP_SIZE: u64 = 0x4000_0000_0000;
/// Start of the windows.
pub(crate) const WINDOWS: u64 = 0xffff_c000_0000_0000;
/// Bytes of address space for windows.
pub(crate) const WINDOWS_SIZE: u64 = 1 << 39;
/// Where message objects lie: the last 64 MiB of the windows' part.
pub(crate) const MESSAGES: u64 = WINDOWS + WINDOWS_SIZE - (64 << 20);
/// Start of the kernel stacks.
pub(crate) const STACKS: u64 = 0xffff_d000_0000_0000;
/// Bytes of address space for stacks.
pub(crate) const STACKS_SIZE: u64 = 1 << 39;
/// What the kernel's link address is ahead of its load address.
pub(crate) const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

unsafe extern "C" {
    safe static kernel_start: u8;
    safe static kernel_end: u8;
    safe static text_start: u8;
    safe static text_end: u8;
    safe static rodata_start: u8;
    safe static rodata_end: u8;
    safe static data_start: u8;
    safe static data_end: u8;
}

/// A part of the kernel image, page by page.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segment {
    /// First byte, page-aligned.
    pub(crate) start: VirtAddr,
    /// First byte after it, page-aligned.
    pub(crate) end: VirtAddr,
}

impl Segment {
    fn between(start: &u8, end: &u8) -> Self {
        Self {
            start: VirtAddr::from_ptr(start).align_down(PAGE_SIZE),
            end: VirtAddr::from_ptr(end).align_up(PAGE_SIZE),
        }
    }

    /// Whether `address` lies in it.
    pub(crate) fn contains(&self, address: u64) -> bool {
        (self.start.as_u64()..self.end.as_u64()).contains(&address)
    }
}

/// The whole image.
pub(crate) fn image() -> Segment {
    Segment::between(&kernel_start, &kernel_end)
}

/// Its code.
pub(crate) fn text() -> Segment {
    Segment::between(&text_start, &text_end)
}

/// Its constants.
pub(crate) fn rodata() -> Segment {
    Segment::between(&rodata_start, &rodata_end)
}

/// Its variables.
pub(crate) fn data() -> Segment {
    Segment::between(&data_start, &data_end)
}

/// Where the direct map shows a physical address.
#[inline]
pub(crate) fn direct(physical: PhysAddr) -> VirtAddr {
    invariant!(physical.as_u64() < DIRECT_MAP_SIZE);
    VirtAddr::new_truncate(DIRECT_MAP + physical.as_u64())
}

/// The physical address behind an address of the direct map.
#[inline]
pub(crate) fn physical_of_direct(address: VirtAddr) -> PhysAddr {
    invariant!((DIRECT_MAP..DIRECT_MAP + DIRECT_MAP_SIZE).contains(&address.as_u64()));
    PhysAddr::new_truncate(address.as_u64() - DIRECT_MAP)
}

/// The physical address of something in the kernel image.
#[inline]
pub(crate) fn physical_of_image(address: VirtAddr) -> PhysAddr {
    PhysAddr::new_truncate(address.as_u64() - KERNEL_BASE)
}
