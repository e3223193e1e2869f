//! Scripts: lists of system calls, registers in and registers out, that an attacker works off.
//!
//! The supervisor writes them into a block of memory that both spaces have mapped, and reads there what came of each. What does the
//! calls is a few instructions that run at any address and need no stack.

use core::arch::global_asm;
use core::ptr;

use anax_abi::Operation;
use anax_abi::object::{THIS_THREAD, ThreadCommand};
use anax_sys::WORDS;

global_asm!(
    ".pushsection .rodata",
    ".global hostile_script_start",
    "hostile_script_start:",
    "mov rbx, rdi",
    "lea rbp, [rbx + 64]",
    // Until all steps are done.
    "20:",
    "mov rax, [rbx + 8]",
    "cmp rax, [rbx]",
    "jae 29f",
    // What an earlier step has found out goes into this one.
    "mov rcx, [rbp + 176]",
    "test rcx, rcx",
    "jz 22f",
    "mov rax, [rbx + rcx]",
    "mov rdx, [rbp + 184]",
    "mov [rbp + rdx], rax",
    "22:",
    "mov rcx, [rbp + 192]",
    "test rcx, rcx",
    "jz 23f",
    "mov rax, [rbx + rcx]",
    "mov rdx, [rbp + 200]",
    "mov [rbp + rdx], rax",
    "23:",
    "mov rax, [rbp]",
    "mov rdi, [rbp + 8]",
    "mov rsi, [rbp + 16]",
    "mov rdx, [rbp + 24]",
    "mov r10, [rbp + 32]",
    "mov r8, [rbp + 40]",
    "mov r9, [rbp + 48]",
    "mov r12, [rbp + 56]",
    "mov r13, [rbp + 64]",
    "mov r14, [rbp + 72]",
    "mov r15, [rbp + 80]",
    "syscall",
    "mov [rbp + 88], rax",
    "mov [rbp + 96], rdi",
    "mov [rbp + 104], rsi",
    "mov [rbp + 112], rdx",
    "mov [rbp + 120], r10",
    "mov [rbp + 128], r8",
    "mov [rbp + 136], r9",
    "mov [rbp + 144], r12",
    "mov [rbp + 152], r13",
    "mov [rbp + 160], r14",
    "mov [rbp + 168], r15",
    // Repeated until it fails, so often at most.
    "test rax, rax",
    "js 24f",
    "inc qword ptr [rbp + 208]",
    "dec qword ptr [rbp + 216]",
    "jg 23b",
    "24:",
    "inc qword ptr [rbx + 8]",
    "add rbp, 256",
    "jmp 20b",
    "29:",
    "mov rax, [rbx + 24]",
    "mov rdi, -1",
    "mov rsi, [rbx + 16]",
    "syscall",
    "ud2",
    ".global hostile_script_end",
    "hostile_script_end:",
    ".popsection",
);

unsafe extern "C" {
    static hostile_script_start: u8;
    static hostile_script_end: u8;
}

/// The instructions.
pub(crate) fn code() -> &'static [u8] {
    // SAFETY: both labels are in one section, in this order, with constant bytes between them.
    unsafe {
        let (start, end) = (&raw const hostile_script_start, &raw const hostile_script_end);
        core::slice::from_raw_parts(start, end.offset_from_unsigned(start))
    }
}

/// Bytes of a block, and of a step in it.
pub(crate) const BLOCK: u64 = 8192;
const STEP: u64 = 256;
const HEAD: u64 = 64;
/// Steps that fit.
pub(crate) const STEPS: usize = 31;
/// Status of a script that came to its end.
pub(crate) const DONE: u64 = 0x5c;

/// One system call.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// `rax rdi rsi rdx r10 r8 r9 r12 r13 r14 r15`
    pub(crate) registers: [u64; 11],
    /// Where two values come from (an offset in the block, 0 for none) and where in the step they go.
    links: [(u64, u64); 2],
    repeat: u64,
}

impl Step {
    /// An operation with everything.
    pub(crate) const fn new(operation: Operation, command: u32, handle: u64, words: [u64; WORDS]) -> Self {
        let rax = operation as u64 | (command as u64) << 32;
        let [a, b, c, d, e] = words;
        Self { registers: [rax, handle, a, b, c, d, e, 0, 0, 0, 0], links: [(0, 0); 2], repeat: 1 }
    }

    /// `domsg`.
    pub(crate) const fn call(handle: u64, command: u32, words: [u64; WORDS]) -> Self {
        Self::new(Operation::Call, command, handle, words)
    }

    /// `rax` as it is.
    pub(crate) const fn odd(rax: u64, handle: u64, words: [u64; WORDS]) -> Self {
        let mut step = Self::call(handle, 0, words);
        step.registers[0] = rax;
        step
    }

    /// With `r12`, `r13`, `r14`, `r15`.
    pub(crate) const fn with(mut self, r12: u64, r13: u64, r14: u64, r15: u64) -> Self {
        (self.registers[7], self.registers[8]) = (r12, r13);
        (self.registers[9], self.registers[10]) = (r14, r15);
        self
    }

    /// Register `to` (by its place) from what step `step` had in register `from` afterwards.
    pub(crate) const fn link(mut self, step: usize, from: usize, to: usize) -> Self {
        let place = if self.links[0].0 == 0 { 0 } else { 1 };
        self.links[place] = (HEAD + step as u64 * STEP + 88 + from as u64 * 8, to as u64 * 8);
        self
    }

    /// So often, or until it fails.
    pub(crate) const fn repeat(mut self, times: u64) -> Self {
        self.repeat = times;
        self
    }
}

/// A script's block as the supervisor sees it.
#[derive(Clone, Copy)]
pub(crate) struct Block(pub(crate) u64);

impl Block {
    fn word(self, offset: u64) -> *mut u64 {
        ptr::with_exposed_provenance_mut((self.0 + offset) as usize)
    }

    fn set(self, offset: u64, value: u64) {
        // SAFETY: in the block, which is mapped, aligned, and nobody's but the scripts'.
        unsafe { self.word(offset).write_volatile(value) }
    }

    fn get(self, offset: u64) -> u64 {
        // SAFETY: as above.
        unsafe { self.word(offset).read_volatile() }
    }

    /// Writes words at an offset.
    pub(crate) fn put(self, offset: u64, words: &[u64]) {
        for (place, word) in (0..).zip(words) {
            self.set(offset + place * 8, *word);
        }
    }

    /// Writes a script.
    pub(crate) fn write(self, steps: &[Step]) {
        assert!(steps.len() <= STEPS);
        self.set(0, steps.len() as u64);
        self.set(8, 0);
        self.set(16, DONE);
        self.set(24, Operation::Call as u64 | (ThreadCommand::Exit as u64) << 32);
        let _ = THIS_THREAD;
        for (index, step) in steps.iter().enumerate() {
            let at = HEAD + index as u64 * STEP;
            for (place, value) in step.registers.iter().enumerate() {
                self.set(at + place as u64 * 8, *value);
                self.set(at + 88 + place as u64 * 8, 0);
            }
            for (place, (from, to)) in step.links.iter().enumerate() {
                self.set(at + 176 + place as u64 * 16, *from);
                self.set(at + 184 + place as u64 * 16, *to);
            }
            self.set(at + 208, 0);
            self.set(at + 216, step.repeat);
        }
    }

    /// What register `place` was after step `step`.
    pub(crate) fn out(self, step: usize, place: usize) -> u64 {
        self.get(HEAD + step as u64 * STEP + 88 + place as u64 * 8)
    }

    /// The result of a step.
    pub(crate) fn result(self, step: usize) -> i64 {
        self.out(step, 0).cast_signed()
    }

    /// How often it went well.
    pub(crate) fn successes(self, step: usize) -> u64 {
        self.get(HEAD + step as u64 * STEP + 208)
    }
}
