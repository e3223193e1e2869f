//! Where a program begins and how it ends.
//!
//! The kernel enters at `_start` with the argument word in `rdi` and the stack's top in `rsp`, all else zero. The program's
//! own function is found by name, so that this library, not each program, holds the entry point.

use anax_abi::Error;

/// Status of a thread that a panic ended.
pub const PANIC_STATUS: u64 = 1 << 33;

/// What a program's main function may return.
pub trait Status {
    /// As the status that the thread exits with; 0 is success.
    fn status(self) -> u64;
}

impl Status for u64 {
    fn status(self) -> u64 {
        self
    }
}

impl Status for () {
    fn status(self) -> u64 {
        0
    }
}

/// An error's status is its code, a negative number in two's complement.
impl<T: Status> Status for Result<T, Error> {
    fn status(self) -> u64 {
        self.map_or_else(|error| error.code().cast_unsigned(), T::status)
    }
}

/// Makes a function the program's: `anax_sys::main!(main)`, where `fn main(argument: u64)` returns a [`Status`].
#[macro_export]
macro_rules! main {
    ($function:path) => {
        #[unsafe(no_mangle)]
        extern "C" fn anax_main(argument: u64) -> u64 {
            $crate::Status::status($function(argument))
        }
    };
}

#[cfg(anax)]
mod ring3 {
    use core::arch::naked_asm;

    use crate::frames;
    use crate::object::Thread;

    // SAFETY: `main!` defines it with this signature; a program without it does not link.
    unsafe extern "C" {
        safe fn anax_main(argument: u64) -> u64;
    }

    /// Entered by the kernel. A frame pointer of zero ends backtraces.
    #[unsafe(no_mangle)]
    #[unsafe(naked)]
    extern "C" fn _start() -> ! {
        naked_asm!("xor ebp, ebp", "and rsp, -16", "mov rsi, rsp", "call {}", "ud2", sym start)
    }

    extern "C" fn start(argument: u64, stack_top: u64) -> ! {
        frames::first_stack_ends_at(stack_top);
        Thread::exit(anax_main(argument))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses() {
        assert_eq!(7u64.status(), 7);
        assert_eq!(().status(), 0);
        assert_eq!(Ok::<_, Error>(()).status(), 0);
        assert_eq!(Err::<u64, _>(Error::PeerDied).status(), (-14i64).cast_unsigned());
    }

    #[test]
    fn a_panic_is_neither_an_error_nor_a_fault() {
        assert!(PANIC_STATUS.cast_signed() > 0);
        assert_eq!(PANIC_STATUS & (anax_abi::object::FAULT_STATUS | 0xff), 0);
    }
}
