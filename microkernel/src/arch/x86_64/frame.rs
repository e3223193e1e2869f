//! The register state of whatever was interrupted, as the entry stubs lay it out.

/// Registers of the interrupted code. `entry.s` builds it; the order of the fields is its order of pushes.
#[repr(C)]
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the fields are the processor's own register names")]
pub(crate) struct TrapFrame {
    pub(crate) r15: u64,
    pub(crate) r14: u64,
    pub(crate) r13: u64,
    pub(crate) r12: u64,
    pub(crate) r11: u64,
    pub(crate) r10: u64,
    pub(crate) r9: u64,
    pub(crate) r8: u64,
    pub(crate) rdi: u64,
    pub(crate) rsi: u64,
    pub(crate) rbp: u64,
    pub(crate) rbx: u64,
    pub(crate) rdx: u64,
    pub(crate) rcx: u64,
    pub(crate) rax: u64,
    pub(crate) vector: u64,
    /// The processor's error code, or 0 for vectors that have none.
    pub(crate) error: u64,
    pub(crate) rip: u64,
    pub(crate) cs: u64,
    pub(crate) rflags: u64,
    pub(crate) rsp: u64,
    pub(crate) ss: u64,
}

/// Bytes below the frame of an interrupt for the vector registers (FXSAVE).
pub(super) const VECTORS: usize = 512;

impl TrapFrame {
    /// Where the entry code has put the vector registers: the end of what it needs of the stack.
    pub(crate) fn vectors(&mut self) -> *mut u64 {
        (&raw mut *self).wrapping_byte_sub(VECTORS).cast()
    }

    /// Whether user code was interrupted.
    pub(crate) fn is_user(&self) -> bool {
        self.cs & 3 == 3
    }
}
