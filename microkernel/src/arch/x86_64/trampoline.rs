//! Prepares the page from which a further CPU starts, see trampoline.s.

use core::arch::global_asm;

use ::x86_64::{PhysAddr, VirtAddr};

use super::paging::Root;
use crate::mm::layout::{direct, physical_of_image};

global_asm!(include_str!("trampoline.s"));

unsafe extern "C" {
    safe static trampoline_start: u8;
    safe static trampoline_end: u8;
    safe static boot_pml4: u8;
}

/// Offsets in trampoline.s: the form, and the addresses that depend on where the page lies (a GDT's and two jumps').
const FORM: usize = 8;
const ADDRESSES: [usize; 3] = [82, 88, 96];

/// What the trampoline reads from its form.
#[repr(C)]
struct Form {
    boot_tables: u64,
    kernel_tables: u64,
    stack: u64,
    argument: u64,
    entry: u64,
}

/// A page below 1 MiB that holds the trampoline.
pub(crate) struct Trampoline {
    page: PhysAddr,
}

impl Trampoline {
    /// Copies the code to `page`.
    ///
    /// # Safety
    /// The page is free memory below 1 MiB, in the direct map, and stays the trampoline's until all CPUs are up.
    pub(crate) unsafe fn install(page: PhysAddr) -> Self {
        let length = (&raw const trampoline_end).addr() - (&raw const trampoline_start).addr();
        // SAFETY: the page is the caller's gift, and the code is much smaller.
        unsafe {
            let copy: *mut u8 = direct(page).as_mut_ptr();
            core::ptr::copy_nonoverlapping(&raw const trampoline_start, copy, length);
            for offset in ADDRESSES {
                let address = copy.add(offset).cast::<u32>();
                address.write_unaligned(address.read_unaligned() + page.as_u64() as u32);
            }
        }
        Self { page }
    }

    /// Where a start-up message must point.
    pub(crate) fn page(&self) -> PhysAddr {
        self.page
    }

    /// Fills the form for the next CPU: it will call `entry(argument)` on this CPU's page tables, on the stack that
    /// ends at `stack`.
    pub(crate) fn prepare(&mut self, stack: VirtAddr, argument: u64, entry: extern "C" fn(u64) -> !) {
        let form = Form {
            kernel_tables: Root::current().address().as_u64(),
            boot_tables: physical_of_image(VirtAddr::from_ptr(&raw const boot_pml4)).as_u64(),
            stack: stack.as_u64(),
            argument,
            entry: entry as *const () as u64,
        };
        // SAFETY: inside the trampoline's page; the CPU that used the form before has left it.
        unsafe { direct(self.page).as_mut_ptr::<u8>().add(FORM).cast::<Form>().write_volatile(form) };
    }
}
