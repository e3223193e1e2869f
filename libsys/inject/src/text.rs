//! Instructions of this program that become others, although no page is ever both writable and executable: a copy takes the page's place.
//!
//! Between leaving the old page and having the new one there is nothing there, so the two calls are made from a page of their own.

use core::arch::global_asm;

use anax_sys::object::{RegionKind, Space};
use anax_sys::{Error, Rights};

use anax_abi::object::{SELF, SpaceCommand};

/// Bytes of a page.
pub(crate) const PAGE: usize = 4096;

// rdi: the page, rsi: the region, rdx and rcx: heads of the calls to unmap and to map, r8: what the page allows, r9: the space. The registers of
// calls are those of `anax_abi::Operation`; what is kept over them is in rbx and r12 to r15. Returns the second one's result.
global_asm!(
    ".pushsection .text.anax_inject_exchange, \"ax\", @progbits",
    ".balign 4096",
    ".globl anax_inject_exchange",
    ".type anax_inject_exchange, @function",
    "anax_inject_exchange:",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "mov rbx, rdi",
    "mov r12, rsi",
    "mov r13, rcx",
    "mov r14, r8",
    "mov r15, r9",
    "mov rax, rdx",
    "mov rdi, r15",
    "mov rsi, rbx",
    "mov edx, 4096",
    "syscall",
    "mov rax, r13",
    "mov rdi, r15",
    "mov rsi, r12",
    "mov rdx, rbx",
    "xor r10d, r10d",
    "mov r8d, 4096",
    "mov r9, r14",
    "syscall",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "ret",
    ".size anax_inject_exchange, . - anax_inject_exchange",
    ".balign 4096",
    ".popsection",
);

// SAFETY: defined above, with these arguments, and by the linker script: where the program's instructions begin and end, and its variables.
unsafe extern "C" {
    fn anax_inject_exchange(page: usize, region: u64, unmap: u64, map: u64, allows: u64, space: u64) -> i64;
    static anax_image_text: u8;
    static anax_image_text_end: u8;
    static anax_image_data: u8;
    static anax_image_end: u8;
}

/// Where the instructions are; without that page, if it is the first.
pub(crate) fn instructions() -> core::ops::Range<usize> {
    let start = (&raw const anax_image_text).addr();
    let own = (anax_inject_exchange as *const ()).addr();
    (if own == start { start + PAGE } else { start })..(&raw const anax_image_text_end).addr()
}

/// Where the variables are.
pub(crate) fn variables() -> core::ops::Range<usize> {
    (&raw const anax_image_data).addr()..(&raw const anax_image_end).addr()
}

/// Flips a bit of an instruction.
///
/// # Errors
/// `BadArgument` for the page that does it; those of the kernel.
pub(crate) fn flip(address: usize, bit: u32) -> Result<(), Error> {
    let page = address & !(PAGE - 1);
    if page == (anax_inject_exchange as *const ()).addr() {
        return Err(Error::BadArgument);
    }
    let region = Space::SELF.create_region(PAGE as u64, RegionKind::Pinned)?;
    let there = Space::SELF.map(region, 0, PAGE as u64, Rights::READ.with(Rights::WRITE))?;
    let copy = core::ptr::with_exposed_provenance_mut::<u8>(there as usize);
    let original = core::ptr::with_exposed_provenance::<u8>(page);
    // SAFETY: both are whole pages, the one mapped just now and nobody else's, the other of instructions, which may be read.
    unsafe {
        core::ptr::copy_nonoverlapping(original, copy, PAGE);
        *copy.add(address - page) ^= 1 << bit;
        Space::SELF.unmap(there, PAGE as u64)?;
    }
    let head = |command: SpaceCommand| (command as u64) << 32;
    let (unmap, map) = (head(SpaceCommand::Unmap), head(SpaceCommand::Map));
    let allows = u64::from(Rights::READ.with(Rights::EXECUTE).0);
    // SAFETY: none. The program is wrong from here on: that is what it is for.
    let mapped =
        unsafe { anax_inject_exchange(page, region.handle().to_word(), unmap, map, allows, SELF.to_word()) };
    if mapped < 0 { Err(Error::from_code(mapped)) } else { Ok(()) }
}
