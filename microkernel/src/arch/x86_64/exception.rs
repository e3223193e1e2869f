//! The processor's exceptions, and what is reported of one.

use core::fmt;

use anax_abi::fault::Meaning;

use super::frame::TrapFrame;

/// Vectors below this are exceptions of the processor.
pub(crate) const EXCEPTIONS: u64 = 32;
pub(crate) use anax_abi::fault::PAGE_FAULT;
/// Non-maskable interrupt.
pub(crate) const NMI: u64 = 2;
/// Double fault.
pub(crate) const DOUBLE_FAULT: u64 = 8;

/// What a fault means in words.
pub(crate) fn meaning(frame: &TrapFrame, address: u64) -> Meaning {
    let is_guard = crate::mm::stack::is_guard(address) || super::boot::is_stack_guard(address);
    Meaning { vector: frame.vector, error: frame.error, address, is_guard }
}

impl fmt::Display for TrapFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, .. } = self;
        let Self { r8, r9, r10, r11, r12, r13, r14, r15, .. } = self;
        let Self { rip, rflags, cs, ss, .. } = self;
        writeln!(
            f,
            "  rip {rip:016x}  rsp {rsp:016x}  rbp {rbp:016x}  flags {rflags:08x}  cs {cs:02x}  ss {ss:02x}"
        )?;
        writeln!(f, "  rax {rax:016x}  rbx {rbx:016x}  rcx {rcx:016x}  rdx {rdx:016x}")?;
        writeln!(f, "  rsi {rsi:016x}  rdi {rdi:016x}  r8  {r8:016x}  r9  {r9:016x}")?;
        writeln!(f, "  r10 {r10:016x}  r11 {r11:016x}  r12 {r12:016x}  r13 {r13:016x}")?;
        write!(f, "  r14 {r14:016x}  r15 {r15:016x}")
    }
}
