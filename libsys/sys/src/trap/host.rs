//! The trap where there is no such kernel: every message is to a bad handle, unless a test of this library plays the kernel.

use anax_abi::{Along, Envelope, Flags, Handle, Message, MessageNumber, Operation, WORDS};

use super::{Arrived, Incoming};
use crate::time::Deadline;

/// The registers on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trap {
    /// What it does.
    pub operation: Operation,
    /// The command.
    pub command: u32,
    /// The handle's word.
    pub handle: u64,
    /// The words.
    pub words: [u64; WORDS],
    /// The register.
    pub r12: u64,
    /// The register.
    pub r13: u64,
    /// The register.
    pub r14: u64,
    /// The register.
    pub r15: u64,
}

impl Trap {
    fn new(operation: Operation, handle: Handle) -> Self {
        let handle = handle.to_word();
        Self { operation, command: 0, handle, words: [0; WORDS], r12: 0, r13: 0, r14: 0, r15: 0 }
    }

    fn ring(self) -> Incoming {
        #[cfg(any(test, feature = "fake"))]
        if let Some(answer) = fake::ring(self) {
            return answer;
        }
        let outcome = anax_abi::Error::BadHandle.code();
        Incoming {
            outcome,
            number: 0,
            words: self.words,
            badge: 0,
            envelope: Envelope(0),
            result: 0,
            came: 0,
        }
    }
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn call(handle: Handle, command: u32, words: [u64; WORDS]) -> (i64, [u64; WORDS]) {
    let back = Trap { command, words, ..Trap::new(Operation::Call, handle) }.ring();
    (back.outcome, back.words)
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn call_until(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    flags: Flags,
    deadline: Deadline,
) -> (i64, [u64; WORDS], Arrived) {
    let (r13, r15) = (flags.0.into(), deadline.to_word());
    let back = Trap { command, words, r13, r15, ..Trap::new(Operation::CallUntil, handle) }.ring();
    (back.outcome, back.words, Arrived { envelope: back.envelope, came: back.came })
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn call_with(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    along: Along,
    beside: Handle,
) -> (i64, [u64; WORDS], Arrived) {
    let (r13, r15) = (along.0, beside.to_word());
    let back = Trap { command, words, r13, r15, ..Trap::new(Operation::CallWith, handle) }.ring();
    (back.outcome, back.words, Arrived { envelope: back.envelope, came: back.came })
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn send(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    flags: Flags,
    token: u64,
    reply_port: Handle,
) -> i64 {
    let (r13, r14) = (flags.0.into(), reply_port.to_word());
    Trap { command, words, r12: token, r13, r14, ..Trap::new(Operation::Send, handle) }.ring().outcome
}

/// As in ring 3.
pub fn reply(number: MessageNumber, result: i64, words: [u64; WORDS]) -> i64 {
    let (r12, r14) = (number.to_word(), result.cast_unsigned());
    Trap { words, r12, r14, ..Trap::new(Operation::Reply, Handle::from_word(0)) }.ring().outcome
}

/// As in ring 3.
pub fn reply_wait(
    port: Handle,
    number: MessageNumber,
    result: i64,
    words: [u64; WORDS],
    deadline: Deadline,
) -> Incoming {
    let (r12, r14, r15) = (number.to_word(), result.cast_unsigned(), deadline.to_word());
    Trap { words, r12, r14, r15, ..Trap::new(Operation::ReplyWait, port) }.ring()
}

/// As in ring 3.
pub fn reply_wait_with(
    port: Handle,
    number: MessageNumber,
    result: i64,
    words: [u64; WORDS],
    along: Along,
    beside: Handle,
) -> Incoming {
    let (r12, r13, r14) = (number.to_word(), along.0, result.cast_unsigned());
    let r15 = beside.to_word();
    Trap { words, r12, r13, r14, r15, ..Trap::new(Operation::ReplyWaitWith, port) }.ring()
}

/// As in ring 3.
pub fn wait(port: Handle, deadline: Deadline) -> Incoming {
    Trap { r15: deadline.to_word(), ..Trap::new(Operation::Wait, port) }.ring()
}

/// As in ring 3.
pub fn get(port: Handle) -> Incoming {
    Trap::new(Operation::Get, port).ring()
}

/// As in ring 3.
pub fn wait_for(port: Handle, number: MessageNumber, deadline: Deadline) -> Incoming {
    let (r12, r15) = (number.to_word(), deadline.to_word());
    Trap { r12, r15, ..Trap::new(Operation::WaitFor, port) }.ring()
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn forward(port: Handle, number: MessageNumber, command: u32, words: [u64; WORDS]) -> i64 {
    Trap { command, words, r12: number.to_word(), ..Trap::new(Operation::Forward, port) }.ring().outcome
}

/// As in ring 3.
pub fn abort(reply_port: Handle, number: MessageNumber) -> i64 {
    Trap { r12: number.to_word(), ..Trap::new(Operation::Abort, reply_port) }.ring().outcome
}

/// As in ring 3.
pub fn offer(handle: u64, rights: u64, give_away: u64) -> i64 {
    let words = [rights, give_away, 0, 0, 0];
    Trap { words, ..Trap::new(Operation::Offer, Handle::from_word(handle)) }.ring().outcome
}

/// As in ring 3.
pub fn collect() -> (i64, [u64; WORDS]) {
    let back = Trap::new(Operation::Collect, Handle::from_word(0)).ring();
    (back.outcome, back.words)
}

/// As in ring 3.
pub fn ring(channel: Handle) -> i64 {
    Trap::new(Operation::Ring, channel).ring().outcome
}

/// As in ring 3.
///
/// # Safety
/// Nothing can happen here.
pub unsafe fn drain(slots: *mut Message, count: usize, first: u32, messages: u32, reply_port: Handle) -> i64 {
    let words = [slots.addr() as u64, count as u64, first.into(), messages.into(), reply_port.to_word()];
    Trap { words, ..Trap::new(Operation::Drain, Handle::from_word(0)) }.ring().outcome
}

/// A kernel for tests: it notes what it was asked, and answers what it was told to. Each thread has its own, from its first
/// [`answer`](fake::answer) on; before, traps answer `BadHandle`.
#[cfg(any(test, feature = "fake"))]
pub mod fake {
    use std::boxed::Box;
    use std::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    type Kernel = Box<dyn Fn(Trap) -> Incoming>;

    std::thread_local! {
        static TRAPS: RefCell<Vec<Trap>> = const { RefCell::new(Vec::new()) };
        static KERNEL: RefCell<Option<Kernel>> = const { RefCell::new(None) };
    }

    pub(super) fn ring(trap: Trap) -> Option<Incoming> {
        let answer = KERNEL.with_borrow(|kernel| kernel.as_ref().map(|kernel| kernel(trap)))?;
        TRAPS.with_borrow_mut(|traps| traps.push(trap));
        Some(answer)
    }

    /// This thread's traps answer so from now on.
    pub fn answer(answer: Incoming) {
        answer_by(move |_| answer);
    }

    /// This thread's traps answer by that function from now on.
    pub fn answer_by(kernel: impl Fn(Trap) -> Incoming + 'static) {
        KERNEL.replace(Some(Box::new(kernel)));
    }

    /// The traps of this thread since they were asked for last.
    #[must_use]
    pub fn all() -> Vec<Trap> {
        TRAPS.take()
    }

    /// The one trap of this thread since the last call.
    ///
    /// # Panics
    /// If there was none, or more than one.
    #[expect(clippy::must_use_candidate, reason = "that there was one is worth knowing, too")]
    pub fn only() -> Trap {
        let traps = all();
        assert_eq!(traps.len(), 1, "{traps:?}");
        traps[0]
    }

    /// That there was none.
    ///
    /// # Panics
    /// If there was one.
    pub fn none() {
        assert_eq!(all(), []);
    }
}
