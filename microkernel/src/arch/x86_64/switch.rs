//! The step from one thread to another, and the first step of a new one.

use core::arch::naked_asm;

use ::x86_64::VirtAddr;

/// Saves the registers that a call preserves on the running stack, stores its pointer to `*save`, and goes on with the
/// stack whose pointer `next` was stored so before. A call clobbers the vector registers, so none are saved.
///
/// # Safety
/// Interrupts are off; `next` comes from an earlier switch or from [`prepare`], and no CPU runs on that stack.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(save: *mut u64, next: u64) {
    naked_asm!(
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "ret",
    )
}

/// Prepares the free stack that ends at `top` so that the first [`switch`] to it calls `start`; the stack pointer to store.
///
/// # Safety
/// The stack is mapped, at least 128 bytes of it, and nobody's.
pub(crate) unsafe fn prepare(top: VirtAddr, start: extern "C" fn() -> !) -> u64 {
    // From the top: a zero where `start`'s return address would be (it ends backtraces and leaves the stack as the ABI
    // wants it at a function's first instruction), the address that `ret` takes, six registers.
    let words = [0, 0, 0, 0, 0, 0, start as *const () as u64, 0];
    let pointer = top - size_of_val(&words) as u64;
    // SAFETY: by the caller's promise.
    unsafe { pointer.as_mut_ptr::<[u64; 8]>().write(words) };
    pointer.as_u64()
}
