//! Sending, receiving, replying, and all other ways in which a message can end.
//!
//! "Home" below is the CPU of the port that the message was sent to. Interrupts are off throughout; nothing here waits.

use anax_abi::object::TraceKind;
use anax_abi::{Error, Flags, MessageNumber, WORDS};
use microkernel_core::crossbar::Class;
use microkernel_core::runqueue::Priority;

use super::message::{Message, Notice, Sender, State};
use super::port::{CROWDED, Port};
use super::trap::Registers;
use crate::cap;
use crate::crossbar;
use crate::lwkt::{self, Thread, ThreadState, Wait, unusual};
use crate::percpu::{self, CpuId};
use crate::trace;

/// What a call means for the thread that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(crate) enum Flow {
    /// It goes on with this result.
    Done(u64),
    /// It is blocked; whoever wakes it has filled in its registers.
    Blocked,
}

/// How far a priority is handed on from thread to thread that wait for each other.
const CHAIN: u32 = 8;

fn is_here(cpu: CpuId) -> bool {
    cpu == percpu::this().id()
}

/// Has `call` done with that use of the message on `cpu`; here, at once.
fn at(cpu: CpuId, message: &'static Message, call: fn([u64; 3]), word: u64) {
    crossbar::at(cpu, call, [message.number().to_word(), word, 0]);
}

/// The message that a crossbar entry names, if that use of it is not over.
fn named(word: u64) -> Option<&'static Message> {
    Message::of(MessageNumber::from_word(word))
}

/// The same if its home is here; if it was forwarded meanwhile, `call` follows it.
fn named_here(number: u64, call: fn([u64; 3]), word: u64) -> Option<&'static Message> {
    let wanted = MessageNumber::from_word(number);
    let message = Message::any(wanted)?;
    // First where it is: only there is its number sure not to change meanwhile.
    let home = message.home();
    if !message.is(wanted) {
        return None;
    }
    match home {
        Some(home) if !is_here(home) => {
            crossbar::at(home, call, [number, word, 0]);
            None
        }
        _ => Some(message),
    }
}

/// Sends a filled-in message to that generation of a port. On the sender's CPU.
///
/// # Errors
/// `Full`: too many messages on the way to the port's CPU. Nothing was sent.
#[inline(always)]
pub(super) fn submit(message: &'static Message, port: &'static Port, generation: u32) -> Result<(), Error> {
    invariant!(message.state.get() == State::Idle, "a message is sent twice");
    message.cancelled.set(None);
    message.state.set(State::Transit);
    let home = port.home();
    // Last: from now on it is the other CPU's.
    message.aim(port, generation, home);
    match percpu::get(home) {
        Some(target) if !is_here(home) => {
            let words = [message.number().to_word(), 0, 0];
            crossbar::send(percpu::this(), target, Class::User, arrive_from_afar, words).map_err(|_| {
                message.set_home(percpu::this().id());
                message.state.set(State::Idle);
                Error::Full
            })
        }
        _ => {
            arrive(message);
            Ok(())
        }
    }
}

fn arrive_from_afar([number, ..]: [u64; 3]) {
    if let Some(message) = named(number) {
        arrive(message);
    }
}

/// A message has reached its port's CPU. Home.
#[inline(always)]
fn arrive(message: &'static Message) {
    let Some(port) = message.port.get() else { return };
    trace::note(TraceKind::Arrival, message.command.get().into(), message.number().to_word());
    let error = match message.cancelled.get() {
        _ if port.generation() != message.port_generation.get() => Error::PeerDied,
        Some(error) => error,
        None if message.flags.get().contains(Flags::DROPPABLE) && port.queued() >= CROWDED => Error::Dropped,
        None => return post(port, message, State::Queued),
    };
    conclude(message, error);
}

/// Gives a message or reply to the port's owner if he waits for it, else puts it in the queue.
#[inline(always)]
fn post(port: &'static Port, message: &'static Message, state: State) {
    message.state.set(state);
    let Some(owner) = port.owner.get() else { return };
    if port.waiting.get() && owner.awaited.get().is_none_or(|number| message.number() == number) {
        return deliver(owner, port, message);
    }
    port.enqueue(message);
    boost(owner, message.priority.get(), CHAIN);
}

/// Gives a message to the port's owner, who waits for it.
#[inline(never)]
fn deliver(owner: &'static Thread, port: &'static Port, message: &'static Message) {
    port.waiting.set(false);
    receive(owner.registers(), owner, port, message);
    lwkt::wake(owner);
}

/// Fills a message into registers for the port's owner. Home.
#[inline(always)]
fn receive(
    registers: &mut Registers,
    owner: &'static Thread,
    port: &'static Port,
    message: &'static Message,
) {
    let handles = accept(owner, message);
    let flags = message.flags.get();
    registers.rax = 0;
    registers.words = message.words.get();
    registers.handle = 0;
    registers.r12 = message.badge.get();
    registers.r13 = message.envelope(flags, handles);
    if handles > 0 {
        // They are still to be collected.
        registers.r15 = 0;
    }
    if message.state.get() == State::Replied {
        registers.r12 = message.token.get();
        registers.r13 = message.envelope(flags.with(Flags::REPLY), handles);
        registers.r14 = message.result.get().cast_unsigned();
        port.give_message(message);
        return;
    }
    if message.aborting.get() {
        message.aborting.set(false);
        registers.words = [message.number().to_word(), 0, 0, 0, 0];
        registers.r13 = u64::from(anax_abi::object::notice::ABORT);
        message.state.set(State::Held);
        return;
    }
    match message.sender.get() {
        Sender::Nobody => {
            registers.r14 = message.count.get().into();
            return complete(message);
        }
        Sender::Gone => return complete(message),
        Sender::Acknowledge(..) => registers.r14 = message.count.get().into(),
        Sender::Thread(_) | Sender::Port(_) => {}
    }
    registers.handle = message.number().to_word();
    message.state.set(State::Held);
    port.held.set(port.held.get() + 1);
    inherit(owner, port, message.priority.get());
}

/// The owner of the port has what it has of itself, or `level`, or what a message wants that waits for it. Home.
#[inline(always)]
fn inherit(owner: &'static Thread, port: &'static Port, level: u8) {
    let base = owner.base.get();
    // Who has inherited nothing is as urgent as all that waits at its only port: it was boosted when that came.
    if level > base.level() || owner.priority.get() != base || !port.is_only_one_of(owner) {
        owner.inherit(level.max(Port::demand(owner)));
    }
}

/// Keeps arrived handles for the thread to collect; how many.
#[inline(always)]
fn accept(thread: &'static Thread, message: &'static Message) -> u8 {
    if message.has_parcel() || thread.has(unusual::RECEIVED) { accept_parcel(thread, message) } else { 0 }
}

#[inline(never)]
fn accept_parcel(thread: &'static Thread, message: &'static Message) -> u8 {
    let parcel = message.parcel.take();
    let handles = parcel.as_ref().map_or(0, |parcel| parcel.len() as u8);
    thread.note(unusual::RECEIVED, handles > 0);
    if let Some(stale) = thread.received.replace(parcel) {
        cap::discard(thread.space(), stale);
    }
    handles
}

/// The running thread wants the next message of its port. (Table II: waitport, and waitmsg with `only`.)
///
/// # Errors
/// `BadHandle` if the port is not the thread's.
#[inline(always)]
pub(super) fn wait(
    thread: &'static Thread,
    port: &'static Port,
    only: Option<MessageNumber>,
) -> Result<Flow, Error> {
    if !port.is_owned_by(thread) {
        return Err(Error::BadHandle);
    }
    let next = match only {
        None => port.first(),
        Some(number) => {
            let message = Message::of(number).filter(|message| message.answers_to(port));
            let message = message.ok_or(Error::BadArgument)?;
            (message.state.get() == State::Replied).then_some(message)
        }
    };
    if let Some(message) = next {
        take(thread.registers(), thread, port, message);
        return Ok(Flow::Done(0));
    }
    thread.awaited.set(only);
    thread.note(unusual::AWAITS, only.is_some());
    thread.set_waiting(Wait::Receive(port));
    port.waiting.set(true);
    inherit(thread, port, 0);
    Ok(Flow::Blocked)
}

/// The next message of the port, if there is one. (Table II: getport.)
///
/// # Errors
/// `BadHandle` if the port is not the thread's, `WouldBlock` if there is none.
pub(super) fn get(thread: &'static Thread, port: &'static Port) -> Result<Flow, Error> {
    if port.is_owned_by(thread) && port.first().is_none() {
        return Err(Error::WouldBlock);
    }
    wait(thread, port, None)
}

/// Gives the running thread a message that waits in its port.
#[inline(always)]
pub(super) fn take(
    registers: &mut Registers,
    thread: &'static Thread,
    port: &'static Port,
    message: &'static Message,
) {
    port.unlink(message);
    receive(registers, thread, port, message);
    if port.held.get() == 0 {
        // Nobody waits for the rest of it: a notice, a reply.
        inherit(thread, port, 0);
    }
}

/// Ends the wait of a port's owner without a message. Home.
pub(super) fn fail_receive(owner: &'static Thread, error: Error) {
    owner.registers().rax = error.code().cast_unsigned();
    lwkt::wake(owner);
}

/// The message of that number, if `thread` holds it.
fn held_by(thread: &'static Thread, number: MessageNumber) -> Result<&'static Message, Error> {
    Message::of(number)
        .filter(|message| message.is_home(percpu::this().id()))
        .filter(|message| message.state.get() == State::Held)
        .filter(|message| message.port.get().is_some_and(|port| port.is_owned_by(thread)))
        .ok_or(Error::BadHandle)
}

/// Answers a message that the thread holds. (Table II: replymsg.)
///
/// # Errors
/// `BadHandle` if it holds no such message (any more); what offering handles can fail with, and then the message is still held.
#[inline(always)]
pub(super) fn reply(
    thread: &'static Thread,
    number: MessageNumber,
    result: u64,
    words: [u64; WORDS],
) -> Result<(), Error> {
    let message = held_by(thread, number)?;
    if thread.has(unusual::OFFERS) {
        pack_reply(thread, message)?;
    }
    answer(thread, message, result, words);
    Ok(())
}

#[cold]
fn pack_reply(thread: &'static Thread, message: &'static Message) -> Result<(), Error> {
    let parcel = match message.sender.get() {
        Sender::Thread(sender) => thread.pack_for(sender.space())?,
        Sender::Port(port) => thread.pack_for(port.space.get())?,
        Sender::Acknowledge(..) | Sender::Nobody | Sender::Gone => None,
    };
    if parcel.is_some() {
        thread.part_with();
    }
    message.parcel.set(parcel);
    Ok(())
}

/// Answers a message that its holder has asked to.
#[inline]
pub(super) fn answer(holder: &'static Thread, message: &'static Message, result: u64, words: [u64; WORDS]) {
    message.words.set(words);
    message.result.set(result.cast_signed());
    release(holder, message);
    complete(message);
}

/// The holder lets go of it.
#[inline(always)]
fn release(holder: &'static Thread, message: &'static Message) {
    let Some(port) = message.port.get() else { return };
    if message.aborting.get() {
        message.aborting.set(false);
        port.unlink(message);
    }
    port.held.set(port.held.get() - 1);
    let before = holder.priority.get();
    inherit(holder, port, 0);
    if holder.priority.get() < before {
        // It may have been the most urgent only by what it had inherited.
        percpu::this().scheduler.ask();
    }
}

/// Passes a message that the thread holds on to another port, with a new command and new words. (Table II: forwardmsg.)
///
/// # Errors
/// As [`reply`]; `Full`, and then the message is still held.
pub(super) fn forward(
    thread: &'static Thread,
    number: MessageNumber,
    port: &'static Port,
    generation: u32,
    (command, words, badge): (u32, [u64; WORDS], u64),
) -> Result<(), Error> {
    let message = held_by(thread, number)?;
    if matches!(message.sender.get(), Sender::Acknowledge(..)) {
        return Err(Error::BadArgument);
    }
    let from = message.port.get();
    let parcel = thread.pack_for(port.space.get())?;
    if message.aborting.take() {
        // Its links, which carry the request, are needed for the other port's queue.
        from.into_iter().for_each(|port| port.unlink(message));
    }
    let before = (message.command.get(), message.words.get(), message.badge.get());
    message.command.set(command);
    message.words.set(words);
    message.badge.set(badge);
    let parts = parcel.is_some();
    message.parcel.set(parcel);
    message.state.set(State::Idle);
    if let Err(error) = submit(message, port, generation) {
        message.command.set(before.0);
        message.words.set(before.1);
        message.badge.set(before.2);
        message.drop_parcel(port.space.get());
        message.port.set(from);
        message.port_generation.set(from.map_or(0, Port::generation));
        message.state.set(State::Held);
        return Err(error);
    }
    if parts {
        thread.part_with();
    }
    if let Some(port) = from {
        port.held.set(port.held.get() - 1);
        inherit(thread, port, 0);
    }
    Ok(())
}

/// Ends a message that is in no queue with an error. Home.
#[inline(never)]
pub(super) fn conclude(message: &'static Message, error: Error) {
    message.drop_parcel(message.port.get().and_then(|port| port.space.get()));
    message.aborting.set(false);
    message.answer(error);
    if let Sender::Acknowledge(..) = message.sender.get() {
        // A dead driver has not answered: its device is to be stopped first.
        message.sender.set(Sender::Nobody);
        message.expire();
    }
    complete(message);
}

/// Has the sender told how it ended. Home.
#[inline(always)]
fn complete(message: &'static Message) {
    if trace::is_on(percpu::this()) {
        trace::note(TraceKind::End, message.result.get().cast_unsigned(), message.number().to_word());
    }
    let Sender::Thread(thread) = message.sender.get() else { return complete_else(message) };
    let home = thread.cpu();
    message.state.set(State::Returning);
    message.set_home(home);
    crossbar::now_at(percpu::this(), home, call_ended, [message.number().to_word(), 0, 0]);
}

/// The same if no thread waits for it.
#[inline(never)]
fn complete_else(message: &'static Message) {
    match message.sender.get() {
        Sender::Port(port) => {
            message.state.set(State::Returning);
            message.set_home(port.home());
            at(port.home(), message, reply_arrived, 0);
        }
        Sender::Acknowledge(call, argument) => {
            message.end_call();
            call(argument);
        }
        Sender::Nobody | Sender::Thread(_) => message.state.set(State::Idle),
        Sender::Gone => {
            message.state.set(State::Idle);
            message.give();
        }
    }
}

/// A synchronous call has ended: the sender goes on. At the sender's CPU.
fn call_ended([number, ..]: [u64; 3]) {
    let Some(message) = named(number) else { return };
    let Sender::Thread(thread) = message.sender.get() else { return };
    message.end_call();
    let registers = thread.registers();
    registers.rax = message.result.get().cast_unsigned();
    registers.handle = 0;
    registers.words = message.words.get();
    if message.has_parcel() || thread.has(unusual::RECEIVED | unusual::ENVELOPE) {
        tell_more(thread, registers, message);
    }
    lwkt::wake(thread);
}

/// What else there is to tell a sender: which handles have come, and what the envelope says, if it wants to know.
#[cold]
fn tell_more(thread: &'static Thread, registers: &mut Registers, message: &'static Message) {
    let handles = accept_parcel(thread, message);
    if thread.has(unusual::ENVELOPE) {
        registers.r12 = message.token.get();
        registers.r13 = message.envelope(message.flags.get().with(Flags::REPLY), handles);
        registers.r14 = registers.rax;
        registers.r15 = if handles > 0 { 0 } else { registers.r15 };
        thread.note(unusual::ENVELOPE, false);
    }
}

/// An asynchronous message's reply has reached its reply port's CPU.
fn reply_arrived([number, ..]: [u64; 3]) {
    let Some(message) = named(number) else { return };
    let Sender::Port(port) = message.sender.get() else { return };
    if !message.out.get() {
        // The port has ended meanwhile and left the message to itself.
        message.drop_parcel(None);
        message.state.set(State::Idle);
        return message.give();
    }
    post(port, message, State::Replied);
}

/// Ends a message early, wherever it is; its sender learns of it as of a reply. From the sender's CPU.
pub(crate) fn abandon(message: &'static Message, error: Error) {
    if let Some(home) = message.home() {
        at(home, message, settle, error.code().cast_unsigned());
    }
}

/// A sender has ended: its message is to come back as soon as possible.
pub(crate) fn withdraw(message: &'static Message) {
    abandon(message, Error::PeerDied);
}

fn settle([number, error, _]: [u64; 3]) {
    let Some(message) = named_here(number, settle, error) else { return };
    let error = Error::from_code(error.cast_signed());
    match message.state.get() {
        State::Idle | State::Returning | State::Replied => {}
        State::Transit => message.cancelled.set(Some(error)),
        State::Queued => {
            message.port.get().into_iter().for_each(|port| port.unlink(message));
            conclude(message, error);
        }
        State::Held => {
            if let Some(holder) = message.port.get().and_then(|port| port.owner.get()) {
                release(holder, message);
            }
            conclude(message, error);
        }
    }
}

/// Asks whoever has the message to end it early: at once if it still waits, else by a notice. (Table II: abortmsg.) From the
/// reply port's CPU.
pub(super) fn abort(message: &'static Message) {
    if let Some(home) = message.home() {
        at(home, message, abort_at_home, 0);
    }
}

fn abort_at_home([number, ..]: [u64; 3]) {
    let Some(message) = named_here(number, abort_at_home, 0) else { return };
    if message.state.get() != State::Held {
        return settle([number, Error::Aborted.code().cast_unsigned(), 0]);
    }
    // A held message is in no queue: its own links carry the request.
    if !message.aborting.replace(true)
        && let Some(port) = message.port.get()
    {
        post(port, message, State::Held);
    }
}

/// A source has something to tell. From the source's CPU, in any context with interrupts off.
pub(crate) fn notify(notice: &Notice, words: [u64; 2]) {
    let Some(message) = notice.message() else { return };
    let Some(home) = message.home() else { return };
    crossbar::at(home, notify_at_home, [message.number().to_word(), words[0], words[1]]);
}

fn notify_at_home([number, first, second]: [u64; 3]) {
    let Some(message) = named(number) else { return };
    let Some(port) = message.port.get() else { return };
    if port.life.get() != message.port_generation.get() {
        return;
    }
    match message.state.get() {
        State::Idle => {
            message.words.set([first, second, 0, 0, 0]);
            message.count.set(1);
            post(port, message, State::Queued);
        }
        _ => message.count.set(message.count.get() + 1),
    }
}

/// Lets a thread, and whoever it waits for, run at least at `priority`. At the thread's CPU.
#[inline(always)]
pub(super) fn boost(thread: &'static Thread, priority: u8, depth: u32) {
    if thread.priority.get().level() < priority && depth > 0 && cfg!(not(bite = "msg-no-inheritance")) {
        raise(thread, priority, depth);
    }
}

#[cold]
fn raise(thread: &'static Thread, priority: u8, depth: u32) {
    let Some(priority) = Priority::new(priority) else { return };
    lwkt::set_priority(thread, priority);
    if thread.state.get() == ThreadState::Blocked
        && let Wait::Call(message) = thread.wait.get()
        && let Some(home) = message.home()
    {
        at(home, message, boost_holder, u64::from(priority.level()) | u64::from(depth - 1) << 8);
    }
}

fn boost_holder([number, what, _]: [u64; 3]) {
    let Some(message) = named_here(number, boost_holder, what) else { return };
    message.priority.set(message.priority.get().max(what as u8));
    if matches!(message.state.get(), State::Queued | State::Held)
        && let Some(owner) = message.port.get().and_then(|port| port.owner.get())
    {
        boost(owner, what as u8, (what >> 8) as u32);
    }
}

/// The last word of a thread that ends: its message goes to that generation of a port and needs no reply.
pub(crate) fn tell(
    thread: &'static Thread,
    port: &'static Port,
    generation: u32,
    command: u32,
    words: [u64; WORDS],
) {
    let Some(message) = thread.message.take() else { return };
    message.fill(Sender::Gone, (command, Flags::PRIORITY, 0), words);
    if submit(message, port, generation).is_err() {
        // The way is crowded with what users have sent; this must get through.
        message.state.set(State::Transit);
        at(port.home(), message, arrive_from_afar, 0);
    }
}

/// Sends the thread's own message and makes it wait for the reply. (Table II: domsg.)
///
/// # Errors
/// As [`submit`].
#[inline(always)]
pub(super) fn send_call(
    thread: &'static Thread,
    port: &'static Port,
    generation: u32,
    command: u32,
    flags: Flags,
    words: [u64; WORDS],
    badge: u64,
) -> Result<(), Error> {
    let message = thread.message().ok_or(Error::NoMemory)?;
    message.fill(Sender::Thread(thread), (command, flags, message.token.get()), words);
    message.badge.set(badge);
    thread.set_waiting(Wait::Call(message));
    submit(message, port, generation).inspect_err(|_| thread.set_running())
}
