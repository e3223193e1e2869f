//! The processor's exceptions by name and meaning, for whoever reads a fault report (Intel SDM volume 3A, table 6-1).

use core::fmt;

use super::frame::TrapFrame;

/// Vectors below this are exceptions of the processor.
pub(crate) const EXCEPTIONS: u64 = 32;
/// Page fault.
pub(crate) const PAGE_FAULT: u64 = 14;
/// Non-maskable interrupt.
pub(crate) const NMI: u64 = 2;
/// Double fault.
pub(crate) const DOUBLE_FAULT: u64 = 8;

/// What vector `vector` is called.
pub(crate) fn name(vector: u64) -> &'static str {
    match vector {
        0 => "division error (#DE)",
        1 => "debug exception (#DB)",
        2 => "non-maskable interrupt",
        3 => "breakpoint (#BP)",
        4 => "overflow (#OF)",
        5 => "bound range exceeded (#BR)",
        6 => "invalid instruction (#UD)",
        7 => "no floating-point unit (#NM)",
        8 => "double fault (#DF)",
        10 => "invalid task state (#TS)",
        11 => "segment not present (#NP)",
        12 => "stack segment fault (#SS)",
        13 => "general protection fault (#GP)",
        14 => "page fault (#PF)",
        16 => "floating-point error (#MF)",
        17 => "misaligned access (#AC)",
        18 => "machine check (#MC)",
        19 => "vector floating-point error (#XM)",
        20 => "virtualisation exception (#VE)",
        21 => "control protection exception (#CP)",
        _ => "reserved exception",
    }
}

/// The meaning of a fault in words: for a page fault, who wanted what where and why it was refused.
pub(crate) struct Meaning<'a> {
    /// The fault.
    pub(crate) frame: &'a TrapFrame,
    /// CR2 at the time.
    pub(crate) address: u64,
}

impl fmt::Display for Meaning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", name(self.frame.vector))?;
        if self.frame.vector != PAGE_FAULT {
            if self.frame.error != 0 {
                write!(f, ", error code {:#x}", self.frame.error)?;
            }
            return Ok(());
        }
        let bit = |n: u32| self.frame.error & (1 << n) != 0;
        let who = if bit(2) { "user code" } else { "the kernel" };
        let what = match (bit(4), bit(1)) {
            (true, _) => "executed",
            (false, true) => "wrote to",
            (false, false) => "read",
        };
        write!(f, ": {who} {what} {:#018x}, ", self.address)?;
        if bit(3) {
            write!(f, "through a table with reserved bits set")
        } else if crate::mm::stack::is_guard(self.address) || super::boot::is_stack_guard(self.address) {
            write!(f, "the guard page below a kernel stack: stack overflow")
        } else if !bit(0) {
            write!(f, "where nothing is mapped")
        } else {
            write!(f, "which the mapping forbids")
        }
    }
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
