//! Who must not hang: what was asked of whom and not answered, and whether he waits for somebody himself.

use alloc::collections::BTreeSet;

use anax_sys::object::Thread;
use init::Happened;

/// States of a thread, as `Inspect` numbers them.
const READY: u64 = 1;
const RUNNING: u64 = 2;
const PREEMPTED: u64 = 3;
const BLOCKED: u64 = 4;
/// What a blocked one waits for.
const FOR_A_MESSAGE: u64 = 2;

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

    /// Of a thread that owes an answer. One that ran until init was woken on the same CPU is ready by now, like one that has had no CPU for long: which
    /// of the two it is shows when it is preferred.
    pub(crate) fn state(&self, thread: Thread) -> Happened {
        match thread.inspect().map(|answer| answer.result) {
            Ok(READY) if cfg!(not(bite = "init-blind-on-its-cpu")) => Happened::Runnable,
            Ok(RUNNING | PREEMPTED) => Happened::Runnable,
            _ => Happened::Waited,
        }
    }

    /// Whether a thread waits for nothing but a message. One that does not may hang over what it has received last, with nothing else to do.
    pub(crate) fn is_idle(&self, thread: Thread) -> bool {
        thread.inspect().is_ok_and(|answer| answer.result == BLOCKED && answer.words[3] == FOR_A_MESSAGE)
    }
}
