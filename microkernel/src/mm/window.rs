//! Windows: device registers and firmware tables made visible at addresses of their own, uncached or read-only.
//!
//! Address space is handed out from the front and never taken back: there are few devices, and each is mapped once.

use spin::{Mutex, Once};
use x86_64::{PhysAddr, VirtAddr};

use super::frames;
use super::layout::{MESSAGES, PAGE_SIZE, STACKS, WINDOWS};
use crate::arch::cpu::InterruptsOff;
use crate::arch::paging::{Access, LargestPage, MapError, Root, TableSource};

/// The kernel half's tables are changed under this lock alone (cold: boot, device set-up, new stacks).
static STATE: Mutex<State> = Mutex::new(State { next: WINDOWS, root: None });
static KERNEL: Once<Root> = Once::new();

struct State {
    next: u64,
    root: Option<Root>,
}

/// Tells the windows whose tables to fill, and makes the top-level entries that all address spaces will share. Boot, once.
pub(crate) fn open(root: Root, source: TableSource<'_>) -> Result<(), MapError> {
    root.prepare_top_level(VirtAddr::new_truncate(WINDOWS), source)?;
    root.prepare_top_level(VirtAddr::new_truncate(STACKS), source)?;
    STATE.lock().root = Some(root);
    KERNEL.call_once(|| root);
    Ok(())
}

/// The kernel's own root, without a user half. Any CPU, once memory is up.
pub(crate) fn kernel_root() -> Root {
    *KERNEL.get().expect("the windows are opened at boot")
}

/// Shows `length` bytes from `physical` on; the address of the first byte. Frames for page tables come from `source`.
///
/// # Errors
/// No memory, or no address space left.
pub(crate) fn map_with(
    physical: PhysAddr,
    length: u64,
    access: Access,
    source: TableSource<'_>,
) -> Result<VirtAddr, MapError> {
    let offset = physical.as_u64() % PAGE_SIZE;
    let pages = (offset + length).div_ceil(PAGE_SIZE).max(1);
    let _off = InterruptsOff::new();
    let mut state = STATE.lock();
    let root = state.root.ok_or(MapError::NoMemory)?;
    let at = state.next;
    let end = at + pages * PAGE_SIZE;
    if end > MESSAGES {
        return Err(MapError::NoMemory);
    }
    state.next = end;
    let address = VirtAddr::new_truncate(at);
    root.map(address, physical - offset, pages * PAGE_SIZE, access, LargestPage::Small, source)?;
    Ok(address + offset)
}

/// Shows device registers. Any CPU, once memory is up.
pub(crate) fn device(physical: PhysAddr, length: u64) -> Result<VirtAddr, MapError> {
    map_with(physical, length, Access::Device, &mut frames::take_zeroed)
}

/// Backs `pages` pages at `address`, which lies in the kernel's half, with fresh zeroed frames.
pub(crate) fn back(address: VirtAddr, pages: u64) -> Result<(), MapError> {
    let _off = InterruptsOff::new();
    let state = STATE.lock();
    let root = state.root.ok_or(MapError::NoMemory)?;
    // Never given back: stacks are reused, not freed.
    frames::promise(pages).ok_or(MapError::NoMemory)?.keep();
    for page in 0..pages {
        let frame = frames::take_zeroed().ok_or(MapError::NoMemory)?;
        let at = address + page * PAGE_SIZE;
        root.map(at, frame, PAGE_SIZE, Access::ReadWrite, LargestPage::Small, &mut frames::take_zeroed)?;
    }
    Ok(())
}
