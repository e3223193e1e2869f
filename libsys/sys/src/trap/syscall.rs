//! The instruction itself.
//!
//! `rcx` and `r11` are the processor's and the vector registers come back cleared, so that they are clobbered; `r12` to `r15`
//! are named only by the operations that use them. Memory is clobbered, too: the kernel and others may have written to it.

use core::arch::asm;

use anax_abi::{Along, Envelope, Flags, Handle, Message, MessageNumber, Operation, WORDS};

use super::{Arrived, Incoming};
use crate::time::Deadline;

macro_rules! trap {
    ($($operands:tt)*) => {
        asm!(
            "syscall",
            $($operands)*
            out("rcx") _, out("r11") _,
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _,
            out("xmm4") _, out("xmm5") _, out("xmm6") _, out("xmm7") _,
            out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _,
            out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nostack),
        )
    };
}

/// `rax` on the way in.
const fn head(operation: Operation, command: u32) -> u64 {
    operation as u64 | (command as u64) << 32
}

/// [`Operation::Call`]: the result and the words of the reply.
///
/// # Safety
/// The command, if it is one that the object understands, does not touch memory that this program's Rust code owns.
#[inline(always)]
pub unsafe fn call(handle: Handle, command: u32, words: [u64; WORDS]) -> (i64, [u64; WORDS]) {
    let [mut w0, mut w1, mut w2, mut w3, mut w4] = words;
    let result: i64;
    // SAFETY: all registers that change are named; the caller answers for what the command does.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Call, command) => result,
            inlateout("rdi") handle.to_word() => _,
            inlateout("rsi") w0, inlateout("rdx") w1, inlateout("r10") w2, inlateout("r8") w3, inlateout("r9") w4,
        );
    }
    (result, [w0, w1, w2, w3, w4])
}

/// [`Operation::CallUntil`]: as [`call`], with flags, a deadline and offered handles; also what came beside the reply.
///
/// # Safety
/// As [`call`].
#[inline(always)]
pub unsafe fn call_until(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    flags: Flags,
    deadline: Deadline,
) -> (i64, [u64; WORDS], Arrived) {
    let [mut w0, mut w1, mut w2, mut w3, mut w4] = words;
    let result: i64;
    let (envelope, came);
    // SAFETY: as in `call`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::CallUntil, command) => result,
            inlateout("rdi") handle.to_word() => _,
            inlateout("rsi") w0, inlateout("rdx") w1, inlateout("r10") w2, inlateout("r8") w3, inlateout("r9") w4,
            inlateout("r12") 0_u64 => _, inlateout("r13") u64::from(flags.0) => envelope, inlateout("r14") 0_u64 => _,
            inlateout("r15") deadline.to_word() => came,
        );
    }
    (result, [w0, w1, w2, w3, w4], Arrived { envelope: Envelope(envelope), came })
}

/// [`Operation::CallWith`]: as [`call_until`], without a deadline, with a handle beside it.
///
/// # Safety
/// As [`call`].
#[inline(always)]
pub unsafe fn call_with(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    along: Along,
    beside: Handle,
) -> (i64, [u64; WORDS], Arrived) {
    let [mut w0, mut w1, mut w2, mut w3, mut w4] = words;
    let result: i64;
    let (envelope, came);
    // SAFETY: as in `call`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::CallWith, command) => result,
            inlateout("rdi") handle.to_word() => _,
            inlateout("rsi") w0, inlateout("rdx") w1, inlateout("r10") w2, inlateout("r8") w3, inlateout("r9") w4,
            inlateout("r12") 0_u64 => _, inlateout("r13") along.0 => envelope, lateout("r14") _,
            inlateout("r15") beside.to_word() => came,
        );
    }
    (result, [w0, w1, w2, w3, w4], Arrived { envelope: Envelope(envelope), came })
}

/// [`Operation::Send`]: the message's number, or an error.
///
/// # Safety
/// As [`call`].
#[inline(always)]
pub unsafe fn send(
    handle: Handle,
    command: u32,
    words: [u64; WORDS],
    flags: Flags,
    token: u64,
    reply_port: Handle,
) -> i64 {
    let [w0, w1, w2, w3, w4] = words;
    let result: i64;
    // SAFETY: as in `call`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Send, command) => result,
            inlateout("rdi") handle.to_word() => _,
            inlateout("rsi") w0 => _, inlateout("rdx") w1 => _, inlateout("r10") w2 => _, inlateout("r8") w3 => _,
            inlateout("r9") w4 => _,
            inlateout("r12") token => _, inlateout("r13") u64::from(flags.0) => _,
            inlateout("r14") reply_port.to_word() => _,
            in("r15") 0_u64,
        );
    }
    result
}

/// [`Operation::Reply`]: answers `number` with `result` and the words.
#[inline(always)]
pub fn reply(number: MessageNumber, result: i64, words: [u64; WORDS]) -> i64 {
    let [w0, w1, w2, w3, w4] = words;
    let outcome: i64;
    // SAFETY: all registers that change are named; a reply changes nothing of this program's.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Reply, 0) => outcome,
            inlateout("rdi") 0_u64 => _,
            inlateout("rsi") w0 => _, inlateout("rdx") w1 => _, inlateout("r10") w2 => _, inlateout("r8") w3 => _,
            inlateout("r9") w4 => _,
            inlateout("r12") number.to_word() => _, inlateout("r13") 0_u64 => _, inlateout("r14") result => _,
            in("r15") 0_u64,
        );
    }
    outcome
}

/// [`Operation::ReplyWait`]: answers `number`, then waits at `port`.
#[inline(always)]
pub fn reply_wait(
    port: Handle,
    number: MessageNumber,
    result: i64,
    words: [u64; WORDS],
    deadline: Deadline,
) -> Incoming {
    let [mut w0, mut w1, mut w2, mut w3, mut w4] = words;
    let (outcome, number_in, badge, envelope, result_in, came);
    // SAFETY: all registers that change are named; neither half changes memory of this program's.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::ReplyWait, 0) => outcome,
            inlateout("rdi") port.to_word() => number_in,
            inlateout("rsi") w0, inlateout("rdx") w1, inlateout("r10") w2, inlateout("r8") w3, inlateout("r9") w4,
            inlateout("r12") number.to_word() => badge, inlateout("r13") 0_u64 => envelope,
            inlateout("r14") result => result_in,
            inlateout("r15") deadline.to_word() => came,
        );
    }
    let (words, envelope) = ([w0, w1, w2, w3, w4], Envelope(envelope));
    Incoming { outcome, number: number_in, words, badge, envelope, result: result_in, came }
}

/// [`Operation::ReplyWaitWith`]: answers `number` with a handle beside the words, then waits at `port`.
#[inline(always)]
pub fn reply_wait_with(
    port: Handle,
    number: MessageNumber,
    result: i64,
    words: [u64; WORDS],
    along: Along,
    beside: Handle,
) -> Incoming {
    let [mut w0, mut w1, mut w2, mut w3, mut w4] = words;
    let (outcome, number_in, badge, envelope, result_in, came);
    // SAFETY: as in `reply_wait`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::ReplyWaitWith, 0) => outcome,
            inlateout("rdi") port.to_word() => number_in,
            inlateout("rsi") w0, inlateout("rdx") w1, inlateout("r10") w2, inlateout("r8") w3, inlateout("r9") w4,
            inlateout("r12") number.to_word() => badge, inlateout("r13") along.0 => envelope,
            inlateout("r14") result => result_in,
            inlateout("r15") beside.to_word() => came,
        );
    }
    let (words, envelope) = ([w0, w1, w2, w3, w4], Envelope(envelope));
    Incoming { outcome, number: number_in, words, badge, envelope, result: result_in, came }
}

/// What [`wait`], [`get`] and [`wait_for`] have in common: no words go in.
#[inline(always)]
fn receive(operation: Operation, port: Handle, number: u64, deadline: Deadline) -> Incoming {
    let [w0, w1, w2, w3, w4];
    let (outcome, number_in, badge, envelope, result, came);
    // SAFETY: all registers that change are named; receiving changes no memory of this program's.
    unsafe {
        trap!(
            inlateout("rax") head(operation, 0) => outcome,
            inlateout("rdi") port.to_word() => number_in,
            lateout("rsi") w0, lateout("rdx") w1, lateout("r10") w2, lateout("r8") w3, lateout("r9") w4,
            inlateout("r12") number => badge, inlateout("r13") 0_u64 => envelope, lateout("r14") result,
            inlateout("r15") deadline.to_word() => came,
        );
    }
    let words = [w0, w1, w2, w3, w4];
    Incoming { outcome, number: number_in, words, badge, envelope: Envelope(envelope), result, came }
}

/// [`Operation::Wait`]: the next message of `port`.
#[inline(always)]
pub fn wait(port: Handle, deadline: Deadline) -> Incoming {
    let [w0, w1, w2, w3, w4];
    let (outcome, number_in, badge, envelope, result, came);
    // SAFETY: as in `receive`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Wait, 0) => outcome,
            inlateout("rdi") port.to_word() => number_in,
            lateout("rsi") w0, lateout("rdx") w1, lateout("r10") w2, lateout("r8") w3, lateout("r9") w4,
            lateout("r12") badge, lateout("r13") envelope, lateout("r14") result,
            inlateout("r15") deadline.to_word() => came,
        );
    }
    let words = [w0, w1, w2, w3, w4];
    Incoming { outcome, number: number_in, words, badge, envelope: Envelope(envelope), result, came }
}

/// [`Operation::Get`]: the same without waiting.
#[inline(always)]
pub fn get(port: Handle) -> Incoming {
    receive(Operation::Get, port, 0, Deadline::NEVER)
}

/// [`Operation::WaitFor`]: waits at `port` for the reply to message `number`.
#[inline(always)]
pub fn wait_for(port: Handle, number: MessageNumber, deadline: Deadline) -> Incoming {
    receive(Operation::WaitFor, port, number.to_word(), deadline)
}

/// [`Operation::Forward`]: passes message `number` on to `port`, with this command and these words.
///
/// # Safety
/// As [`call`].
#[inline(always)]
pub unsafe fn forward(port: Handle, number: MessageNumber, command: u32, words: [u64; WORDS]) -> i64 {
    let [w0, w1, w2, w3, w4] = words;
    let result: i64;
    // SAFETY: as in `call`.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Forward, command) => result,
            inlateout("rdi") port.to_word() => _,
            inlateout("rsi") w0 => _, inlateout("rdx") w1 => _, inlateout("r10") w2 => _, inlateout("r8") w3 => _,
            inlateout("r9") w4 => _,
            inlateout("r12") number.to_word() => _, inlateout("r13") 0_u64 => _, inlateout("r14") 0_u64 => _,
            in("r15") 0_u64,
        );
    }
    result
}

/// [`Operation::Abort`]: asks for an early end of message `number`, sent from `reply_port`.
#[inline(always)]
pub fn abort(reply_port: Handle, number: MessageNumber) -> i64 {
    receive(Operation::Abort, reply_port, number.to_word(), Deadline::NEVER).outcome
}

/// [`Operation::Offer`]: `handle` goes along with this thread's next message. Handle word 0 empties the list.
#[inline(always)]
pub fn offer(handle: u64, rights: u64, give_away: u64) -> i64 {
    let result: i64;
    // SAFETY: all registers that change are named; only the thread's list of offers changes.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Offer, 0) => result,
            inlateout("rdi") handle => _,
            inlateout("rsi") rights => _, inlateout("rdx") give_away => _,
            lateout("r10") _, lateout("r8") _, lateout("r9") _,
            lateout("r12") _, lateout("r13") _, lateout("r14") _,
        );
    }
    result
}

/// [`Operation::Collect`]: the handles that came with the message received last.
#[inline(always)]
pub fn collect() -> (i64, [u64; WORDS]) {
    let incoming = receive(Operation::Collect, Handle::from_word(0), 0, Deadline::NEVER);
    (incoming.outcome, incoming.words)
}

/// [`Operation::Ring`]: tells the other end of a channel.
#[inline(always)]
pub fn ring(channel: Handle) -> i64 {
    let result: i64;
    // SAFETY: all registers that change are named; the kernel tells somebody else, and does nothing here.
    unsafe {
        trap!(inlateout("rax") head(Operation::Ring, 0) => result, inlateout("rdi") channel.to_word() => _,);
    }
    result
}

/// [`Operation::Drain`]: has messages in a ring of slots served.
///
/// # Safety
/// The slots are the caller's to write, and none of the messages touches memory that this program's Rust code owns.
#[inline(always)]
pub unsafe fn drain(slots: *mut Message, count: usize, first: u32, messages: u32, reply_port: Handle) -> i64 {
    let result: i64;
    // SAFETY: all registers that change are named; the rest by contract.
    unsafe {
        trap!(
            inlateout("rax") head(Operation::Drain, 0) => result,
            inlateout("rdi") 0_u64 => _,
            inlateout("rsi") slots => _, inlateout("rdx") count => _, inlateout("r10") u64::from(first) => _,
            inlateout("r8") u64::from(messages) => _, inlateout("r9") reply_port.to_word() => _,
        );
    }
    result
}
