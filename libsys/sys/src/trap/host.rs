//! The trap where there is no such kernel: every message is to a bad handle, unless a test of this library plays the kernel.

use anax_abi::{Along, Envelope, Flags, Handle, Message, MessageNumber, Operation, WORDS};

use super::{Arrived, Incoming};
use crate::time::Deadline;

/// The registers on the way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trap {
    pub(crate) operation: Operation,
    pub(crate) command: u32,
    pub(crate) handle: u64,
    pub(crate) words: [u64; WORDS],
    pub(crate) r12: u64,
    pub(crate) r13: u64,
    pub(crate) r14: u64,
    pub(crate) r15: u64,
}

impl Trap {
    fn new(operation: Operation, handle: Handle) -> Self {
        let handle = handle.to_word();
        Self { operation, command: 0, handle, words: [0; WORDS], r12: 0, r13: 0, r14: 0, r15: 0 }
    }

    #[cfg(not(test))]
    fn ring(self) -> Incoming {
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

    #[cfg(test)]
    fn ring(self) -> Incoming {
        fake::ring(self)
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

/// A kernel for tests: it notes what it was asked, and answers what it was told to.
#[cfg(test)]
pub(crate) mod fake {
    use std::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    std::thread_local! {
        static TRAPS: RefCell<Vec<Trap>> = const { RefCell::new(Vec::new()) };
        static ANSWER: RefCell<Incoming> = const {
            RefCell::new(Incoming { outcome: 0, number: 0, words: [0; WORDS], badge: 0, envelope: Envelope(0), result: 0, came: 0 })
        };
    }

    pub(super) fn ring(trap: Trap) -> Incoming {
        TRAPS.with_borrow_mut(|traps| traps.push(trap));
        ANSWER.with_borrow(|answer| *answer)
    }

    /// This thread's traps answer so from now on.
    pub(crate) fn answer(answer: Incoming) {
        ANSWER.replace(answer);
    }

    /// The one trap of this thread since the last call.
    pub(crate) fn only() -> Trap {
        let traps = TRAPS.take();
        assert_eq!(traps.len(), 1, "{traps:?}");
        traps[0]
    }

    /// That there was none.
    pub(crate) fn none() {
        assert_eq!(TRAPS.take(), []);
    }
}
