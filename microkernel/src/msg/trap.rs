//! The operations as user code asks for them by a trap ([`anax_abi::Operation`] has the table of registers), and the short way for
//! the two most common: a call to a server that waits on this CPU, and its reply.

use core::sync::atomic::Ordering;

use anax_abi::object::{THIS_THREAD, ThreadCommand};
use anax_abi::{Along, Error, Flags, Handle, MessageNumber, Operation, Rights, WORDS};
use microkernel_core::handles::{Offer, Transfer};

use super::message::{Message, Sender, State};
use super::port::Port;
use super::transfer::{self, Flow};
use crate::calls;
use crate::cap::Cap;
use crate::channel::Channel;
use crate::lwkt::{self, Thread, ThreadState, Wait, unusual};
use crate::object::ObjectRef;
use crate::percpu::{self, PerCpu};
use crate::user;

/// A thread's registers at a system call, which whoever ends the wait changes in place into the answer. `syscall.s` builds it.
#[repr(C)]
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "the fields are the processor's own register names")]
pub(crate) struct Registers {
    pub(crate) r15: u64,
    pub(crate) r14: u64,
    pub(crate) r13: u64,
    pub(crate) r12: u64,
    pub(crate) rbp: u64,
    pub(crate) rbx: u64,
    /// Operation (low half) and command (high half); the result on the way out.
    pub(crate) rax: u64,
    /// `rdi`.
    pub(crate) handle: u64,
    /// `rsi`, `rdx`, `r10`, `r8`, `r9`.
    pub(crate) words: [u64; WORDS],
    pub(crate) rflags: u64,
    pub(crate) rip: u64,
    pub(crate) rsp: u64,
}

/// Says where the registers of a user thread's system calls lie: at the top of its kernel stack.
pub(crate) fn prepare_registers(thread: &Thread) {
    let at = thread.stack_top - size_of::<Registers>() as u64;
    thread.registers.set(at.as_mut_ptr());
}

unsafe extern "C" {
    /// Goes on from a frame of [`Registers`] to user mode, by [`syscall_resumed`] if need be.
    pub(super) safe static syscall_resume: u8;
}

/// Copies words one by one: the compiler must not use vector registers for it, see `syscall.s`.
#[inline(always)]
unsafe fn copy_words(from: *const [u64; WORDS], to: *mut [u64; WORDS]) {
    for word in 0..WORDS {
        // SAFETY: both are whole frames, by the caller's promise.
        unsafe { to.cast::<u64>().add(word).write_volatile(from.cast::<u64>().add(word).read_volatile()) };
    }
}

/// [`Operation::Call`] in the cases that matter most: a server that waits on this CPU or is on another one, and objects of the kernel's;
/// and with `BESIDE` [`Operation::CallWith`] of a server that waits on this CPU. All that is unusual is left to [`syscall_general`]: it
/// returns false if it has done nothing, true if the call is over.
pub(crate) extern "C" fn call<const BESIDE: bool>(frame: *mut Registers) -> bool {
    let own = percpu::this();
    let thread = own.thread();
    // SAFETY: the entry code's frame.
    let (rax, handle) = unsafe { ((*frame).rax, (*frame).handle) };
    let Ok(capability) = thread.look_up(Handle::from_word(handle), Rights::SEND) else {
        return !BESIDE && yield_directly(own, thread, frame);
    };
    let Some(port) = capability.object.get::<Port>() else {
        return !BESIDE && call_kernel(frame, capability.object, capability.generation, capability.rights);
    };
    if !port.waiting.get() || !port.is_at(own.id()) {
        return !BESIDE && call_afar(frame, port, capability.generation, capability.badge);
    }
    // SAFETY: somebody waits there, and none but the owner can.
    let receiver = unsafe { port.owner.get().unwrap_unchecked() };
    let priority = thread.priority.get();
    let inherited = receiver.base.get().max(priority);
    if thread.is_either_unusual(receiver) || !lwkt::is_best(own, inherited) {
        return false;
    }
    let Some(message) = thread.message.get() else { return false };
    // SAFETY: one that has no space would be unusual.
    let Some(root) = (unsafe { lwkt::way_to(own, thread, receiver) }) else { return false };
    let mut beside = 0;
    if BESIDE {
        // SAFETY: the thread's whole frame.
        let registers = unsafe { &*frame };
        let Ok(handle) = thread.hand_over(own, receiver, registers) else { return false };
        beside = handle.to_word();
    }
    message.begin_call(thread, port, capability.generation, priority);
    port.waiting.set(false);
    port.held.set(port.held.get() + 1);
    receiver.priority.set(inherited);
    let to = receiver.registers.get();
    // SAFETY: the receiver is blocked in a receive; its frame is there, and nobody else looks at it.
    unsafe {
        (*to).rax = 0;
        (*to).handle = message.number().to_word();
        (*to).r12 = u64::from(capability.badge);
        (*to).r13 = rax >> 32;
        copy_words(&raw const (*frame).words, &raw mut (*to).words);
        if BESIDE {
            message.expect_envelope((rax >> 32) as u32, request_flags((*frame).r13), (*frame).r12);
            (*to).r13 = message.envelope(message.flags.get(), 1);
            (*to).r15 = beside;
            thread.note(unusual::ENVELOPE, true);
        }
    }
    thread.set_waiting(Wait::Call(message));
    // SAFETY: the word below the frame is where this function would return to; `syscall_resume` needs the frame alone.
    unsafe { lwkt::switch_directly(own, thread, receiver, root, frame.cast(), &raw const syscall_resume) }
}

/// What [`call`] does for a port of another CPU. False: nothing.
#[inline(never)]
fn call_afar(frame: *mut Registers, port: &'static Port, generation: u32, badge: u32) -> bool {
    let own = percpu::this();
    let thread = own.thread();
    if port.is_at(own.id()) || thread.is_unusual() {
        return false;
    }
    // SAFETY: the entry code's frame, alive until this returns.
    let registers = unsafe { &mut *frame };
    let command = (registers.rax >> 32) as u32;
    conclude(thread, registers, |registers| {
        transfer::send_call(thread, port, generation, command, Flags::NONE, registers.words, badge.into())?;
        Ok(Flow::Blocked)
    });
    true
}

/// What [`call`] does for no handle of the table: a yield of the calling thread to another user thread. It returns if it
/// has done nothing.
fn yield_directly(own: &'static PerCpu, thread: &'static Thread, frame: *mut Registers) -> bool {
    const YIELD: u64 = (ThreadCommand::Yield as u64) << 32;
    // SAFETY: the entry code's frame.
    let registers = unsafe { &mut *frame };
    if registers.handle != THIS_THREAD.to_word() || registers.rax != YIELD {
        return false;
    }
    let Some((next, root)) = lwkt::yield_to_user(own, thread) else { return false };
    registers.rax = 0;
    // SAFETY: as in `call`.
    unsafe { lwkt::switch_directly(own, thread, next, root, frame.cast(), &raw const syscall_resume) }
}

/// The port of that handle, if the thread may receive there.
#[inline(always)]
fn own_port(thread: &'static Thread, handle: u64) -> Option<&'static Port> {
    let capability = thread.look_up(Handle::from_word(handle), Rights::RECEIVE).ok()?;
    capability.object.get::<Port>().filter(|port| port.is_owned_by(thread))
}

/// [`Operation::ReplyWait`] in its commonest cases: the sender waits on this CPU and is the best to run, and the port is empty; or
/// it waits on another CPU. With `BESIDE` [`Operation::ReplyWaitWith`] in the first of them, to a sender who wants to know of handles.
/// Whether the operation is over.
pub(crate) extern "C" fn reply_wait<const BESIDE: bool>(frame: *mut Registers) -> bool {
    let own = percpu::this();
    let thread = own.thread();
    // SAFETY: the thread's whole frame.
    let registers = unsafe { &*frame };
    let number = MessageNumber::from_word(registers.r12);
    let Some(message) = Message::any(number) else { return false };
    if !message.is_home(own.id()) || !message.is(number) || message.state.get() != State::Held {
        return false;
    }
    let Sender::Thread(sender) = message.sender.get() else { return false };
    if sender.cpu() != own.id() {
        // What is unusual about it there is that CPU's to know, and to see to.
        return !BESIDE && reply_afar(frame, message);
    }
    // SAFETY: a message that is held has its port.
    let held_at = unsafe { message.port.get().unwrap_unchecked() };
    let usual = match BESIDE {
        true => thread.has_only(0) && sender.has_only(unusual::ENVELOPE),
        false => registers.r15 == 0 && !thread.is_either_unusual(sender),
    };
    if !usual || !held_at.is_owned_by(thread) {
        return false;
    }
    let Some(port) = own_port(thread, registers.handle) else { return false };
    if port.first().is_some() || !lwkt::is_best(own, sender.priority.get()) {
        return false;
    }
    // SAFETY: one that has no space would be unusual.
    let Some(root) = (unsafe { lwkt::way_to(own, thread, sender) }) else { return false };
    let mut beside = 0;
    if BESIDE {
        let Ok(handle) = thread.hand_over(own, sender, registers) else { return false };
        beside = handle.to_word();
    }
    let to = sender.registers.get();
    // SAFETY: the sender is blocked in a call; its frame is there, and nobody else looks at it.
    unsafe {
        (&raw mut (*to).rax).write(registers.r14);
        (&raw mut (*to).handle).write(0);
        copy_words(&raw const (*frame).words, &raw mut (*to).words);
        if BESIDE {
            (*to).r12 = message.token.get();
            (*to).r13 = message.envelope(message.flags.get().with(Flags::REPLY), 1);
            (*to).r14 = registers.r14;
            (*to).r15 = beside;
            sender.note(unusual::ENVELOPE, false);
        }
    }
    message.end_call();
    held_at.held.set(held_at.held.get() - 1);
    thread.set_waiting(Wait::Receive(port));
    thread.inherit_nothing();
    port.waiting.set(true);
    // SAFETY: as in `call`.
    unsafe { lwkt::switch_directly(own, thread, sender, root, frame.cast(), &raw const syscall_resume) }
}

/// What [`reply_wait`] does if the sender is on another CPU.
#[inline(never)]
fn reply_afar(frame: *mut Registers, message: &'static Message) -> bool {
    let thread = percpu::this().thread();
    // SAFETY: the entry code's frame, alive until this returns.
    let registers = unsafe { &mut *frame };
    let is_held_here = message.port.get().is_some_and(|port| port.is_owned_by(thread));
    if registers.r15 != 0 || thread.is_unusual() || !is_held_here {
        return false;
    }
    let Some(port) = own_port(thread, registers.handle) else { return false };
    conclude(thread, registers, |registers| {
        transfer::answer(thread, message, registers.r14, registers.words);
        transfer::wait(thread, port, None)
    });
    true
}

/// [`Operation::Wait`] of a thread that has taken the CPU by a doorbell or a message: it goes back directly to whom it took it from,
/// if the port is empty.
#[unsafe(no_mangle)]
extern "C" fn syscall_wait(frame: *mut Registers) {
    let own = percpu::this();
    let thread = own.thread();
    // SAFETY: the thread's whole frame.
    let registers = unsafe { &*frame };
    let Some(port) = own_port(thread, registers.handle) else { return };
    if registers.r15 != 0 || !thread.has_only(unusual::HEIR) || port.first().is_some() {
        return;
    }
    let Some((next, root)) = lwkt::take_heir(own, thread) else { return };
    thread.set_waiting(Wait::Receive(port));
    thread.inherit_nothing();
    port.waiting.set(true);
    // SAFETY: as in `call`.
    unsafe { lwkt::switch_directly(own, thread, next, root, frame.cast(), &raw const syscall_resume) }
}

/// After a direct switch back, if others may have to run first, one that has ended is to be kept, or this thread is to end.
#[unsafe(no_mangle)]
extern "C" fn syscall_resumed() {
    lwkt::after_switch();
    user::about_to_return(percpu::this().thread());
}

/// Every other operation.
#[unsafe(no_mangle)]
extern "C" fn syscall_general(frame: *mut Registers) {
    let thread = percpu::this().thread();
    // SAFETY: the entry code's frame, alive until this returns; whoever else writes to it does so while this thread is blocked.
    let rax = unsafe { (*frame).rax };
    #[cfg(feature = "test")]
    if thread.space().is_none() {
        // SAFETY: as above; such a thread is inside `enter_user`.
        return unsafe { user::call_of_test(&mut *frame) };
    }
    let operation = Operation::from_number(rax as u32);
    // SAFETY: as above.
    let registers = unsafe { &mut *frame };
    conclude(thread, registers, |registers| serve(thread, operation.ok_or(Error::BadCommand)?, registers));
}

/// [`Operation::Drain`].
#[unsafe(no_mangle)]
extern "C" fn syscall_drain(frame: *mut Registers) {
    // SAFETY: the entry code's frame, alive until this returns.
    conclude(percpu::this().thread(), unsafe { &mut *frame }, |registers| {
        calls::drain(percpu::this().thread(), registers)
    });
}

/// A call of an object of the kernel's. Arguments in registers, so that the way of a message needs no memory for them.
#[inline(never)]
fn call_kernel(frame: *mut Registers, object: ObjectRef, generation: u32, rights: Rights) -> bool {
    let thread = percpu::this().thread();
    let target = Cap { object, generation, rights, badge: 0 };
    // SAFETY: the entry code's frame, alive until this returns.
    let registers = unsafe { &mut *frame };
    let command = (registers.rax >> 32) as u32;
    thread.note(unusual::ENVELOPE, false);
    conclude(thread, registers, |registers| calls::call(thread, target, command, registers));
    true
}

/// Serves, blocks if need be, and has the thread go on with the outcome.
#[inline(always)]
fn conclude(
    thread: &'static Thread,
    registers: &mut Registers,
    serve: impl FnOnce(&mut Registers) -> Result<Flow, Error>,
) {
    match lwkt::blocking(|| serve(registers)) {
        Ok(Flow::Done(result)) => registers.rax = result,
        Ok(Flow::Blocked) => {}
        Err(error) => registers.rax = error.code().cast_unsigned(),
    }
    user::about_to_return(thread);
}

/// One operation of the running thread.
fn serve(thread: &'static Thread, operation: Operation, registers: &mut Registers) -> Result<Flow, Error> {
    let command = (registers.rax >> 32) as u32;
    let number = MessageNumber::from_word(registers.r12);
    let deadline = registers.r15;
    match operation {
        Operation::Call => call_in_general(thread, registers, command, Flags::NONE, 0),
        Operation::CallUntil => {
            call_in_general(thread, registers, command, request_flags(registers.r13), deadline)
        }
        Operation::Send => send(thread, registers, command).map(Flow::Done),
        Operation::Reply => {
            transfer::reply(thread, number, registers.r14, registers.words).map(|()| Flow::Done(0))
        }
        Operation::CallWith => call_in_general(thread, registers, command, request_flags(registers.r13), 0),
        Operation::ReplyWaitWith => {
            let port = receive_end(thread, registers.handle)?;
            thread.offer(offered(registers))?;
            transfer::reply(thread, number, registers.r14, registers.words)
                .inspect_err(|_| thread.forget_offers())?;
            transfer::wait(thread, port, None)
        }
        Operation::ReplyWait | Operation::Wait | Operation::WaitFor => {
            let port = receive_end(thread, registers.handle)?;
            if operation == Operation::ReplyWait && registers.r12 != 0 {
                transfer::reply(thread, number, registers.r14, registers.words)?;
            }
            let only = (operation == Operation::WaitFor).then_some(number);
            until(thread, deadline, transfer::wait(thread, port, only))
        }
        Operation::Get => transfer::get(thread, receive_end(thread, registers.handle)?),
        Operation::Forward => {
            let (port, generation, badge) = send_end(thread, registers.handle)?;
            let changed = (command, registers.words, badge);
            transfer::forward(thread, number, port, generation, changed).map(|()| Flow::Done(0))
        }
        Operation::Abort => {
            let port = receive_end(thread, registers.handle)?;
            transfer::abort(Message::abortable(port, number)?);
            Ok(Flow::Done(0))
        }
        Operation::Offer => offer(thread, registers),
        Operation::Collect => calls::collect(thread, registers),
        Operation::Drain => unreachable!("syscall_drain serves it"),
        Operation::Ring => {
            let space = thread.space().ok_or(Error::BadHandle)?;
            let (channel, _) = space.object::<Channel>(registers.handle, Rights::SEND)?;
            channel.ring().map(|()| Flow::Done(0))
        }
    }
}

/// What a sender may say of how its message is handled.
fn request_flags(word: u64) -> Flags {
    let allowed = Flags::PRIORITY.with(Flags::DROPPABLE).with(Flags::ABORTABLE);
    Flags(word as u16 & allowed.0)
}

/// Gives a wait that has begun a limit in time.
fn until(thread: &'static Thread, deadline: u64, flow: Result<Flow, Error>) -> Result<Flow, Error> {
    // What was sent to a port that is no more has come back already.
    if deadline != 0 && thread.state.get() == ThreadState::Blocked {
        user::arm(thread, deadline);
    }
    flow
}

fn call_in_general(
    thread: &'static Thread,
    registers: &mut Registers,
    command: u32,
    flags: Flags,
    deadline: u64,
) -> Result<Flow, Error> {
    thread.note(unusual::ENVELOPE, registers.rax as u32 != Operation::Call as u32);
    let Some(capability) = calls::target(thread, registers.handle)? else {
        return calls::serve_here(thread, command, registers);
    };
    let Some(port) = capability.object.get::<Port>() else {
        return calls::call(thread, capability, command, registers);
    };
    if !capability.rights.allows(Rights::SEND) {
        return Err(Error::NoRights);
    }
    if port.home() == thread.cpu() && port.is_owned_by(thread) {
        return Err(Error::WouldDeadlock);
    }
    let message = thread.message().ok_or(Error::NoMemory)?;
    if registers.rax as u32 == Operation::CallWith as u32 {
        thread.offer(offered(registers))?;
    }
    let parcel = thread.pack_for(port.space.get())?;
    let parts = parcel.is_some();
    message.parcel.set(parcel);
    let (token, badge) = (registers.r12, u64::from(capability.badge));
    if thread.has(unusual::ENVELOPE) {
        message.token.set(token);
    }
    transfer::send_call(thread, port, capability.generation, command, flags, registers.words, badge)
        .inspect_err(|_| message.drop_parcel(port.space.get()))?;
    if parts {
        thread.part_with();
    }
    until(thread, deadline, Ok(Flow::Blocked))
}

/// `sendmsg`: the message's number.
///
/// # Errors
/// As [`Operation::Send`].
pub(crate) fn send(thread: &'static Thread, registers: &Registers, command: u32) -> Result<u64, Error> {
    let (port, generation, badge) = send_end(thread, registers.handle)?;
    let reply_port = receive_end(thread, registers.r14)?;
    if !reply_port.is_owned_by(thread) {
        return Err(Error::BadHandle);
    }
    let parcel = thread.pack_for(port.space.get())?;
    let Some(message) = reply_port.take_message() else {
        parcel.into_iter().for_each(|parcel| crate::cap::discard(port.space.get(), parcel));
        return Err(Error::Quota);
    };
    let sender = Sender::Port(reply_port);
    message.fill(sender, (command, request_flags(registers.r13), registers.r12), registers.words);
    message.badge.set(badge);
    let parts = parcel.is_some();
    message.parcel.set(parcel);
    let number = message.number().to_word();
    transfer::submit(message, port, generation).inspect_err(|_| {
        message.drop_parcel(port.space.get());
        reply_port.give_message(message);
    })?;
    thread.unsent.fetch_sub(1, Ordering::Relaxed);
    if parts {
        thread.part_with();
    }
    Ok(number)
}

fn send_end(thread: &Thread, handle: u64) -> Result<(&'static Port, u32, u64), Error> {
    let space = thread.space().ok_or(Error::BadHandle)?;
    let (port, capability) = space.object::<Port>(handle, Rights::SEND)?;
    Ok((port, capability.generation, u64::from(capability.badge)))
}

fn receive_end(thread: &Thread, handle: u64) -> Result<&'static Port, Error> {
    let space = thread.space().ok_or(Error::BadHandle)?;
    let (port, _) = space.object::<Port>(handle, Rights::RECEIVE)?;
    // Another CPU's port is nobody's on this one.
    if port.home() == thread.cpu() { Ok(port) } else { Err(Error::BadHandle) }
}

/// Notes a handle for the thread's next message.
fn offer(thread: &Thread, registers: &Registers) -> Result<Flow, Error> {
    if registers.handle == 0 {
        thread.forget_offers();
        return Ok(Flow::Done(0));
    }
    let transfer = match registers.words[1] {
        0 => Transfer::Copy,
        1 => Transfer::Move,
        _ => return Err(Error::BadArgument),
    };
    let (handle, rights) = (Handle::from_word(registers.handle), Rights(registers.words[0] as u16));
    thread.offer(Offer { handle, rights, transfer }).map(Flow::Done)
}

/// The handle that goes along with the message in these registers.
#[inline(always)]
pub(crate) fn offered(registers: &Registers) -> Offer {
    let along = Along(registers.r13);
    let transfer = if along.is_given() { Transfer::Move } else { Transfer::Copy };
    Offer { handle: Handle::from_word(registers.r15), rights: along.rights(), transfer }
}
