//! System calls: messages to ports that the kernel serves.

use anax_abi::Error;

use crate::arch::syscall::{CallFrame, leave_user};

/// Operations, in the low half of `rax`.
mod operation {
    /// Does nothing.
    pub(super) const NULL: u32 = 0;
    /// Ends the thread; `words[0]` is its status.
    pub(super) const EXIT: u32 = 1;
}

/// Serves one system call, interrupts off.
pub(crate) fn dispatch(frame: &mut CallFrame) {
    let result = match frame.rax as u32 {
        operation::NULL => Ok(0),
        // SAFETY: a system call comes from a thread inside `enter_user`, and nothing is held here.
        operation::EXIT => unsafe { leave_user(frame.words[0]) },
        _ => Err(Error::BadCommand),
    };
    frame.rax = match result {
        Ok(value) => value,
        Err(error) => error.code().cast_unsigned(),
    };
}
