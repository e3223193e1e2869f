//! Copies and sums of memory that others may write meanwhile, by the processor's own instructions.
//!
//! For the compiler such an instruction is a black box that reads or writes those bytes, each once, at any size: what a peer writes at the same time makes a
//! mixture, as with relaxed atomics, and nothing beside the bytes is touched. Word by word through atomics the same takes some 15 instructions for 8 bytes, since
//! the compiler may not join them; here 128 bytes take 20.
#![expect(unsafe_code, reason = "instructions that the language has no name for")]

use core::arch::asm;

/// Copies `count` bytes.
///
/// # Safety
/// All `count` bytes from `from` on can be read and all from `to` on be written, and what of them is shared is accessed by others as such only. The two do not overlap
/// but where any mixture will do.
#[inline]
pub(crate) unsafe fn copy(from: *const u8, to: *mut u8, count: usize) {
    // SAFETY: only the caller's bytes are accessed: in runs of 128 while there are as many, then one of each smaller power of two
    // that the count has: what is left after the last subtraction has the same low bits.
    unsafe {
        asm!(
            "sub {n}, 128",
            "jb 20f",
            "2:",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            "movups {a}, [{from} + 64]",
            "movups {b}, [{from} + 80]",
            "movups {c}, [{from} + 96]",
            "movups {d}, [{from} + 112]",
            "movups [{to} + 64], {a}",
            "movups [{to} + 80], {b}",
            "movups [{to} + 96], {c}",
            "movups [{to} + 112], {d}",
            "sub {from}, -128",
            "sub {to}, -128",
            "sub {n}, 128",
            "jae 2b",
            "20:",
            "test {n:l}, 64",
            "jz 3f",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups {c}, [{from} + 32]",
            "movups {d}, [{from} + 48]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "movups [{to} + 32], {c}",
            "movups [{to} + 48], {d}",
            "add {from}, 64",
            "add {to}, 64",
            "3:",
            "test {n:l}, 32",
            "jz 4f",
            "movups {a}, [{from}]",
            "movups {b}, [{from} + 16]",
            "movups [{to}], {a}",
            "movups [{to} + 16], {b}",
            "add {from}, 32",
            "add {to}, 32",
            "4:",
            "test {n:l}, 16",
            "jz 5f",
            "movups {a}, [{from}]",
            "movups [{to}], {a}",
            "add {from}, 16",
            "add {to}, 16",
            "5:",
            "test {n:l}, 8",
            "jz 6f",
            "mov {w}, [{from}]",
            "mov [{to}], {w}",
            "add {from}, 8",
            "add {to}, 8",
            "6:",
            "test {n:l}, 7",
            "jz 9f",
            "test {n:l}, 4",
            "jz 7f",
            "mov {w:e}, [{from}]",
            "mov [{to}], {w:e}",
            "add {from}, 4",
            "add {to}, 4",
            "7:",
            "test {n:l}, 2",
            "jz 8f",
            "movzx {w:e}, word ptr [{from}]",
            "mov [{to}], {w:x}",
            "add {from}, 2",
            "add {to}, 2",
            "8:",
            "test {n:l}, 1",
            "jz 9f",
            "movzx {w:e}, byte ptr [{from}]",
            "mov [{to}], {w:l}",
            "9:",
            from = inout(reg) from => _,
            to = inout(reg) to => _,
            n = inout(reg) count => _,
            w = out(reg) _,
            a = out(xmm_reg) _,
            b = out(xmm_reg) _,
            c = out(xmm_reg) _,
            d = out(xmm_reg) _,
            options(nostack),
        );
    }
}

/// Adds the 64-bit words of `blocks` times 64 bytes to a sum in ones' complement (RFC 1071), as the machine reads them.
///
/// # Safety
/// All those bytes can be read.
#[inline]
pub(crate) unsafe fn sum(from: *const u8, blocks: usize, mut sum: u64) -> u64 {
    if blocks > 0 {
        // SAFETY: only the caller's bytes are read. Neither `lea` nor `dec` changes the carry.
        unsafe {
            asm!(
                "xor {zero:e}, {zero:e}",
                "2:",
                "adc {sum}, [{from}]",
                "adc {sum}, [{from} + 8]",
                "adc {sum}, [{from} + 16]",
                "adc {sum}, [{from} + 24]",
                "adc {sum}, [{from} + 32]",
                "adc {sum}, [{from} + 40]",
                "adc {sum}, [{from} + 48]",
                "adc {sum}, [{from} + 56]",
                "lea {from}, [{from} + 64]",
                "dec {n}",
                "jnz 2b",
                "adc {sum}, {zero}",
                // The carry may carry once more.
                "adc {sum}, {zero}",
                from = inout(reg) from => _,
                n = inout(reg) blocks => _,
                sum = inout(reg) sum,
                zero = out(reg) _,
                options(nostack, readonly),
            );
        }
    }
    sum
}
