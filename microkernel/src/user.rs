//! User threads: made, started, faulting, ending.
//!
//! A user thread is a thread of the kernel's whose work is user code: it enters the kernel by system calls, interrupts and faults, and
//! it ends only by itself, on its way back to user mode. Whoever wants its end marks it and cuts its wait short.

use core::cell::Cell;
use core::sync::atomic::Ordering;

use anax_abi::object::{FAULT_STATUS, Policy, TraceKind, notice};
use anax_abi::{Error, Flags, Rights, WORDS};
use microkernel_core::list::ThreadIndex;
use microkernel_core::quota::Limits;
use microkernel_core::runqueue::Priority;

use crate::arch::cpu::{self, InterruptsOff};
use crate::arch::exception::{PAGE_FAULT, meaning};
use crate::arch::frame::TrapFrame;
use crate::arch::syscall::start_user;
use crate::cap::{self, Cap, Space};
use crate::crossbar;
use crate::lwkt::{self, Start, Thread, ThreadState, Wait, summons, unusual};
use crate::mm::layout::PAGE_SIZE;
use crate::mm::window;
use crate::msg::{self, Port, Registers, table2};
use crate::object::Object;
use crate::percpu::{self, PerCpu};
use crate::time::clock::Nanos;
use crate::time::timer::{self, Deadline};
use crate::trace;
use crate::vm::{Backing, Region};

/// Pages that a thread costs its space: its kernel stack, and itself.
const PAGES: u32 = 5;

/// What only user threads need. Its CPU's alone, but for what is handed over while the thread waits.
pub(crate) struct UserState {
    /// Where it begins: instruction pointer, stack pointer, argument.
    begin: Cell<[u64; 3]>,
    /// Where its faults and its end are told.
    supervisor: Cell<Option<(&'static Port, u32)>>,
    /// Its registers while its fault is being handled.
    pub(crate) fault: Cell<Option<*mut TrapFrame>>,
    /// What the kernel does for it elsewhere, and what came of that.
    pub(crate) target: Cell<Option<Cap>>,
    pub(crate) command: Cell<u32>,
    pub(crate) words: Cell<[u64; WORDS]>,
    pub(crate) result: Cell<i64>,
    /// When its wait has lasted too long.
    limit: Deadline,
}

impl UserState {
    pub(crate) const fn new() -> Self {
        Self {
            begin: Cell::new([0; 3]),
            supervisor: Cell::new(None),
            fault: Cell::new(None),
            target: Cell::new(None),
            command: Cell::new(0),
            words: Cell::new([0; WORDS]),
            result: Cell::new(0),
            limit: Deadline::new(too_late),
        }
    }
}

/// A thread of `space` on `cpu` that waits to be started. Any CPU.
///
/// # Errors
/// `Quota`, `NoMemory`.
pub(crate) fn create(
    space: &'static Space,
    cpu: &PerCpu,
    priority: Priority,
    supervisor: Option<(&'static Port, u32)>,
) -> Result<&'static Thread, Error> {
    let thread_unit = space.quota().threads.reserve(1)?;
    let pages = space.quota().pages.reserve(PAGES)?;
    let thread = lwkt::lwkt_create(cpu, "user", priority, Start::Later, run, 0)?;
    if thread.message().is_none() {
        lwkt::lwkt_free(thread);
        return Err(Error::NoMemory);
    }
    msg::prepare_registers(thread);
    thread.unsent.fetch_add(thread.sent() as u32, Ordering::Relaxed);
    thread.set_space(Some(space));
    thread.begin_usage(space.policy.get());
    thread.user.supervisor.set(supervisor);
    thread.user.fault.set(None);
    space.memory().ran_on(cpu.id());
    thread_unit.commit();
    pages.commit();
    if !space.thread_made() {
        let kill_it = |[index, ..]: [u64; 3]| kill(lwkt::thread(ThreadIndex(index as u32)));
        crossbar::at(cpu.id(), kill_it, [thread.index.0.into(), 0, 0]);
    }
    Ok(thread)
}

/// Loads a program file into a space of its own and makes its first thread, which waits to be started: the first program of the
/// system, and programs of the kernel's tests. It gets the machine, and may use `limits`.
///
/// # Errors
/// `BadArgument` for a file that breaks the policy, `Quota`, `NoMemory`.
pub(crate) fn load(
    file: &[u8],
    limits: Limits,
    supervisor: Option<(&'static Port, u32)>,
) -> Result<(&'static Space, &'static Thread, [u64; 2]), Error> {
    const STACK: u64 = 0x7fff_0000_0000;
    const STACK_PAGES: u64 = 16;
    let own = percpu::this();
    let space = Space::create(None, limits, Policy::Bsd4, own.id())?;
    let entry = space.memory().load(file)?;
    let stack = Region::unnamed(space.payer(), STACK_PAGES * PAGE_SIZE, Backing::Lazy)?;
    let rights = Rights::READ.with(Rights::WRITE);
    let address = STACK - STACK_PAGES * PAGE_SIZE;
    space.memory().map(stack, address, 0, STACK_PAGES * PAGE_SIZE, rights, rights)?;
    space.insert(cap::capability(&crate::calls::MACHINE, Rights::ALL))?;
    let archive = Region::of_bytes(space.payer(), crate::start::archive().bytes())?;
    let readable = Rights::SEND.with(Rights::READ).with(Rights::EXECUTE).with(Rights::GRANT);
    space.insert(cap::capability(archive, readable))?;
    let thread = create(space, own, Priority::DAEMON, supervisor)?;
    Ok((space, thread, [entry, STACK]))
}

/// What the first program may use: all there is, for itself and for whom it makes.
const FIRST: Limits = Limits { pages: u32::MAX / 2, handles: 4096, threads: 16_000, messages: 60_000 };

/// Runs member `bin/NAME` of the boot archive to its end, in a space of its own that has the machine; its status. By a thread of the
/// kernel's.
///
/// # Errors
/// `BadArgument` if there is no such program, or as [`load`].
pub(crate) fn run_program(name: &str, argument: u64) -> Result<u64, Error> {
    let mut member = arrayvec::ArrayString::<64>::new();
    core::fmt::Write::write_fmt(&mut member, format_args!("bin/{name}")).map_err(|_| Error::BadArgument)?;
    let file = crate::start::archive().get(&member).ok_or(Error::BadArgument)?;
    let port = table2::initport(0)?;
    let begun = InterruptsOff::new();
    let supervisor = Some((port, port.generation()));
    let (space, thread, [rip, rsp]) = load(file, FIRST, supervisor).inspect_err(|_| port.end())?;
    start(thread, [rip, rsp, argument])?;
    let _alive = cap::capability(space, Rights::ALL);
    drop(begun);
    let status = loop {
        let told = table2::waitport(port)?;
        if told.envelope.command() == notice::EXIT {
            break told.words[0];
        }
        let [cause, address, rip, ..] = told.words;
        log::warn!("{name}: fault {cause:#x} at {rip:#x}, address {address:#x}");
        table2::replymsg(told.number, Error::PeerDied.code(), [0; WORDS])?;
    };
    let _off = InterruptsOff::new();
    port.end();
    space.destroy(None);
    Ok(status)
}

/// Starts it at `[rip, rsp, argument]`. Its CPU.
///
/// # Errors
/// `Exists` if it was started before, `BadAddress` for an instruction pointer that is none of a user.
pub(crate) fn start(thread: &'static Thread, begin: [u64; 3]) -> Result<(), Error> {
    if thread.state.get() != ThreadState::Fresh {
        return Err(Error::Exists);
    }
    if !crate::vm::USER.contains(&begin[0]) {
        return Err(Error::BadAddress);
    }
    thread.user.begin.set(begin);
    lwkt::lwkt_schedule(thread);
    Ok(())
}

/// What a user thread does as a thread of the kernel's.
fn run(_: u64) {
    cpu::disable_interrupts();
    let thread = percpu::this().thread();
    about_to_return(thread);
    let [rip, rsp, argument] = thread.user.begin.get();
    // SAFETY: its own stack, which nothing on it is needed of any more; `switch_to` has made its space active; `start` checked `rip`.
    unsafe { start_user(rip, rsp, argument) }
}

/// On the way back to user mode: others first, if they are more urgent, and no further if the thread is to end. Interrupts off.
#[inline]
pub(crate) fn about_to_return(thread: &'static Thread) {
    lwkt::before_user();
    if thread.summons.get() != 0 {
        answer_summons(thread);
    }
}

/// The running thread does what it is to do before it returns to user mode: it ends, or goes to another CPU. Interrupts off.
#[cold]
pub(crate) fn answer_summons(thread: &'static Thread) {
    while thread.summons.get() != 0 {
        if thread.is_killed() {
            exit(thread, Error::PeerDied.code().cast_unsigned());
        }
        thread.summons.set(0);
        // One that has come to own a port meanwhile stays with it.
        if thread.ports.get().is_none() {
            // SAFETY: as in `exit`. This CPU may have no other thread of the space, and must not keep its tables.
            unsafe { window::kernel_root().activate() };
            lwkt::lwkt_give_away(thread.destination.get());
        }
        lwkt::before_user();
    }
}

/// Ends the running user thread: its ports, its charges, its place in the space; its supervisor is told. Interrupts off.
pub(crate) fn exit(thread: &'static Thread, status: u64) -> ! {
    while let Some(port) = thread.ports.get() {
        port.end();
    }
    if let Some(parcel) = thread.received.take() {
        cap::discard(thread.space(), parcel);
    }
    thread.forget_offers();
    thread.note(u8::MAX, false);
    if let Some((port, generation)) = thread.user.supervisor.take() {
        let words = [status, lwkt::number(thread), 0, 0, 0];
        msg::tell(thread, port, generation, notice::EXIT, words);
    }
    // SAFETY: the kernel's root maps all that the kernel has.
    unsafe { window::kernel_root().activate() };
    if let Some(space) = thread.space() {
        thread.set_space(None);
        space.ran.fetch_add(thread.ran(), Ordering::Relaxed);
        space.quota().threads.release(1);
        space.quota().pages.release(PAGES);
        thread.header().life().renew(0);
        space.thread_gone();
    }
    lwkt::lwkt_exit()
}

/// The priority at which threads end that are killed, unless they have more.
const ENDING: Priority = Priority::SOFT_INTERRUPT;

/// Marks a thread for its end and cuts its wait short. Its CPU; interrupts off.
pub(crate) fn kill(thread: &'static Thread) {
    if thread.space().is_none() || thread.summon(summons::KILLED) {
        return;
    }
    // What it holds is somebody's account: it does not wait its turn among others.
    if thread.priority.get() < ENDING {
        lwkt::set_priority(thread, ENDING);
    }
    cut_short(thread);
}

/// Ends the wait of a thread that has been killed, whatever it waits for. Its CPU; interrupts off.
pub(crate) fn cut_short(thread: &'static Thread) {
    match (thread.state.get(), thread.wait.get()) {
        (ThreadState::Fresh, _) => lwkt::lwkt_schedule(thread),
        (ThreadState::Blocked, Wait::Call(message)) => msg::abandon(message, Error::PeerDied),
        (ThreadState::Blocked, Wait::Receive(port)) => port.stop_waiting(Error::PeerDied),
        (ThreadState::Blocked, Wait::Sleep) => lwkt::wake(thread),
        (ThreadState::Blocked, Wait::Kernel) => cap::stop_mourning(thread.index),
        // What else the kernel does for it elsewhere ends by itself; one that runs or is runnable comes by before it returns.
        _ => {}
    }
}

/// Kills all threads of a space on this CPU.
pub(crate) fn kill_threads_of(space: &'static Space) {
    let own = percpu::this().id();
    lwkt::threads().filter(|thread| thread.cpu() == own && thread.is_of(space)).for_each(kill);
}

/// Bit of a page fault's error code: the access was user code's. (Intel SDM volume 3A, 4.7.)
const BY_USER: u64 = 1 << 2;

/// A fault of user code that the kernel has not resolved: the supervisor decides; without one, or if it says so, the thread
/// ends. Interrupts off.
pub(crate) fn fault(frame: &mut TrapFrame) {
    let thread = percpu::this().thread();
    let address = if frame.vector == PAGE_FAULT { cpu::page_fault_address() } else { 0 };
    trace::note(TraceKind::Fault, frame.vector | frame.error << 32, address);
    // Not what the processor does for itself: QEMU reads the stack of a far return so, and SMAP forbids it for ever.
    if frame.vector == PAGE_FAULT
        && frame.error & BY_USER != 0
        && let Some(space) = thread.space()
        && resolve(thread, space, address, frame.error)
    {
        return about_to_return(thread);
    }
    let status = FAULT_STATUS | frame.vector;
    let Some((port, generation)) = thread.user.supervisor.get() else {
        log::info!("{thread} ended: {}, at {:#x}", meaning(frame, address), frame.rip);
        exit(thread, status);
    };
    let cause = frame.vector | frame.error << 32;
    let words = [cause, address, frame.rip, frame.rsp, lwkt::number(thread)];
    thread.user.fault.set(Some(frame));
    let verdict = table2::domsg(table2::Target(port, generation), notice::FAULT, Flags::PRIORITY, words);
    thread.user.fault.set(None);
    if verdict.is_err() {
        exit(thread, status);
    }
    about_to_return(thread);
}

/// The registers of a thread whose fault is being handled, by their numbers: 5 x group + place in it, as `ReadRegisters` documents.
#[expect(clippy::mut_from_ref, reason = "raw memory of the thread's stack; see SAFETY")]
fn registers_of(thread: &Thread) -> Result<[&mut u64; 18], Error> {
    let frame = thread.user.fault.get().ok_or(Error::BadArgument)?;
    // SAFETY: on the stack of the thread, which waits in `fault` until its CPU, this one, lets it go on.
    let frame = unsafe { &mut *frame };
    let TrapFrame { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, rip, rflags, .. } = frame;
    let TrapFrame { r8, r9, r10, r11, r12, r13, r14, r15, .. } = frame;
    Ok([rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags])
}

/// A group of five registers of a thread whose fault is being handled: those that `ReadRegisters` documents.
///
/// # Errors
/// `BadArgument` for an unknown group, and while no fault of the thread is being handled.
pub(crate) fn read_registers(thread: &Thread, group: u64) -> Result<[u64; WORDS], Error> {
    let registers = registers_of(thread)?;
    if group > 3 {
        return Err(Error::BadArgument);
    }
    Ok(core::array::from_fn(|place| match group as usize * WORDS + place {
        18 => thread.fs_base.get(),
        number => registers.get(number).map_or(0, |register| **register),
    }))
}

/// Changes one register of a thread whose fault is being handled: that place of a group.
///
/// # Errors
/// As [`read_registers`]; `BadAddress` for an instruction pointer that is none of a user; flags are what user code may change.
pub(crate) fn write_register(thread: &Thread, [group, place, value]: [u64; 3]) -> Result<(), Error> {
    /// Carry, parity, adjust, zero, sign, direction, overflow.
    const USER_FLAGS: u64 = 0xcd5;
    let mut group_of = registers_of(thread)?.into_iter().skip(5 * group.min(4) as usize).take(5);
    let register = group_of.nth(place.min(5) as usize).ok_or(Error::BadArgument)?;
    *register = match (group, place) {
        (3, 1) if !crate::vm::USER.contains(&value) => return Err(Error::BadAddress),
        (3, 2) => *register & !USER_FLAGS | value & USER_FLAGS,
        _ => value,
    };
    Ok(())
}

/// Sets where the thread's own thread-local storage lies.
///
/// # Errors
/// `BadAddress` for an address that is none of a user.
pub(crate) fn set_fs_base(thread: &'static Thread, base: u64) -> Result<(), Error> {
    if base >= crate::vm::USER.end {
        return Err(Error::BadAddress);
    }
    thread.fs_base.set(base);
    if core::ptr::eq(thread, percpu::this().thread()) {
        percpu::this().use_fs_base(base);
    }
    Ok(())
}

/// Puts a limit to the wait that the running thread has begun.
pub(crate) fn arm(thread: &'static Thread, deadline: u64) {
    thread.note(unusual::LIMITED, true);
    thread.user.limit.set_argument(thread.index.0.into());
    timer::set(&thread.user.limit, Nanos(deadline));
}

/// Takes the limit away.
#[cold]
pub(crate) fn disarm(thread: &'static Thread) {
    timer::cancel(&thread.user.limit);
    thread.note(unusual::LIMITED | unusual::AWAITS, false);
    thread.awaited.set(None);
}

/// The limit has come.
fn too_late(limit: &'static Deadline) {
    let thread = lwkt::thread(ThreadIndex(limit.argument() as u32));
    thread.note(unusual::LIMITED, false);
    if thread.state.get() != ThreadState::Blocked {
        return;
    }
    match thread.wait.get() {
        Wait::Call(message) => msg::abandon(message, Error::TimedOut),
        Wait::Receive(port) => port.stop_waiting(Error::TimedOut),
        Wait::Sleep => {
            thread.registers().rax = 0;
            lwkt::wake(thread);
        }
        Wait::None | Wait::Kernel => {}
    }
}

/// Has a page fault of the running thread seen to at the home of its space; whether that helped.
fn resolve(thread: &'static Thread, space: &'static Space, address: u64, error: u64) -> bool {
    if space.memory().is_home() {
        return space.memory().fault(address, error);
    }
    let mut registers = Registers::default();
    let outer = thread.registers.replace(&raw mut registers);
    thread.user.words.set([address, error, 0, 0, 0]);
    thread.set_waiting(Wait::Kernel);
    let at_home = |[index, ..]: [u64; 3]| {
        let thread = lwkt::thread(ThreadIndex(index as u32));
        let [address, error, ..] = thread.user.words.get();
        let resolved = thread.space().is_some_and(|space| space.memory().fault(address, error));
        crate::calls::finish(index as u32, Ok(resolved.into()));
    };
    crossbar::at(space.home(), at_home, [thread.index.0.into(), 0, 0]);
    lwkt::block_current();
    thread.registers.set(outer);
    // SAFETY: ours; `finish` wrote to it through the thread's pointer.
    unsafe { (&raw const registers.rax).read_volatile() == 1 }
}

/// System calls of the kernel tests' own little programs, which run without a space: 0 does nothing, 1 ends with a status.
#[cfg(feature = "test")]
pub(crate) fn call_of_test(registers: &mut crate::msg::Registers) {
    match registers.rax as u32 {
        0 => registers.rax = 0,
        // SAFETY: such a thread is inside `enter_user`, and nothing is held here.
        1 => unsafe { crate::arch::syscall::leave_user(registers.words[0]) },
        _ => registers.rax = Error::BadCommand.code().cast_unsigned(),
    }
}
