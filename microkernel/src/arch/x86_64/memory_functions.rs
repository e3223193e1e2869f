//! `memcpy` and its family, which the compiler calls by name and no C library supplies here.
//!
//! Naked functions, because a Rust loop that copies bytes is recognised by the compiler and turned into a call to
//! `memcpy`: itself. Short blocks go by words, longer ones by 16-byte vectors, and large ones by `rep movsb` where
//! the processor says that it is fast (ERMS); emulators execute that one byte by byte, so it is never used blindly.

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU8, Ordering};

/// 1 where `rep movsb` is fast. Read by the assembly below.
static FAST_STRINGS: AtomicU8 = AtomicU8::new(0);

/// Says that the processor has fast string operations (CPUID leaf 7, EBX bit 9).
pub(crate) fn use_fast_strings() {
    FAST_STRINGS.store(1, Ordering::Relaxed);
}

/// Copies `n` bytes from `source` to `destination`, which do not overlap; returns `destination`.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.2.1)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcpy(destination: *mut u8, source: *const u8, n: usize) -> *mut u8 {
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
        "2: test rdx, rdx",
        "jz 9f",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "test dl, 2",
        "jz 9f",
        "movzx ecx, word ptr [rsi + rdx - 2]",
        "mov [rdi + rdx - 2], cx",
        "9: ret",
        "3: cmp rdx, 2048",
        "jae 6f",
        // The last 16 bytes first, then whole vectors from the start: every byte is read before it could be written
        // only for ranges that do not overlap, as memcpy's are.
        "4: movups xmm0, [rsi + rdx - 16]",
        "lea r8, [rdi + rdx - 16]",
        "5: movups xmm1, [rsi]",
        "movups [rdi], xmm1",
        "add rsi, 16",
        "add rdi, 16",
        "cmp rdi, r8",
        "jb 5b",
        "movups [r8], xmm0",
        "ret",
        "6: cmp byte ptr [rip + {fast}], 0",
        "je 4b",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
        fast = sym FAST_STRINGS,
    )
}

/// Copies `n` bytes between ranges that may overlap; returns `destination`.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.2.2)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memmove(destination: *mut u8, source: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "mov rcx, rdi",
        "sub rcx, rsi", // forwards unless the destination starts inside the source
        "cmp rcx, rdx",
        "jae 4f",
        // Backwards, a word at a time.
        "1: cmp rdx, 8",
        "jb 2f",
        "mov rcx, [rsi + rdx - 8]",
        "mov [rdi + rdx - 8], rcx",
        "sub rdx, 8",
        "jmp 1b",
        "2: test rdx, rdx",
        "jz 3f",
        "movzx ecx, byte ptr [rsi + rdx - 1]",
        "mov [rdi + rdx - 1], cl",
        "dec rdx",
        "jmp 2b",
        "3: ret",
        // Forwards: a word at a time.
        "4: cmp rdx, 8",
        "jb 5f",
        "mov rcx, [rsi]",
        "mov [rdi], rcx",
        "add rsi, 8",
        "add rdi, 8",
        "sub rdx, 8",
        "jmp 4b",
        "5: test rdx, rdx",
        "jz 6f",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "inc rsi",
        "inc rdi",
        "dec rdx",
        "jmp 5b",
        "6: ret",
    )
}

/// Fills `n` bytes with the low byte of `value`; returns `destination`.
///
/// # Safety
/// The range is valid for `n` bytes. (C17, 7.24.6.1)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memset(destination: *mut u8, value: i32, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "movzx ecx, sil",
        "movabs r8, 0x0101010101010101",
        "imul rcx, r8",
        "cmp rdx, 16",
        "jb 2f",
        "movq xmm0, rcx",
        "punpcklqdq xmm0, xmm0",
        "lea r8, [rdi + rdx - 16]",
        "1: movups [rdi], xmm0",
        "add rdi, 16",
        "cmp rdi, r8",
        "jb 1b",
        "movups [r8], xmm0",
        "ret",
        "2: cmp rdx, 8",
        "jb 3f",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], rcx",
        "ret",
        "3: test rdx, rdx",
        "jz 4f",
        "mov [rdi], cl",
        "inc rdi",
        "dec rdx",
        "jmp 3b",
        "4: ret",
    )
}

/// Compares `n` bytes; the sign of the first difference.
///
/// # Safety
/// Both ranges are valid for `n` bytes. (C17, 7.24.4.1)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, n: usize) -> i32 {
    naked_asm!(
        "1: cmp rdx, 8",
        "jb 2f",
        "mov rax, [rdi]",
        "mov rcx, [rsi]",
        "cmp rax, rcx",
        "jne 4f",
        "add rdi, 8",
        "add rsi, 8",
        "sub rdx, 8",
        "jmp 1b",
        "2: test rdx, rdx",
        "jz 3f",
        "movzx eax, byte ptr [rdi]",
        "movzx ecx, byte ptr [rsi]",
        "sub eax, ecx",
        "jne 5f",
        "inc rdi",
        "inc rsi",
        "dec rdx",
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
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, n: usize) -> i32 {
    naked_asm!("jmp {}", sym memcmp)
}

/// Length of a zero-terminated string.
///
/// # Safety
/// `string` points to a zero-terminated string. (C17, 7.24.6.3)
#[unsafe(no_mangle)]
#[unsafe(naked)]
unsafe extern "C" fn strlen(string: *const u8) -> usize {
    naked_asm!("xor eax, eax", "1: cmp byte ptr [rdi + rax], 0", "je 2f", "inc rax", "jmp 1b", "2: ret")
}
