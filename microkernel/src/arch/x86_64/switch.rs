//! The step from one thread to another, and the first step of a new one.

use core::arch::asm;

use ::x86_64::VirtAddr;

/// Leaves the running stack, its pointer stored to `*save`, and goes on with the stack whose pointer `next` was stored so
/// before. Inlined: whoever switches saves what he needs himself, so that only what no clobber can name is on the stack: `rbx` and
/// `rbp`, below them where to go on. Vector registers are clobbered as by a call. Arrives with ZF clear, see
/// [`switch_and_resume_at`].
///
/// # Safety
/// Interrupts are off; `next` comes from an earlier switch or from [`prepare`], and no CPU runs on that stack.
#[inline(always)]
pub(crate) unsafe fn switch(save: *mut u64, next: u64) {
    // SAFETY: all registers are clobbered or come back; the rest is the caller's promise.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "lea rax, [rip + 2f]",
            "push rax",
            "mov [rdi], rsp",
            "mov rsp, rsi",
            "test rsp, rsp",
            "ret",
            "2:",
            "pop rbp",
            "pop rbx",
            inlateout("rdi") save => _,
            inlateout("rsi") next => _,
            out("r12") _,
            out("r13") _,
            out("r14") _,
            out("r15") _,
            clobber_abi("C"),
        );
    }
}

/// As [`switch`], but the running stack is left for good but for what lies from `keep` on: it goes on there, at `resume`. The other
/// stack's pointer is stored `OFFSET` behind `next`. Arrives with ZF set if `NOTHING_TO_HIDE` of the vector registers: `next` is of
/// the same space, and no other code of the kernel's has run since user code was left.
///
/// # Safety
/// As [`switch`]; the word below `keep` is free, and `resume` needs nothing but a stack pointer of `keep`.
#[inline(always)]
pub(crate) unsafe fn switch_and_resume_at<const OFFSET: usize, const NOTHING_TO_HIDE: bool>(
    save: *mut u64,
    keep: *mut u64,
    resume: *const u8,
    next: *const u8,
) -> ! {
    // SAFETY: by the caller's promise.
    unsafe {
        let kept = keep.sub(1);
        kept.write(resume.expose_provenance() as u64);
        save.write(kept.expose_provenance() as u64);
        if NOTHING_TO_HIDE {
            asm!("mov rsp, [{} + {}]", "cmp eax, eax", "ret", in(reg) next, const OFFSET, options(noreturn));
        } else {
            asm!("mov rsp, [{} + {}]", "test rsp, rsp", "ret", in(reg) next, const OFFSET, options(noreturn));
        }
    }
}

/// Prepares the free stack that ends at `top` so that the first [`switch`] to it calls `start`; the stack pointer to store.
///
/// # Safety
/// The stack is mapped, at least 128 bytes of it, and nobody's.
pub(crate) unsafe fn prepare(top: VirtAddr, start: extern "C" fn() -> !) -> u64 {
    // From the top: a zero where `start`'s return address would be (it ends backtraces and leaves the stack as the ABI
    // wants it at a function's first instruction), and the address that `ret` takes.
    let words = [start as *const () as u64, 0];
    let pointer = top - size_of_val(&words) as u64;
    // SAFETY: by the caller's promise.
    unsafe { pointer.as_mut_ptr::<[u64; 2]>().write(words) };
    pointer.as_u64()
}
