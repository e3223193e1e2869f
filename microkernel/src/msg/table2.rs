//! Table II for threads of the kernel: the same ports and messages as user threads have, without a trap.
//!
//! Each call runs with interrupts off and lends the thread a set of registers on its stack, in which whoever ends a wait
//! writes the outcome. Those that no thread of a plain kernel uses are in test kernels only. `initmsg`, `initmsg_rp` and `reinitmsg` have no function of their own: a message's fields are set when it
//! is sent, and its reply port is the argument of [`sendmsg`].

use core::mem::MaybeUninit;

use anax_abi::{Envelope, Error, Flags, MessageNumber, WORDS};

#[cfg(feature = "test")]
use super::message::{Message, Sender};
use super::port::Port;
use super::transfer::{self, Flow};
use super::trap::Registers;
use crate::arch::cpu::InterruptsOff;
use crate::lwkt::{self, Thread};
use crate::percpu;

/// A message or reply that a thread of the kernel's has received.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Received {
    /// Names it for the reply; 0 for replies and notices.
    pub(crate) number: MessageNumber,
    /// What is asked, how it was sent.
    pub(crate) envelope: Envelope,
    /// The badge of a request, the token of a reply.
    pub(crate) badge: u64,
    /// The result of a reply.
    pub(crate) result: i64,
    /// Its words.
    pub(crate) words: [u64; WORDS],
}

/// Where a message goes: a port, in the generation that the sender knows.
#[derive(Clone, Copy)]
pub(crate) struct Target(pub(crate) &'static Port, pub(crate) u32);

impl Target {
    /// The port as it is now.
    pub(crate) fn of(port: &'static Port) -> Self {
        Self(port, port.generation())
    }
}

/// Lends the running thread registers for one wait. Interrupts are off.
///
/// # Errors
/// What the result says, or the body.
#[inline(always)]
fn with_registers<R>(
    thread: &'static Thread,
    body: impl FnOnce() -> Result<Flow, Error>,
    outcome: impl FnOnce(&Registers) -> R,
) -> Result<R, Error> {
    let mut registers = MaybeUninit::<Registers>::uninit();
    // From here on others write to it, by the thread's pointer, until this thread goes on.
    let outer = thread.registers.replace(registers.as_mut_ptr());
    let flow = lwkt::blocking(body);
    thread.registers.set(outer);
    let _ = flow?;
    // SAFETY: whole numbers all, and whoever has ended the wait has written what is looked at.
    let registers = unsafe { &*registers.as_ptr() };
    let result = registers.rax.cast_signed();
    if result < 0 { Err(Error::from_code(result)) } else { Ok(outcome(registers)) }
}

/// What a message's receiver finds there.
#[inline(always)]
fn received(registers: &Registers) -> Received {
    Received {
        number: MessageNumber::from_word(registers.handle),
        envelope: Envelope(registers.r13),
        badge: registers.r12,
        result: registers.r14.cast_signed(),
        words: registers.words,
    }
}

/// Makes a port of the running thread, which can have `capacity` messages under way as a reply port. (Table II: initport.)
///
/// # Errors
/// `NoMemory`.
pub(crate) fn initport(capacity: u32) -> Result<&'static Port, Error> {
    let _off = InterruptsOff::new();
    Port::create(percpu::this().thread(), None, capacity)
}

/// Sends and waits for the reply: result and words. (Table II: domsg.)
///
/// # Errors
/// What the reply says; why it could not be sent; `WouldDeadlock` to a port of the caller's own.
pub(crate) fn domsg(
    Target(port, generation): Target,
    command: u32,
    flags: Flags,
    words: [u64; WORDS],
) -> Result<(u64, [u64; WORDS]), Error> {
    let _off = InterruptsOff::new();
    let thread = percpu::this().thread();
    let send = || {
        if port.home() == thread.cpu() && port.is_owned_by(thread) {
            return Err(Error::WouldDeadlock);
        }
        transfer::send_call(thread, port, generation, command, flags, words, 0).map(|()| Flow::Blocked)
    };
    with_registers(thread, send, |registers| (registers.rax, registers.words))
}

/// Sends and goes on; the reply, with `token`, will be found at `reply_port`. (Table II: sendmsg.)
///
/// # Errors
/// `Quota` if the reply port has all its messages under way, `Full`.
#[cfg(feature = "test")]
pub(crate) fn sendmsg(
    Target(port, generation): Target,
    reply_port: &'static Port,
    (command, flags, token): (u32, Flags, u64),
    words: [u64; WORDS],
) -> Result<MessageNumber, Error> {
    let _off = InterruptsOff::new();
    let message = reply_port.take_message().ok_or(Error::Quota)?;
    let sender = Sender::Port(reply_port);
    message.fill(sender, (command, flags, token), words);
    let number = message.number();
    transfer::submit(message, port, generation).inspect_err(|_| reply_port.give_message(message))?;
    Ok(number)
}

/// The next message of the running thread's port. (Table II: waitport.)
///
/// # Errors
/// `BadHandle` if the port is another's or ends.
#[inline(always)]
pub(crate) fn waitport(port: &'static Port) -> Result<Received, Error> {
    let _off = InterruptsOff::new();
    let thread = percpu::this().thread();
    if let Some(message) = port.first().filter(|_| port.is_owned_by(thread)) {
        let mut registers = Registers::default();
        transfer::take(&mut registers, thread, port, message);
        return Ok(received(&registers));
    }
    with_registers(thread, || transfer::wait(thread, port, None), received)
}

/// The reply to that message. (Table II: waitmsg.)
///
/// # Errors
/// As [`waitport`]; `BadArgument` if it is not under way.
#[cfg(feature = "test")]
pub(crate) fn waitmsg(port: &'static Port, number: MessageNumber) -> Result<Received, Error> {
    let _off = InterruptsOff::new();
    let thread = percpu::this().thread();
    with_registers(thread, || transfer::wait(thread, port, Some(number)), received)
}

/// The next message if there is one. (Table II: getport.)
///
/// # Errors
/// `WouldBlock` if there is none.
#[cfg(feature = "test")]
pub(crate) fn getport(port: &'static Port) -> Result<Received, Error> {
    let _off = InterruptsOff::new();
    let thread = percpu::this().thread();
    with_registers(thread, || transfer::get(thread, port), received)
}

/// Answers a message. (Table II: replymsg.)
///
/// # Errors
/// `BadHandle` if the running thread does not hold it (any more).
#[inline(always)]
pub(crate) fn replymsg(number: MessageNumber, result: i64, words: [u64; WORDS]) -> Result<(), Error> {
    let _off = InterruptsOff::new();
    transfer::reply(percpu::this().thread(), number, result.cast_unsigned(), words)
}

/// Passes a message on. (Table II: forwardmsg.)
///
/// # Errors
/// As [`replymsg`]; `Full`.
#[cfg(feature = "test")]
pub(crate) fn forwardmsg(
    number: MessageNumber,
    Target(port, generation): Target,
    command: u32,
    words: [u64; WORDS],
) -> Result<(), Error> {
    let _off = InterruptsOff::new();
    transfer::forward(percpu::this().thread(), number, port, generation, (command, words, 0))
}

/// Asks for a message's early end. (Table II: abortmsg.)
///
/// # Errors
/// `BadArgument` if it is not under way from `reply_port` or can't be aborted.
#[cfg(feature = "test")]
pub(crate) fn abortmsg(reply_port: &'static Port, number: MessageNumber) -> Result<(), Error> {
    let _off = InterruptsOff::new();
    transfer::abort(Message::abortable(reply_port, number)?);
    Ok(())
}
