//! Leaving one stack for another: the only assembly.
//!
//! What a function of the C convention has to keep (System V ABI, AMD64 supplement, 3.2.1 and 3.2.3) is pushed on the stack that is
//! left: the six registers, and the control words of SSE and x87. Everything else is the compiler's to save around the call.

use core::arch::naked_asm;
use core::ptr;

/// Where a thread that does not run has left its registers: its stack pointer. Null for one that has never run.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub(crate) struct Context(*mut u8);

impl Context {
    /// Nowhere to go on.
    pub(crate) const NONE: Self = Self(ptr::null_mut());
}

/// What a new thread is entered by: the two values that [`prepare`] was given.
pub(crate) type Begin = extern "C" fn(*const (), *mut u8) -> !;

/// The control words that a thread begins with: all exceptions masked, round to nearest. (MXCSR in the lower half, the x87 control
/// word above it.)
const CONTROL_WORDS: usize = 0x037f_0000_1f80;

/// Stores the running thread's context in `save` and goes on where `next` was left. Returns when somebody switches to what was saved.
///
/// # Safety
/// `next` was saved by this function, or made by [`prepare`], and has not been used since; its stack is as it was left. `save` is valid for
/// writing. Both stacks are of the same kernel thread.
#[unsafe(naked)]
pub(crate) unsafe extern "C" fn switch(save: *mut Context, next: Context) {
    naked_asm!(
        "push rbp",
        "push rbx",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "sub rsp, 8",
        "stmxcsr [rsp]",
        "fnstcw [rsp + 4]",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "ldmxcsr [rsp]",
        "fldcw [rsp + 4]",
        "add rsp, 8",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbx",
        "pop rbp",
        "ret",
    )
}

/// Where the first switch to a stack arrives: the registers are those of [`prepare`], and the stack is as after a call.
#[unsafe(naked)]
extern "C" fn enter() -> ! {
    naked_asm!("mov rdi, rbx", "mov rsi, r12", "jmp r13")
}

/// Writes the context of a thread that begins with `begin(first, second)` below `top`.
///
/// # Safety
/// `top` is a multiple of 16, and the 128 bytes below it are memory that is free to be written.
pub(crate) unsafe fn prepare(top: *mut u8, begin: Begin, first: *const (), second: *mut u8) -> Context {
    // In the order of the pops in `switch`; last a zero where the return address of `begin` would be: it ends backtraces.
    let frame: [usize; 9] = [
        CONTROL_WORDS,
        0,
        0,
        begin as usize,
        second.expose_provenance(),
        first.expose_provenance(),
        0,
        enter as *const () as usize,
        0,
    ];
    // SAFETY: by contract; 72 bytes below a multiple of 16 are aligned to 8.
    unsafe {
        let bottom = top.sub(size_of_val(&frame));
        bottom.cast::<[usize; 9]>().write(frame);
        Context(bottom)
    }
}
