//! The two symbols that the precompiled `core` refers to and a program, which ends on panic, never reaches.

/// Named by the unwind tables of `core`, which the linker script throws away.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// Called by landing pads, which only unwinding would enter.
#[unsafe(no_mangle)]
extern "C" fn _Unwind_Resume() -> ! {
    unreachable!("nothing unwinds")
}
