//! System calls: messages to the objects that the kernel serves.
//!
//! Each is done at one CPU: the home of what it changes, which [`home`] knows. If that is the caller's, the call is made in place and
//! nothing is queued; else the caller waits while the crossbar carries the request there and the result back. No call
//! blocks its server: what takes longer answers later, by [`finish`].

mod batch;
mod machine;
mod objects;
mod space;
mod thread;

pub(crate) use batch::drain;
pub(crate) use machine::MACHINE;

use anax_abi::object::{ChannelCommand, MachineCommand, NULL, SpaceCommand, THIS_THREAD};
use anax_abi::{Error, Handle, Rights, WORDS};
use microkernel_core::crossbar::Class;
use microkernel_core::list::ThreadIndex;

use crate::cap::{self, Cap, Space};
use crate::crossbar;
use crate::lwkt::{self, Thread, ThreadState, Wait};
use crate::msg::{Flow, Port, Registers};
use crate::object::{Kind, Object, ObjectRef};
use crate::percpu::{self, CpuId};

/// What a call comes to.
pub(crate) enum Served {
    /// This result.
    Value(u64),
    /// A handle to this in the caller's space.
    Handle(Cap),
    /// Whoever completes it calls [`finish`].
    Later,
}

/// A handle to that object, with all rights.
fn handle<T: Object>(object: &'static T) -> Served {
    Served::Handle(cap::capability(object, Rights::ALL))
}

/// One call: who makes it, of what, with which words, which become the answer's.
pub(crate) struct Call<'a> {
    pub(crate) caller: &'static Thread,
    /// The calling space.
    pub(crate) space: &'static Space,
    pub(crate) rights: Rights,
    pub(crate) words: &'a mut [u64; WORDS],
}

impl Call<'_> {
    /// Refuses unless the handle that the call was made by carries these rights.
    pub(crate) fn needs(&self, rights: Rights) -> Result<(), Error> {
        if self.rights.allows(rights) { Ok(()) } else { Err(Error::NoRights) }
    }
}

/// What a handle of the thread stands for; none for [`THIS_THREAD`].
///
/// # Errors
/// `BadHandle`.
pub(crate) fn target(thread: &Thread, handle: u64) -> Result<Option<Cap>, Error> {
    let handle = Handle::from_word(handle);
    if handle == THIS_THREAD {
        return Ok(None);
    }
    let space = thread.space().ok_or(Error::BadHandle)?;
    space.lookup(handle, Rights::NONE).map(Some)
}

/// The thread's call of itself.
///
/// # Errors
/// What the call fails with.
pub(crate) fn serve_here(
    thread: &'static Thread,
    command: u32,
    registers: &mut Registers,
) -> Result<Flow, Error> {
    let space = thread.space().ok_or(Error::BadHandle)?;
    let mut call = Call { caller: thread, space, rights: Rights::ALL, words: &mut registers.words };
    let served = thread::serve(thread, command, &mut call)?;
    hand_over(thread, served)
}

/// A call of an object of the kernel's by the running thread.
///
/// # Errors
/// What the call fails with; `Full`: the way to the object's CPU is.
pub(crate) fn call(
    thread: &'static Thread,
    target: Cap,
    command: u32,
    registers: &mut Registers,
) -> Result<Flow, Error> {
    let space = thread.space().ok_or(Error::BadHandle)?;
    let home = home(thread, space, target, command, &registers.words)?;
    if home == thread.cpu() {
        let mut call = Call { caller: thread, space, rights: target.rights, words: &mut registers.words };
        let served = serve(target, command, &mut call)?;
        return hand_over(thread, served);
    }
    thread.user.target.set(Some(target));
    thread.user.command.set(command);
    thread.user.words.set(registers.words);
    thread.set_waiting(Wait::Kernel);
    let cpu = percpu::get(home).ok_or(Error::BadArgument)?;
    let index = u64::from(thread.index.0);
    crossbar::send(percpu::this(), cpu, Class::User, serve_remotely, [index, 0, 0]).map_err(|_| {
        thread.set_running();
        Error::Full
    })?;
    Ok(Flow::Blocked)
}

/// The CPU that alone may serve the call.
#[inline(always)]
fn home(
    thread: &Thread,
    space: &'static Space,
    target: Cap,
    command: u32,
    words: &[u64; WORDS],
) -> Result<CpuId, Error> {
    let second = || {
        let object = space.lookup(Handle::from_word(words[0]), Rights::NONE)?.object;
        // Regions have no home; taking one away stops all CPUs, which only a thread can do.
        Ok(if object.header().kind() == Kind::Region { thread.cpu() } else { object.header().home() })
    };
    let own = Ok(thread.cpu());
    match target.object.header().kind() {
        Kind::Machine => match MachineCommand::from_number(command) {
            Some(MachineCommand::Line | MachineCommand::MsiX | MachineCommand::Msi) => {
                space::running_cpu(words[2])
            }
            // There the buffer's pages can be made.
            Some(
                MachineCommand::Log
                | MachineCommand::ConsoleWrite
                | MachineCommand::ConsoleRead
                | MachineCommand::Description
                | MachineCommand::CommandLine,
            ) => Ok(space.home()),
            _ => own,
        },
        Kind::Region | Kind::Ports => own,
        Kind::Channel => match ChannelCommand::from_number(command) {
            Some(ChannelCommand::Bind) => second(),
            Some(ChannelCommand::MapEpoch) => Ok(space.home()),
            _ => own,
        },
        Kind::Space => match SpaceCommand::from_number(command) {
            Some(SpaceCommand::CreatePort) if words[0] == THIS_THREAD.to_word() => own,
            Some(
                SpaceCommand::CreatePort
                | SpaceCommand::CreateTimer
                | SpaceCommand::Revoke
                | SpaceCommand::Destroy
                | SpaceCommand::Inspect,
            ) => second(),
            // The caller's own space can't end meanwhile; another's might, but at its home.
            Some(SpaceCommand::CreateThread | SpaceCommand::CreateRegion)
                if target.object.get().is_some_and(|target| core::ptr::eq::<Space>(target, space)) =>
            {
                own
            }
            _ => Ok(target.object.header().home()),
        },
        _ => Ok(target.object.header().home()),
    }
}

fn serve_remotely([index, ..]: [u64; 3]) {
    let thread = lwkt::thread(ThreadIndex(index as u32));
    let (Some(target), Some(space)) = (thread.user.target.take(), thread.space()) else { return };
    if let Some(moved) = target.object.get::<Thread>()
        && !moved.header().is_at(percpu::this().id())
    {
        thread.user.target.set(Some(target));
        return crossbar::at(moved.cpu(), serve_remotely, [index, 0, 0]);
    }
    let mut words = thread.user.words.get();
    let mut call = Call { caller: thread, space, rights: target.rights, words: &mut words };
    let served = serve(target, thread.user.command.get(), &mut call);
    thread.user.words.set(words);
    match served {
        Ok(Served::Value(value)) => finish(index as u32, Ok(value)),
        Ok(Served::Handle(capability)) => insert_for(thread, capability),
        Ok(Served::Later) => {}
        Err(error) => finish(index as u32, Err(error)),
    }
}

/// Serves a call at its home.
fn serve(target: Cap, command: u32, call: &mut Call<'_>) -> Result<Served, Error> {
    // It may have come a long way.
    if target.object.header().generation() != target.generation {
        return Err(Error::BadHandle);
    }
    if command == NULL {
        call.needs(Rights::SEND)?;
        return Ok(Served::Value(0));
    }
    match target.object.header().kind() {
        Kind::Space => space::serve(target.object.expect()?, command, call),
        Kind::Thread => {
            call.needs(Rights::CONTROL)?;
            thread::serve(target.object.expect()?, command, call)
        }
        Kind::Machine => machine::serve(command, call),
        Kind::Region => objects::serve_region(target.object.expect()?, command, call),
        Kind::Timer => objects::serve_timer(target.object.expect()?, command, call),
        Kind::Irq => objects::serve_irq(target.object.expect()?, command, call),
        Kind::Channel => crate::channel::serve(target.object.expect()?, command, call),
        Kind::Ports => objects::serve_ports(target.object.expect()?, command, call),
        Kind::Port => Err(Error::BadCommand),
    }
}

/// The caller will be told by [`finish`]; before anything that might call it.
fn waits(caller: &'static Thread) {
    if caller.cpu() == percpu::this().id() {
        caller.user.words.set([0; WORDS]);
        caller.set_waiting(Wait::Kernel);
    }
}

/// It can be told at once, after all.
fn answered(caller: &'static Thread) -> Result<Served, Error> {
    if caller.cpu() == percpu::this().id() {
        caller.set_running();
    }
    Ok(Served::Value(0))
}

/// Gives the running thread what its call came to.
#[inline(always)]
fn hand_over(thread: &'static Thread, served: Served) -> Result<Flow, Error> {
    match served {
        Served::Value(value) => Ok(Flow::Done(value)),
        Served::Later => Ok(Flow::Blocked),
        Served::Handle(capability) => {
            let space = thread.space().ok_or(Error::BadHandle)?;
            if space.home() == thread.cpu() {
                return space.insert(capability).map(Flow::Done);
            }
            waits(thread);
            insert_for(thread, capability);
            Ok(Flow::Blocked)
        }
    }
}

/// Has a waiting thread's new handle made at the home of its space.
fn insert_for(thread: &'static Thread, capability: Cap) {
    thread.user.target.set(Some(capability));
    let insert = |[index, ..]: [u64; 3]| {
        let thread = lwkt::thread(ThreadIndex(index as u32));
        if let (Some(capability), Some(space)) = (thread.user.target.take(), thread.space()) {
            finish(index as u32, space.insert(capability));
        }
    };
    let home = thread.space().map_or(thread.cpu(), Space::home);
    crossbar::at(home, insert, [u64::from(thread.index.0), 0, 0]);
}

/// Completes the call of a thread that waits for the kernel. Any CPU.
pub(crate) fn finish(index: u32, result: Result<u64, Error>) {
    let thread = lwkt::thread(ThreadIndex(index));
    thread.user.result.set(result.map_or_else(Error::code, u64::cast_signed));
    let go_on = |[index, ..]: [u64; 3]| {
        let thread = lwkt::thread(ThreadIndex(index as u32));
        let registers = thread.registers();
        registers.rax = thread.user.result.get().cast_unsigned();
        registers.words = thread.user.words.get();
        lwkt::wake(thread);
    };
    crossbar::at(thread.cpu(), go_on, [u64::from(index), 0, 0]);
}

/// `Collect`: the handles that came with what the thread received last.
///
/// # Errors
/// None but those of a thread without a space.
pub(crate) fn collect(thread: &'static Thread, registers: &mut Registers) -> Result<Flow, Error> {
    let space = thread.space().ok_or(Error::BadHandle)?;
    thread.note(lwkt::unusual::RECEIVED, false);
    let Some(parcel) = thread.received.take() else {
        registers.words = [0; WORDS];
        return Ok(Flow::Done(0));
    };
    thread.received.set(Some(parcel));
    thread.set_waiting(Wait::Kernel);
    let unpack = |[index, ..]: [u64; 3]| {
        let thread = lwkt::thread(ThreadIndex(index as u32));
        if let (Some(parcel), Some(space)) = (thread.received.take(), thread.space()) {
            let handles = space.unpack(parcel);
            thread.user.words.set(words_of(&handles));
            finish(index as u32, Ok(handles.len() as u64));
        }
    };
    crossbar::at(space.home(), unpack, [u64::from(thread.index.0), 0, 0]);
    Ok(Flow::Blocked)
}

fn words_of(handles: &[Handle]) -> [u64; WORDS] {
    core::array::from_fn(|place| handles.get(place).map_or(0, |handle| handle.to_word()))
}

/// Ends an object that nobody refers to any more. Home.
pub(crate) fn end(object: ObjectRef) {
    match object.header().kind() {
        Kind::Port => object.get::<Port>().into_iter().for_each(Port::end),
        // A thread lives on without handles; one that was never started has nobody left to start it.
        Kind::Thread => object
            .get::<Thread>()
            .filter(|thread| thread.state.get() == ThreadState::Fresh)
            .into_iter()
            .for_each(crate::user::kill),
        Kind::Space | Kind::Machine => {}
        _ => objects::end(object),
    }
}
