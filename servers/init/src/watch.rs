//! Who must not hang: what was asked of whom and not answered, and whether he had the CPU meanwhile.

use alloc::collections::BTreeSet;

use anax_sys::object::Thread;
use init::Happened;

/// States of a thread, as `Inspect` numbers them.
const RUNNING: u64 = 2;
const PREEMPTED: u64 = 3;

/// Pings that are not answered.
#[derive(Debug, Default)]
pub(crate) struct Watch(BTreeSet<u64>);

impl Watch {
    pub(crate) fn is_pinged(&self, process: u64) -> bool {
        self.0.contains(&process)
    }

    pub(crate) fn pinged(&mut self, process: u64) {
        self.0.insert(process);
    }

    pub(crate) fn answered(&mut self, process: u64) {
        self.0.remove(&process);
    }

    /// Of a thread that owes an answer. It was seen to have the CPU if it runs elsewhere at this moment, or ran until init was woken, which preempts it.
    pub(crate) fn state(&self, thread: Thread) -> Happened {
        match thread.inspect().map(|answer| answer.result) {
            Ok(RUNNING | PREEMPTED) => Happened::Ran,
            _ => Happened::Waited,
        }
    }
}

/// Writes the registers of a thread that has faulted to the log.
pub(crate) fn post_mortem(registers: &[[u64; 5]; 4]) {
    let [[rax, rbx, rcx, rdx, rsi], [rdi, rbp, rsp, r8, r9], [r10, r11, r12, r13, r14], [r15, rip, ..]] =
        registers;
    log::warn!(
        "  rip {rip:#x} rsp {rsp:#x} rbp {rbp:#x} rax {rax:#x} rbx {rbx:#x} rcx {rcx:#x} rdx {rdx:#x}"
    );
    log::warn!("  rsi {rsi:#x} rdi {rdi:#x} r8 {r8:#x} r9 {r9:#x} r10 {r10:#x} r11 {r11:#x}");
    log::warn!("  r12 {r12:#x} r13 {r13:#x} r14 {r14:#x} r15 {r15:#x}");
}
