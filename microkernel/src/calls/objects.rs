//! Calls of regions, timers, channels, interrupts and port ranges, and what makes and ends them.

use core::cell::Cell;

use anax_abi::object::{IrqCommand, PortsCommand, RegionCommand, TimerCommand, notice, region};
use anax_abi::{Error, Rights};
use microkernel_core::handles::Object as _;

use super::{Call, Served, answered, handle, waits};
use crate::arch::{ports, serial::is_kernels};
use crate::cap::{self, Space};
use crate::channel::Channel;
use crate::irq::{Irq, State};
use crate::msg::{Notice, Port, Sender, notify};
use crate::object::{Header, Kind, Object, ObjectRef, Pool};
use crate::percpu;
use crate::time::clock::Nanos;
use crate::time::timer::{self, Deadline};
use crate::vm::{Backing, Completion, Done, Region, RegionRef};

/// A deadline timer, at home with the port that it sends to.
#[repr(C)]
pub(crate) struct Timer {
    header: Header,
    notice: Notice,
    deadline: Deadline,
    payer: Cell<Option<crate::vm::Payer>>,
}

// SAFETY: cells are used by the home CPU alone; before it is known to others, by its maker.
unsafe impl Sync for Timer {}

// SAFETY: `repr(C)`, header first, made by a pool.
unsafe impl Object for Timer {
    const KIND: Kind = Kind::Timer;
}

/// A range of I/O ports.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Ports {
    header: Header,
    range: Cell<(u16, u16)>,
}

// SAFETY: set by its maker, and constant from then on.
unsafe impl Sync for Ports {}

// SAFETY: `repr(C)`, header first, made by a pool.
unsafe impl Object for Ports {
    const KIND: Kind = Kind::Ports;
}

static TIMERS: Pool<Timer> = Pool::new();
static PORTS: Pool<Ports> = Pool::new();

/// Ends an object of one of these kinds. At its home.
pub(super) fn end(object: ObjectRef) {
    let generation = object.header().generation();
    if let Some(region) = object.get::<Region>() {
        if region.header().life().supersede(generation, 0).is_some() {
            cap::lose_everywhere(region);
            region.end();
        }
    } else if let Some(timer) = object.get::<Timer>() {
        timer::cancel(&timer.deadline);
        timer.notice.end();
        timer.payer.take().into_iter().for_each(|payer| payer.pages.release(1));
        TIMERS.give(timer);
    } else if let Some(irq) = object.get::<Irq>() {
        irq.notice.end();
        irq.set(State::Ended);
    } else if let Some(channel) = object.get::<Channel>() {
        channel.end();
    } else if let Some(ports) = object.get::<Ports>() {
        let (first, last) = ports.range.get();
        cap::forbid_ports(first..=last);
        PORTS.give(ports);
    }
}

/// Words: bytes, kind, source's handle or 0.
pub(super) fn create_region(
    space: &'static Space,
    call: &Call<'_>,
    words: [u64; 5],
) -> Result<Served, Error> {
    let backing = match words[1] {
        region::LAZY => Backing::Lazy,
        region::PINNED => Backing::Pinned,
        region::DMA => Backing::Dma,
        region::COPY => Backing::Copy,
        _ => return Err(Error::BadArgument),
    };
    let source = (words[2] != 0).then(|| readable(call, words[2])).transpose()?;
    Region::create(space.payer(), words[0], backing, source).map(handle)
}

/// The region of a handle of the caller's.
fn readable(call: &Call<'_>, word: u64) -> Result<RegionRef, Error> {
    let (region, held) = call.space.object::<Region>(word, Rights::READ)?;
    region.hold(held.generation)
}

pub(super) fn serve_region(region: &'static Region, command: u32, call: &Call<'_>) -> Result<Served, Error> {
    match RegionCommand::from_number(command).ok_or(Error::BadCommand)? {
        RegionCommand::Size => {
            call.needs(Rights::SEND)?;
            Ok(Served::Value(region.size()))
        }
        RegionCommand::DeviceAddress => {
            call.needs(Rights::CONTROL)?;
            region.device_address(call.words[0]).map(Served::Value)
        }
        RegionCommand::Copy => {
            call.needs(Rights::WRITE)?;
            let [source, to, from, bytes, _] = *call.words;
            let own = region.hold(region.header().generation())?;
            own.copy(&*readable(call, source)?, to, from, bytes).map(|()| Served::Value(0))
        }
    }
}

/// Words: region's handle, address or 0, offset, bytes, protection.
pub(super) fn map(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    let [handle, address, offset, bytes, protection] = words;
    let (region, held) = call.space.object::<Region>(handle, Rights::NONE)?;
    let used = region.hold(held.generation)?;
    let protection = Rights(u16::try_from(protection).map_err(|_| Error::BadArgument)?);
    space.memory().map(used, address, offset, bytes, protection, held.rights).map(Served::Value)
}

/// Words: address, bytes.
pub(super) fn unmap(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    settle(call, |done| space.memory().unmap(words[0], words[1], done))
}

/// Words: address, bytes, protection.
pub(super) fn protect(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    let protection = Rights(u16::try_from(words[2]).map_err(|_| Error::BadArgument)?);
    settle(call, |done| space.memory().protect(words[0], words[1], protection, done))
}

/// Answers now, or when all CPUs have acknowledged a change.
fn settle(call: &Call<'_>, change: impl FnOnce(Completion) -> Result<Done, Error>) -> Result<Served, Error> {
    let tell = |index: u64| super::finish(index as u32, Ok(0));
    let completion = Completion { call: tell, argument: call.caller.index.0.into() };
    waits(call.caller);
    match change(completion) {
        Ok(Done::Later) => Ok(Served::Later),
        Ok(Done::Now) => answered(call.caller),
        Err(error) => answered(call.caller).and(Err(error)),
    }
}

/// The port, of this CPU, that a handle of the caller's names for notices.
fn notice_port(call: &Call<'_>, word: u64) -> Result<&'static Port, Error> {
    let (port, _) = call.space.object::<Port>(word, Rights::SEND)?;
    if port.home() == percpu::this().id() { Ok(port) } else { Err(Error::BadArgument) }
}

/// Words: port's handle, badge.
pub(super) fn create_timer(space: &'static Space, call: &Call<'_>, words: [u64; 5]) -> Result<Served, Error> {
    if !core::ptr::eq(space, call.space) {
        // Another space may end at its home while this goes on here.
        return Err(Error::BadArgument);
    }
    let port = notice_port(call, words[0])?;
    let page = space.quota().pages.reserve(1)?;
    let unused = || Timer {
        header: Header::new(Kind::Timer),
        notice: Notice::new(),
        deadline: Deadline::new(timer_due),
        payer: Cell::new(None),
    };
    let timer = TIMERS.take(unused).ok_or(Error::NoMemory)?;
    timer.header.set_home(port.home());
    timer.deadline.set_argument(ObjectRef::of(timer).to_word());
    if let Err(error) = timer.notice.bind(port, words[1], notice::TIMER, Sender::Nobody) {
        TIMERS.give(timer);
        return Err(error);
    }
    page.commit();
    timer.payer.set(Some(space.payer().clone()));
    Ok(handle(timer))
}

fn timer_due(deadline: &'static Deadline) {
    let Some(timer) = ObjectRef::from_word(deadline.argument()).get::<Timer>() else { return };
    notify(&timer.notice, [deadline.at().0, 0]);
}

pub(super) fn serve_timer(timer: &'static Timer, command: u32, call: &Call<'_>) -> Result<Served, Error> {
    call.needs(Rights::SEND)?;
    match TimerCommand::from_number(command).ok_or(Error::BadCommand)? {
        TimerCommand::Set => {
            timer::set(&timer.deadline, Nanos(call.words[0]));
            Ok(Served::Value(0))
        }
        TimerCommand::Cancel => {
            #[cfg(feature = "test")]
            crate::ktest::service::work(call.words[0]);
            Ok(Served::Value(timer::cancel(&timer.deadline).into()))
        }
    }
}

/// How an interrupt's subscriber is told.
pub(super) fn deliver(irq: &'static Irq, arrivals: u64) {
    notify(&irq.notice, [arrivals, 0]);
}

pub(super) fn serve_irq(irq: &'static Irq, command: u32, call: &Call<'_>) -> Result<Served, Error> {
    call.needs(Rights::CONTROL)?;
    match IrqCommand::from_number(command).ok_or(Error::BadCommand)? {
        IrqCommand::Bind => {
            let port = notice_port(call, call.words[0])?;
            let sender = Sender::Acknowledge(acknowledge, ObjectRef::of(irq).to_word());
            irq.notice.bind(port, call.words[1], notice::INTERRUPT, sender)?;
        }
        IrqCommand::Enable => {
            // The device has been fenced: what a dead subscriber owed counts as given.
            irq.acknowledge();
            irq.set(State::Enabled);
        }
        IrqCommand::Disable => irq.set(State::Disabled),
    }
    Ok(Served::Value(0))
}

/// The reply to an interrupt's notice.
fn acknowledge(word: u64) {
    // Interrupts' objects are never freed, and an answer to nothing does nothing.
    ObjectRef::from_word(word).get::<Irq>().into_iter().for_each(Irq::acknowledge);
}

/// A range of ports, for [`MachineCommand::Ports`](anax_abi::object::MachineCommand::Ports).
pub(super) fn make_ports(first: u64, count: u64) -> Result<Served, Error> {
    let last = first.checked_add(count).and_then(|end| end.checked_sub(1));
    let is_free = |last: &u64| *last >= first && !is_kernels(first, *last);
    let last = last.filter(is_free).and_then(|last| u16::try_from(last).ok()).ok_or(Error::BadArgument)?;
    let ports = PORTS.take_object().ok_or(Error::NoMemory)?;
    ports.range.set((first as u16, last));
    Ok(handle(ports))
}

pub(super) fn serve_ports(ports: &'static Ports, command: u32, call: &Call<'_>) -> Result<Served, Error> {
    call.needs(Rights::SEND)?;
    let (first, last) = ports.range.get();
    let set = call.space.ports();
    match PortsCommand::from_number(command).ok_or(Error::BadCommand)? {
        PortsCommand::Enable => set.allow(first..=last).map_err(|ports::Full| Error::Full)?,
        PortsCommand::Disable => set.forbid(first..=last),
    }
    cap::ports_changed();
    Ok(Served::Value(0))
}
