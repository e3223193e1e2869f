//! Interrupts of devices, for drivers outside the kernel.
//!
//! A source (a line of an IO-APIC, or an entry of an MSI-X table) raises a vector of one CPU, its home, where everything about it
//! happens. An [`Irq`] is one subscription to a source: it is *told* of an arrival and not told again until it has answered;
//! what arrives meanwhile is counted and told with the answer. Only a level-triggered line can have several subscribers, and
//! stays masked until each of them has answered, a dead one by [`Irq::fenced`] alone: its device may still pull the line.
//!
//! Above the livelock limit a subscriber is told from a timer only, and its source is masked from one arrival to the timer's
//! next turn.

#![allow(dead_code, reason = "used as the messages come")]

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::RangeInclusive;

use microkernel_core::acpi::{Polarity, Trigger, Wiring};
use microkernel_core::interrupts::{Budget, Charge, Livelock, Rate, Report, Standing, Wake};
use spin::Mutex;
use x86_64::PhysAddr;

use crate::arch::cpu::InterruptsOff;
use crate::arch::io_apic::Pin;
use crate::arch::{apic, msi};
use crate::object::{Header, Kind, Object, Pool};
use crate::percpu::{self, CpuId, PerCpu};
use crate::start;
use crate::time::clock::{self, Nanos};
use crate::time::timer;

/// Vectors for devices.
pub(crate) const VECTORS: RangeInclusive<u8> = 0x30..=0xdf;
const COUNT: usize = 0xdf - 0x30 + 1;

/// Entries of the largest MSI-X table.
const MSIX_ENTRIES: u16 = 2048;

/// Why there is no such interrupt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IrqError {
    /// The machine has no such line, or no device has registers there.
    NoSource,
    /// The source has a subscriber and cannot be shared.
    Taken,
    /// The line is led to that CPU: subscribe there.
    Elsewhere(CpuId),
    /// The CPU has no vector left.
    NoVector,
    /// The CPU's APIC ID is too large for devices.
    Unreachable,
    /// No memory.
    NoMemory,
}

/// What raises a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Line(Pin),
    MsiX(msi::Entry),
    /// Whoever sends the vector, by number. Tests.
    Software(u64),
}

impl Source {
    /// Prepares it to raise `vector` on the CPU with the local APIC `target`; masked.
    fn program(self, wiring: Wiring, target: u8, vector: u8) {
        match self {
            Self::Line(pin) => pin.route(wiring, target, vector),
            Self::MsiX(entry) => entry.program(msi::message(target, vector)),
            Self::Software(_) => {}
        }
    }

    fn mask(self) {
        match self {
            Self::Line(pin) => pin.mask(),
            Self::MsiX(entry) => entry.mask(),
            Self::Software(_) => {}
        }
    }

    fn unmask(self) {
        match self {
            Self::Line(pin) => pin.unmask(),
            Self::MsiX(entry) => entry.unmask(),
            Self::Software(_) => {}
        }
    }
}

/// A source in use.
struct Claim {
    source: Source,
    wiring: Wiring,
    home: CpuId,
    vector: u8,
}

/// All sources in use. A cold lock: taken when a subscription begins or ends.
static CLAIMS: Mutex<Vec<Claim>> = Mutex::new(Vec::new());
static POOL: Pool<Irq> = Pool::new();

/// The first subscriber of each vector of a CPU; its own alone, interrupts off.
pub(crate) struct Vectors {
    first: [Cell<Option<&'static Irq>>; COUNT],
    /// Where the search for a free vector goes on: a vector is used again late, when nothing for its former owner is under way.
    next: Cell<usize>,
}

impl Vectors {
    /// None in use.
    pub(crate) const fn new() -> Self {
        Self { first: [const { Cell::new(None) }; COUNT], next: Cell::new(0) }
    }

    fn slot(&self, vector: u8) -> &Cell<Option<&'static Irq>> {
        &self.first[usize::from(vector - VECTORS.start())]
    }

    fn free(&self) -> Option<u8> {
        let from = self.next.get();
        let index = (from..from + COUNT).map(|at| at % COUNT).find(|&at| self.first[at].get().is_none())?;
        self.next.set(index + 1);
        Some(VECTORS.start() + index as u8)
    }
}

/// How a subscriber is told, and of how many arrivals. Called on the home, interrupts off: briefly, and never blocking.
pub(crate) type Deliver = fn(&'static Irq, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Disabled,
    Enabled,
    /// Only waits to be fenced.
    Ended,
}

/// A subscription to a source.
#[repr(C)]
pub(crate) struct Irq {
    header: Header,
    source: Cell<Source>,
    trigger: Cell<Trigger>,
    vector: Cell<u8>,
    /// The next subscriber of the same vector.
    next: Cell<Option<&'static Irq>>,
    state: Cell<State>,
    /// It has been told and has not answered.
    told: Cell<bool>,
    /// Arrivals that it has not been told of.
    pending: Cell<u64>,
    deliver: Cell<Deliver>,
    limiter: RefCell<Livelock>,
    budget: RefCell<Budget>,
}

// SAFETY: all cells are used by the home CPU alone, interrupts off, which `at_home` asserts; before that by the maker alone.
unsafe impl Sync for Irq {}

// SAFETY: `repr(C)`, the header of that kind first; objects come from a pool, which keeps them for ever.
unsafe impl Object for Irq {
    const KIND: Kind = Kind::Irq;

    fn header(&self) -> &Header {
        &self.header
    }
}

/// Subscribes to global interrupt `gsi`, wired as firmware says, else as `asked`. On the CPU that shall be its home; nobody is bound
/// and it is disabled.
///
/// # Errors
/// See [`IrqError`].
pub(crate) fn line(gsi: u32, asked: Wiring) -> Result<&'static Irq, IrqError> {
    let known = start::machine().and_then(|machine| machine.platform.wiring(gsi));
    subscribe(Source::Line(Pin::of(gsi).ok_or(IrqError::NoSource)?), known.unwrap_or(asked))
}

/// Subscribes to entry `entry` of the MSI-X table at `table`. As [`line`].
///
/// # Errors
/// See [`IrqError`]. An entry that is in memory, or may be, is [`IrqError::NoSource`].
pub(crate) fn msix(table: PhysAddr, entry: u16) -> Result<&'static Irq, IrqError> {
    let at = table.as_u64() + u64::from(entry) * msi::ENTRY_SIZE;
    let is_device =
        start::machine().is_some_and(|machine| !machine.map.touches_memory(at..at + msi::ENTRY_SIZE));
    let address = PhysAddr::try_new(at).map_err(|_| IrqError::NoSource)?;
    if entry >= MSIX_ENTRIES || !address.is_aligned(msi::ENTRY_SIZE) || !is_device {
        return Err(IrqError::NoSource);
    }
    subscribe(Source::MsiX(msi::Entry::of(address).map_err(|_| IrqError::NoMemory)?), EDGE)
}

/// Subscribes to a source that only a test raises: sources of one number are one.
#[cfg(feature = "test")]
pub(crate) fn software(number: u64, trigger: Trigger) -> Result<&'static Irq, IrqError> {
    subscribe(Source::Software(number), Wiring { trigger, ..EDGE })
}

const EDGE: Wiring = Wiring { trigger: Trigger::Edge, polarity: Polarity::High };

fn subscribe(source: Source, wiring: Wiring) -> Result<&'static Irq, IrqError> {
    let _off = InterruptsOff::new();
    let own = percpu::this();
    let target = apic::short_id(own.apic_id()).ok_or(IrqError::Unreachable)?;
    let irq = POOL.take(Irq::new).ok_or(IrqError::NoMemory)?;
    let vector = claim(source, wiring, own).inspect_err(|_| POOL.give(irq))?;
    let slot = own.irqs.slot(vector);
    if slot.get().is_none() {
        source.program(wiring, target, vector);
    }
    irq.begin(own.id(), source, wiring.trigger, vector);
    irq.next.set(slot.replace(Some(irq)));
    Ok(irq)
}

/// How many sources are in use.
#[cfg(feature = "test")]
pub(crate) fn claimed() -> usize {
    let _off = InterruptsOff::new();
    CLAIMS.lock().len()
}

/// The vector by which `source` reaches this CPU from now on.
fn claim(source: Source, wiring: Wiring, own: &PerCpu) -> Result<u8, IrqError> {
    let mut claims = CLAIMS.lock();
    match claims.iter().find(|claim| claim.source == source) {
        Some(claim) if claim.wiring != wiring || wiring.trigger == Trigger::Edge => Err(IrqError::Taken),
        Some(claim) if claim.home != own.id() => Err(IrqError::Elsewhere(claim.home)),
        Some(claim) => Ok(claim.vector),
        None => {
            claims.try_reserve(1).map_err(|_| IrqError::NoMemory)?;
            let vector = own.irqs.free().ok_or(IrqError::NoVector)?;
            claims.push(Claim { source, wiring, home: own.id(), vector });
            Ok(vector)
        }
    }
}

/// The subscribers of a vector from `first` on.
fn chain(first: Option<&'static Irq>) -> impl Iterator<Item = &'static Irq> {
    core::iter::successors(first, |irq| irq.next.get())
}

/// Whether anybody had subscribed to what an interrupt is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Served {
    /// Yes, and has been or will be told.
    Yes,
    /// The vector is free: sent before its source was masked, perhaps.
    NoSubscriber,
}

/// An interrupt of this CPU with one of the [`VECTORS`]; ends it at the local APIC.
pub(crate) fn serve(vector: u8) -> Served {
    let Some(first) = percpu::this().irqs.slot(vector).get() else {
        apic::end_of_interrupt();
        return Served::NoSubscriber;
    };
    if first.is_level() {
        // Before the end of the interrupt, which has the IO-APIC look at the line again.
        first.source.get().mask();
    }
    apic::end_of_interrupt();
    let now = clock::now();
    // All are owed before the first is told, so that its answer, however quick, does not open the source.
    let subscribers = || chain(Some(first)).filter(|irq| irq.state.get() == State::Enabled);
    subscribers().for_each(|irq| irq.pending.set(irq.pending.get() + 1));
    subscribers().for_each(|irq| irq.arrive(now));
    Served::Yes
}

/// Has [`poll_deferred`] called at `at` on this CPU, in an interrupt. Asked for once until it has been.
fn ask_for_poll(at: Nanos) {
    timer::arm(at, || {
        poll_deferred(clock::now());
    });
}

/// Tells the subscribers above the livelock limit what has arrived, and opens their sources. Returns, and asks for, its next turn if
/// there are any left. This CPU's timer, interrupts off.
pub(crate) fn poll_deferred(now: Nanos) -> Option<Nanos> {
    let mut next = None;
    for irq in percpu::this().irqs.first.iter().flat_map(|slot| chain(slot.get())) {
        if irq.limiter.borrow().rate() == Rate::Limited {
            if irq.limiter.borrow_mut().poll(now.0).rate == Rate::Limited {
                next = Some(Nanos(now.0 + Livelock::PERIOD_NS));
            }
            if !irq.is_level() && irq.state.get() == State::Enabled {
                // First: an edge that was lost is one that the subscriber finds when it is told now.
                irq.source.get().unmask();
            }
            irq.tell();
        }
    }
    if let Some(at) = next {
        ask_for_poll(at);
    }
    next
}

impl Irq {
    fn new() -> Self {
        Self {
            header: Header::new(Kind::Irq),
            source: Cell::new(Source::Software(0)),
            trigger: Cell::new(Trigger::Edge),
            vector: Cell::new(0),
            next: Cell::new(None),
            state: Cell::new(State::Disabled),
            told: Cell::new(false),
            pending: Cell::new(0),
            deliver: Cell::new(|_, _| ()),
            limiter: RefCell::new(Livelock::new(0)),
            budget: RefCell::new(Budget::standard(0)),
        }
    }

    fn begin(&self, home: CpuId, source: Source, trigger: Trigger, vector: u8) {
        let now = clock::now().0;
        self.header.set_home(home);
        self.source.set(source);
        self.trigger.set(trigger);
        self.vector.set(vector);
        self.state.set(State::Disabled);
        self.told.set(false);
        self.pending.set(0);
        self.deliver.set(|_, _| ());
        self.limiter.replace(Livelock::new(now));
        self.budget.replace(Budget::standard(now));
    }

    /// Its vector, on its home.
    pub(crate) fn vector(&self) -> u8 {
        self.vector.get()
    }

    /// Whether it is told from the timer only.
    pub(crate) fn rate(&self) -> Rate {
        self.limiter.borrow().rate()
    }

    /// Whether its line is masked; none if it has no line.
    #[cfg(feature = "test")]
    pub(crate) fn is_masked(&self) -> Option<bool> {
        match self.source.get() {
            Source::Line(pin) => pin.is_masked(),
            Source::MsiX(_) | Source::Software(_) => None,
        }
    }

    fn is_level(&self) -> bool {
        self.trigger.get() == Trigger::Level
    }

    /// Interrupts stay off, on the home, while the result lives.
    fn at_home(&self) -> InterruptsOff {
        let off = InterruptsOff::new();
        invariant!(self.header.home() == percpu::this().id(), "an interrupt is changed away from home");
        off
    }

    /// Who is told from now on.
    pub(crate) fn bind(&'static self, deliver: Deliver) {
        let _off = self.at_home();
        self.deliver.set(deliver);
    }

    /// Lets arrivals through. One that was told and has not answered is still waited for; see [`Irq::fenced`].
    pub(crate) fn enable(&'static self) {
        let _off = self.at_home();
        self.state.set(State::Enabled);
        self.settle();
    }

    /// Keeps arrivals away from this subscriber; if it was told, it still has to answer or to be fenced.
    pub(crate) fn disable(&'static self) {
        let _off = self.at_home();
        self.state.set(State::Disabled);
        self.pending.set(0);
        self.settle();
    }

    /// The subscriber has dealt with what it was told of. An answer to nothing is nothing.
    pub(crate) fn acknowledge(&'static self) {
        let _off = self.at_home();
        if !self.told.replace(false) {
            return;
        }
        if self.is_level() {
            self.settle();
        } else if self.rate() == Rate::Normal {
            self.tell();
        }
    }

    /// The device of a subscriber that will not answer has been stopped: that counts as its answer.
    pub(crate) fn fenced(&'static self) {
        let _off = self.at_home();
        self.told.set(false);
        match self.state.get() {
            State::Ended => self.sweep(),
            State::Enabled | State::Disabled => self.settle(),
        }
    }

    /// Ends the subscription, and the use of the source with the last one. One that owes an answer on a line that others use is kept,
    /// and the line masked, until it is [`fenced`](Irq::fenced).
    pub(crate) fn end(&'static self) {
        let _off = self.at_home();
        self.state.set(State::Ended);
        self.pending.set(0);
        self.sweep();
    }

    /// Its thread has run in the interrupt band for `ran`, up to `now`. Out of the band if [`Standing::Fallen`] comes back.
    pub(crate) fn charge(&self, now: Nanos, ran: Nanos) -> Standing {
        let mut budget = self.budget.borrow_mut();
        if budget.charge(now.0, ran.0) == Charge::FellOut(Report::Worth) {
            log::warn!("{self:?} has used up its time: its thread leaves the interrupt band");
        }
        budget.standing(now.0)
    }

    /// Whether its thread may be in the interrupt band at `now`, and if not, when it may be again.
    pub(crate) fn standing(&self, now: Nanos) -> (Standing, Option<Nanos>) {
        let mut budget = self.budget.borrow_mut();
        (budget.standing(now.0), budget.returns_at().map(Nanos))
    }

    fn arrive(&'static self, now: Nanos) {
        let wake = self.limiter.borrow_mut().arrival(now.0);
        if wake == Wake::Now {
            return self.tell();
        }
        if !self.is_level() {
            self.source.get().mask();
        }
        if wake == Wake::StartTimer {
            if self.limiter.borrow().times_limited() == 1 {
                log::warn!("{self:?} comes too often: it is told from a timer while that lasts");
            }
            ask_for_poll(Nanos(now.0 + Livelock::PERIOD_NS));
        }
    }

    fn tell(&'static self) {
        if self.state.get() == State::Enabled && !self.told.get() && self.pending.get() > 0 {
            self.told.set(true);
            self.deliver.get()(self, self.pending.replace(0));
        }
    }

    /// Masks or opens the source as its subscribers' states demand.
    fn settle(&self) {
        let all = || chain(percpu::this().irqs.slot(self.vector.get()).get());
        let owes = |irq: &Irq| irq.told.get() || irq.pending.get() > 0;
        let owed = self.is_level() && all().any(owes) && !cfg!(bite = "irq-first-answer");
        if owed || all().all(|irq| irq.state.get() != State::Enabled) {
            self.source.get().mask();
        } else {
            self.source.get().unmask();
        }
    }

    /// Lets the ended subscribers of its vector go.
    fn sweep(&'static self) {
        let slot = percpu::this().irqs.slot(self.vector.get());
        let source = self.source.get();
        let in_use = chain(slot.get()).any(|irq| irq.state.get() != State::Ended);
        let mut rest = slot.take();
        if !in_use {
            source.mask();
            CLAIMS.lock().retain(|claim| claim.source != source);
        }
        while let Some(irq) = rest {
            rest = irq.next.take();
            if in_use && (irq.state.get() != State::Ended || irq.told.get() && !cfg!(bite = "irq-no-fence")) {
                irq.next.set(slot.replace(Some(irq)));
            } else {
                POOL.give(irq);
            }
        }
        if let Some(first) = slot.get() {
            first.settle();
        }
    }
}

impl core::fmt::Debug for Irq {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let home = self.header.home().index();
        write!(f, "interrupt {:#x} of CPU {home} ({:?})", self.vector.get(), self.source.get())
    }
}
