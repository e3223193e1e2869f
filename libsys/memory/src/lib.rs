//! `memcpy` and its family, which the compiler calls by name and no C library supplies here.
//!
//! Naked functions, because a Rust loop that copies bytes is recognised by the compiler and turned into a call to
//! `memcpy`: itself. Up to 64 bytes, a message's worth, go in straight lines; from 256 on by `rep movsq`, which is fast on every
//! processor and one count for eight bytes where instructions are counted (`rep movsb` is one count a byte in emulators; it is used
//! only by who has called [`use_fast_strings`]). Every straight line loads all before it stores, and the forward loops read
//! ahead of what they write, so that `memmove` is `memcpy` but for one direction.
//!
//! Kernel and programs link the same. The functions bear their names only there, where nothing else does: with the feature `bare`,
//! which the kernel switches on, or with `cfg(anax)`, which the build tool sets for programs. Tests on the host have a C library.
#![no_std]

#[cfg(test)]
extern crate std;

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU8, Ordering};

/// 1 where `rep movsb` is fast. Read by the assembly below.
static FAST_STRINGS: AtomicU8 = AtomicU8::new(0);

/// Says that the processor has fast string operations (CPUID leaf 7, EBX bit 9: ERMS): large copies go by `rep movsb` from now on.
pub fn use_fast_strings() {
    FAST_STRINGS.store(1, Ordering::Relaxed);
}

/// Copies `n` bytes from `source` to `destination`; returns `destination`. They may overlap if `destination` is lower.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.2.1)
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcpy(destination: *mut u8, source: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jae 3f",
        "test dl, 8",
        "jz 1f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "1: test dl, 4",
        "jz 2f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "2: test edx, edx",
        "jz 9f",
        // First, middle and last of 1 to 3 bytes.
        "mov r8d, edx",
        "shr r8d, 1",
        "movzx ecx, byte ptr [rsi]",
        "movzx r9d, byte ptr [rsi + r8]",
        "movzx r10d, byte ptr [rsi + rdx - 1]",
        "mov [rdi], cl",
        "mov [rdi + r8], r9b",
        "mov [rdi + rdx - 1], r10b",
        "9: ret",
        "3: movups xmm0, [rsi]",
        "movups xmm3, [rsi + rdx - 16]",
        "cmp rdx, 32",
        "ja 4f",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm3",
        "ret",
        "4: movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + rdx - 32]",
        "cmp rdx, 64",
        "ja 5f",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + rdx - 32], xmm2",
        "movups [rdi + rdx - 16], xmm3",
        "ret",
        // More: the last 32 bytes are held in registers, the rest goes from the start.
        "5: lea r8, [rdi + rdx - 32]",
        "cmp rdx, 256",
        "jae 7f",
        "6: movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "add rsi, 32",
        "add rdi, 32",
        "cmp rdi, r8",
        "jb 6b",
        "8: movups [r8], xmm2",
        "movups [r8 + 16], xmm3",
        "ret",
        "7: cmp rdx, 2048",
        "jb 2f",
        "cmp byte ptr [rip + {fast}], 0",
        "je 2f",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        "2: lea rcx, [rdx - 25]",
        "shr rcx, 3", // words until at most 32 bytes are left
        "rep movsq",
        "jmp 8b",
        fast = sym FAST_STRINGS,
    )
}

/// Copies `n` bytes between ranges that may overlap; returns `destination`.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.2.2)
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memmove(destination: *mut u8, source: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rcx, rdi",
        "sub rcx, rsi", // forwards unless the destination starts inside the source
        "cmp rcx, rdx",
        "jae {memcpy}",
        "cmp rdx, 64",
        "jbe {memcpy}",
        // From the end, with the first 32 bytes held in registers.
        "mov rax, rdi",
        "movups xmm2, [rsi]",
        "movups xmm3, [rsi + 16]",
        "lea r8, [rdi + 32]",
        "add rdi, rdx",
        "add rsi, rdx",
        "1: movups xmm0, [rsi - 16]",
        "movups xmm1, [rsi - 32]",
        "movups [rdi - 16], xmm0",
        "movups [rdi - 32], xmm1",
        "sub rsi, 32",
        "sub rdi, 32",
        "cmp rdi, r8",
        "ja 1b",
        "movups [rax], xmm2",
        "movups [rax + 16], xmm3",
        "ret",
        memcpy = sym memcpy,
    )
}

/// Fills `n` bytes with the low byte of `value`; returns `destination`.
///
/// # Safety
/// The range is valid for `n` bytes. (C17, 7.24.6.1)
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memset(destination: *mut u8, value: i32, n: usize) -> *mut u8 {
    naked_asm!(
        "movzx esi, sil",
        "movabs rax, 0x0101010101010101",
        "imul rsi, rax",
        "mov rax, rdi",
        "cmp rdx, 16",
        "jae 3f",
        "test dl, 8",
        "jz 1f",
        "mov [rdi], rsi",
        "mov [rdi + rdx - 8], rsi",
        "ret",
        "1: test dl, 4",
        "jz 2f",
        "mov [rdi], esi",
        "mov [rdi + rdx - 4], esi",
        "ret",
        "2: test edx, edx",
        "jz 9f",
        "mov r8d, edx",
        "shr r8d, 1",
        "mov [rdi], sil",
        "mov [rdi + r8], sil",
        "mov [rdi + rdx - 1], sil",
        "9: ret",
        "3: movq xmm0, rsi",
        "punpcklqdq xmm0, xmm0",
        "movups [rdi], xmm0",
        "lea r8, [rdi + rdx - 16]",
        "cmp rdx, 256",
        "jae 6f",
        // From the second vector on, and the last, which overlaps.
        "5: add rdi, 16",
        "cmp rdi, r8",
        "jae 7f",
        "movups [rdi], xmm0",
        "jmp 5b",
        "6: mov r9, rax",
        "mov rax, rsi",
        "mov rcx, rdx",
        "shr rcx, 3",
        "rep stosq",
        "mov rax, r9",
        "7: movups [r8], xmm0",
        "ret",
    )
}

/// Compares `n` bytes; the sign of the first difference.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.4.1)
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, n: usize) -> i32 {
    naked_asm!(
        "cmp rdx, 8",
        "jb 2f",
        "sub rdx, 8", // where the last word starts, which may overlap the one before
        "xor r8d, r8d",
        "1: mov rax, [rdi + r8]",
        "mov rcx, [rsi + r8]",
        "cmp rax, rcx",
        "jne 4f",
        "add r8, 8",
        "cmp r8, rdx",
        "jb 1b",
        "mov rax, [rdi + rdx]",
        "mov rcx, [rsi + rdx]",
        "cmp rax, rcx",
        "jne 4f",
        "xor eax, eax",
        "ret",
        "2: test edx, edx",
        "jz 3f",
        "movzx eax, byte ptr [rdi]",
        "movzx ecx, byte ptr [rsi]",
        "sub eax, ecx",
        "jne 5f",
        "inc rdi",
        "inc rsi",
        "dec edx",
        "jmp 2b",
        "3: xor eax, eax",
        "ret",
        "4: bswap rax",
        "bswap rcx",
        "cmp rax, rcx",
        "sbb eax, eax",
        "or eax, 1",
        "5: ret",
    )
}

/// Like [`memcmp`], of which only zero or not is asked.
///
/// # Safety
/// As [`memcmp`].
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, n: usize) -> i32 {
    naked_asm!("jmp {}", sym memcmp)
}

/// Length of a zero-terminated string.
///
/// # Safety
/// `string` points to a zero-terminated string. (C17, 7.24.6.3)
#[cfg_attr(any(anax, feature = "bare"), unsafe(no_mangle))]
#[unsafe(naked)]
pub unsafe extern "C" fn strlen(string: *const u8) -> usize {
    naked_asm!("xor eax, eax", "1: cmp byte ptr [rdi + rax], 0", "je 2f", "inc rax", "jmp 1b", "2: ret")
}

#[cfg(test)]
mod tests;
