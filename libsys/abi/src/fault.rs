//! The processor's exceptions by name and meaning, for whoever reads a fault's report: the kernel's own, or a supervisor's
//! (Intel SDM volume 3A, table 6-1).

use core::fmt;

/// Vector of a page fault.
pub const PAGE_FAULT: u64 = 14;

/// What vector `vector` is called.
#[must_use]
pub fn name(vector: u64) -> &'static str {
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

/// A fault in words: for a page fault, who wanted what where, and why it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// The vector.
    pub vector: u64,
    /// The processor's error code.
    pub error: u64,
    /// CR2 at the time.
    pub address: u64,
    /// Whether that is known to lie below a stack.
    pub is_guard: bool,
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.vector))?;
        if self.vector != PAGE_FAULT {
            return if self.error == 0 { Ok(()) } else { write!(f, ", error code {:#x}", self.error) };
        }
        let bit = |n: u32| self.error & (1 << n) != 0;
        let who = if bit(2) { "user code" } else { "the kernel" };
        let what = match (bit(4), bit(1)) {
            (true, _) => "executed",
            (false, true) => "wrote to",
            (false, false) => "read",
        };
        write!(f, ": {who} {what} {:#018x}, ", self.address)?;
        f.write_str(if bit(3) {
            "through a table with reserved bits set"
        } else if self.is_guard {
            "the guard page below a kernel stack: stack overflow"
        } else if !bit(0) {
            "where nothing is mapped"
        } else {
            "which the mapping forbids"
        })
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::string::ToString as _;

    #[test]
    fn faults_in_words() {
        let said = |vector, error, is_guard| Meaning { vector, error, address: 0x1000, is_guard }.to_string();
        assert_eq!(said(0, 0, false), "division error (#DE)");
        assert_eq!(said(13, 0x28, false), "general protection fault (#GP), error code 0x28");
        assert_eq!(
            said(14, 0b00110, false),
            "page fault (#PF): user code wrote to 0x0000000000001000, where nothing is mapped"
        );
        assert!(
            said(14, 0b10101, false)
                .ends_with("user code executed 0x0000000000001000, which the mapping forbids")
        );
        assert!(said(14, 0b01001, true).contains("the kernel read"));
        assert!(said(14, 0b01001, true).ends_with("reserved bits set"));
        assert!(said(14, 0, true).ends_with("stack overflow"));
        assert_eq!(name(31), "reserved exception");
    }
}
