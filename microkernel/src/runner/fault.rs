//! Faults to order: the reports that the kernel gives of its own end are features, so they are tested.

use core::arch::asm;
use core::fmt::Write;

use anax_control::Stream;

use super::{Out, Sink};
use crate::mm::{frames, layout};

const KINDS: &[(&str, fn())] = &[
    ("divide", divide),
    ("double-free", double_free),
    ("execute-data", execute_data),
    ("general-protection", general_protection),
    ("invalid-opcode", invalid_opcode),
    ("read-null", read_null),
    ("stack-overflow", stack_overflow),
    ("write-text", write_text),
];

/// `fault KIND`.
pub(super) fn run(words: &[&str], sink: &mut Sink) -> u8 {
    let kind = KINDS.iter().find(|(name, _)| words.get(1) == Some(name));
    let Some((_, provoke)) = kind else {
        let mut out = Out(sink, Stream::Err);
        let _ = write!(out, "fault: which?");
        for (name, _) in KINDS {
            let _ = write!(out, " {name}");
        }
        let _ = writeln!(out);
        return 2;
    };
    provoke();
    let _ = writeln!(Out(sink, Stream::Err), "fault: nothing happened");
    1
}

#[inline(never)]
fn divide() {
    // SAFETY: faults, which is the purpose.
    unsafe { asm!("xor ecx, ecx", "div ecx", out("rax") _, out("rcx") _, out("rdx") _) };
}

#[inline(never)]
fn invalid_opcode() {
    // SAFETY: faults, which is the purpose.
    unsafe { asm!("ud2") };
}

#[inline(never)]
fn read_null() {
    // SAFETY: faults, which is the purpose.
    unsafe { asm!("mov rax, [0]", out("rax") _) };
}

#[inline(never)]
fn general_protection() {
    // SAFETY: a non-canonical address: faults, which is the purpose.
    unsafe { asm!("mov rax, [{}]", in(reg) 0x8000_0000_0000_0000u64, out("rax") _) };
}

#[inline(never)]
fn write_text() {
    // SAFETY: faults, which is the purpose: text is not writable.
    unsafe { asm!("mov byte ptr [{}], 0", in(reg) layout::text().start.as_u64()) };
}

#[inline(never)]
fn execute_data() {
    // SAFETY: faults, which is the purpose: data is not executable.
    unsafe { asm!("call {}", in(reg) layout::data().start.as_u64(), clobber_abi("sysv64")) };
}

/// Pushes until the guard page is hit. The fault is taken on the interrupt stack, so it can be told.
#[inline(never)]
fn stack_overflow() {
    // SAFETY: only what lies below the stack pointer is overwritten, down to the guard page, whose fault is the purpose.
    unsafe { asm!("2: push 0", "jmp 2b", options(noreturn)) };
}

#[inline(never)]
fn double_free() {
    let frame = frames::take().expect("a free frame");
    // SAFETY: the first is right; the second is the mistake that must be found before any harm.
    unsafe {
        frames::give(frame);
        frames::give(frame);
    }
}
