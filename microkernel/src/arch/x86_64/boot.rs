//! The loader's entry (boot.s), what it leaves behind, and the kernel's own page tables that replace its first ones.

use core::arch::global_asm;

use ::x86_64::{PhysAddr, VirtAddr};
use microkernel_core::memmap::{MemoryMap, RegionKind};

use super::cpu::Features;
use super::paging::{Access, LargestPage, MapError, Root, TableSource};
use crate::mm::layout::{self, PAGE_SIZE, direct, physical_of_image};

/// Bytes of the boot stack, of which an unoptimised build needs most, an optimised one some 80 KiB.
const STACK: usize = if cfg!(debug_assertions) { 256 << 10 } else { 112 << 10 };

global_asm!(include_str!("boot.s"), stack = const STACK);

unsafe extern "C" {
    safe static boot_entry_tsc: u64;
    safe static boot_stack_guard: u8;
    safe static boot_stack_end: u8;
    safe static boot_interrupt_stack_end: u8;
}

/// Physical memory that the boot code's tables show, in the direct map and one to one.
pub(crate) const BOOT_MAPPED: u64 = 4 << 30;
/// `eax` on entry by multiboot2.
const MULTIBOOT2_MAGIC: u32 = 0x36d7_6289;

/// By which road the kernel was entered, with the physical address of the loader's information.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Road {
    /// Xen's PVH, which QEMU's `-kernel` uses.
    Pvh(PhysAddr),
    /// Multiboot2: GRUB.
    Multiboot2(PhysAddr),
}

#[unsafe(no_mangle)]
extern "C" fn kernel_start_rust(magic: u32, information: u32) -> ! {
    let information = PhysAddr::new(u64::from(information));
    let road = if magic == MULTIBOOT2_MAGIC { Road::Multiboot2(information) } else { Road::Pvh(information) };
    crate::start::on_boot_cpu(road)
}

/// The time-stamp counter at the kernel's first instructions.
pub(crate) fn entry_timestamp() -> u64 {
    boot_entry_tsc
}

/// The top of the stack that the boot thread runs on.
pub(crate) fn stack_top() -> VirtAddr {
    VirtAddr::from_ptr(&raw const boot_stack_end)
}

/// The top of the stack on which interrupts and faults are taken until there is memory for better ones.
pub(crate) fn interrupt_stack_top() -> VirtAddr {
    VirtAddr::from_ptr(&raw const boot_interrupt_stack_end)
}

/// Whether `address` is in the page left out below the boot stack.
pub(crate) fn is_stack_guard(address: u64) -> bool {
    let guard = (&raw const boot_stack_guard).addr() as u64;
    (guard..guard + PAGE_SIZE).contains(&address)
}

/// Frames for page tables before there is an allocator: from the end of one usable region downwards.
pub(crate) struct BootFrames {
    start: u64,
    next: u64,
    end: u64,
}

impl BootFrames {
    /// Takes them from the largest usable region that the boot tables show.
    pub(crate) fn new(map: &MemoryMap) -> Option<Self> {
        let (start, end) = map
            .iter()
            .filter(|region| region.kind == RegionKind::Usable)
            .map(|region| (region.start.max(1 << 20), region.end.min(BOOT_MAPPED)))
            .filter(|(start, end)| start < end)
            .max_by_key(|(start, end)| end - start)?;
        Some(Self { start, next: end, end })
    }

    /// A zeroed frame.
    pub(crate) fn take(&mut self) -> Option<PhysAddr> {
        if self.next - self.start < PAGE_SIZE {
            return None;
        }
        self.next -= PAGE_SIZE;
        let frame = PhysAddr::new_truncate(self.next);
        // SAFETY: usable memory that nobody has yet, shown by the boot code's direct map.
        unsafe { direct(frame).as_mut_ptr::<u8>().write_bytes(0, PAGE_SIZE as usize) };
        Some(frame)
    }

    /// What was taken: from here to there.
    pub(crate) fn taken(&self) -> (u64, u64) {
        (self.next, self.end)
    }
}

/// Builds the kernel's tables: the image segment by segment, all memory of the map in the direct map, nothing one to one.
///
/// # Errors
/// No frames left for tables.
pub(crate) fn build_tables(
    map: &MemoryMap,
    features: &Features,
    source: TableSource<'_>,
) -> Result<Root, MapError> {
    let root = Root::new(source)?;
    let constants = if cfg!(bite = "constants-writable") { Access::ReadWrite } else { Access::Read };
    let segments = [
        (layout::rodata(), constants),
        (layout::text(), Access::ReadExecute),
        (layout::data(), Access::ReadWrite),
    ];
    let guard = VirtAddr::from_ptr(&raw const boot_stack_guard);
    for (segment, access) in segments {
        let mut at = segment.start;
        while at < segment.end {
            if at != guard {
                root.map(at, physical_of_image(at), PAGE_SIZE, access, LargestPage::Small, source)?;
            }
            at += PAGE_SIZE;
        }
    }
    let largest = if features.gigabyte_pages { LargestPage::Huge } else { LargestPage::Large };
    let memory = [RegionKind::Usable, RegionKind::BootData, RegionKind::AcpiReclaimable, RegionKind::AcpiNvs];
    for region in map.iter().filter(|region| memory.contains(&region.kind)) {
        let end = region.end.min(layout::DIRECT_MAP_SIZE);
        if region.start < end {
            let start = PhysAddr::new_truncate(region.start);
            root.map(direct(start), start, end - region.start, Access::ReadWrite, largest, source)?;
        }
    }
    Ok(root)
}
