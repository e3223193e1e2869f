//! Interrupts of devices, for drivers outside the kernel.
//!
//! A source (a line of an IO-APIC, or an entry of an MSI-X table) raises a vector of one CPU, its home, where everything about it
//! happens. An [`Irq`] is one subscription to a source: it is *told* of an arrival and not told again until it has answered;
//! what arrives meanwhile is counted and told with the answer. Only a level-triggered line can have several subscribers, and
//! stays masked until each of them has answered, a dead one by [`Irq::fenced`] alone: its device may still pull the line.
//!
//! Above the livelock limit a subscriber is told from a timer only, and its source is masked from one arrival to the timer's
//! next turn.

use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::ops::RangeInclusive;

use anax_abi::Error;
use microkernel_core::acpi::{Polarity, Trigger, Wiring};
use microkernel_core::interrupts::{Budget, Charge, Livelock, Rate, Report, Standing, Wake};
use microkernel_core::runqueue::Priority;
use spin::Mutex;
use x86_64::PhysAddr;

use crate::arch::cpu::InterruptsOff;
use crate::arch::io_apic::{Gate, Pin};
use crate::arch::{apic, msi};
use crate::lwkt;
use crate::msg::Notice;
use crate::object::{Header, Kind, Object, Pool};
use crate::percpu::{self, CpuId, PerCpu};
use crate::start;
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};

/// The priority of a thread that has used up its interrupt's budget: whoever else wants to run does.
const FALLEN: Priority = Priority::USER_IDLE;
/// Between looks at threads that were told and have not answered.
const WATCH: Nanos = Nanos(2_000_000);
/// Vectors for devices.
pub(crate) const VECTORS: RangeInclusive<u8> = 0x30..=0xdf;
const COUNT: usize = 0xdf - 0x30 + 1;

/// What raises a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Line(Pin),
    Message(msi::Entry),
    /// Whoever sends the vector, by number. Tests.
    Software(u64),
}

/// A source in use, and which vector of which CPU it raises.
#[derive(Clone, Copy)]
struct Route {
    source: Source,
    wiring: Wiring,
    home: CpuId,
    vector: u8,
}

impl Default for Route {
    fn default() -> Self {
        Self { source: Source::Software(0), wiring: EDGE, home: CpuId::BOOT, vector: 0 }
    }
}

impl Route {
    fn set(&self, gate: Gate) {
        match self.source {
            Source::Line(pin) => pin.set(gate),
            Source::Message(entry) => entry.set(gate),
            Source::Software(_) => {}
        }
    }
}

const EDGE: Wiring = Wiring { trigger: Trigger::Edge, polarity: Polarity::High };

/// All sources in use. A cold lock: taken when a subscription begins or ends.
static ROUTES: Mutex<Vec<Route>> = Mutex::new(Vec::new());
static POOL: Pool<Irq> = Pool::new();

/// The first subscriber of each vector of a CPU; its own alone, interrupts off.
pub(crate) struct Vectors {
    first: [Cell<Option<&'static Irq>>; COUNT],
    /// Where the search for a free vector goes on: a vector is used again late, when nothing for its former owner is under way.
    next: Cell<usize>,
    /// When those above the livelock limit are told next.
    polls: Deadline,
    /// When it is looked after what those that were told do, while there are any.
    watch: Deadline,
    watched: Cell<bool>,
}

impl Vectors {
    /// None in use.
    pub(crate) const fn new() -> Self {
        Self {
            first: [const { Cell::new(None) }; COUNT],
            next: Cell::new(0),
            polls: Deadline::new(|_| poll_deferred(clock::now())),
            watch: Deadline::new(|_| watch(clock::now())),
            watched: Cell::new(false),
        }
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

/// What a subscriber wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// Not to be told. What arrives is not kept.
    #[default]
    Disabled,
    /// To be told.
    Enabled,
    /// To be let go, with the source if nobody else uses it. One that owes an answer on a line that others use is kept, and the line
    /// masked, until it is [`fenced`](Irq::fenced).
    Ended,
}

/// A subscription to a source.
#[derive(Default)]
#[repr(C)]
pub(crate) struct Irq {
    header: Header,
    route: Cell<Route>,
    /// The next subscriber of the same vector.
    next: Cell<Option<&'static Irq>>,
    state: Cell<State>,
    /// It has been told and has not answered.
    told: Cell<bool>,
    /// Arrivals that it has not been told of.
    pending: Cell<u64>,
    deliver: Cell<Option<Deliver>>,
    /// How its subscriber is told by a message.
    pub(crate) notice: Notice,
    limiter: RefCell<Livelock>,
    budget: RefCell<Budget>,
    /// Up to when the time of the thread that was told is charged.
    charged: Cell<Nanos>,
    /// What the thread had of itself before it fell out of the band.
    fallen: Cell<Option<Priority>>,
}

// SAFETY: all cells are used by the home CPU alone, interrupts off, which `at_home` asserts; before that by the maker alone.
unsafe impl Sync for Irq {}

// SAFETY: `repr(C)`, the header of that kind first; objects come from a pool, which keeps them for ever.
unsafe impl Object for Irq {
    const KIND: Kind = Kind::Irq;
}

/// Subscribes to global interrupt `gsi`, wired as firmware says, else as `asked`. On the CPU that shall be its home; disabled.
///
/// # Errors
/// `BadArgument`: the machine has no such line. `Exists`: it has a subscriber and cannot be shared, or is led to another CPU.
/// `Full`: the CPU has no vector left, or its APIC ID is too large for devices. `NoMemory`.
pub(crate) fn line(gsi: u32, asked: Wiring, deliver: Deliver) -> Result<&'static Irq, Error> {
    let known = start::machine().and_then(|machine| machine.platform.wiring(gsi));
    let pin = Pin::of(gsi).ok_or(Error::BadArgument)?;
    subscribe(Source::Line(pin), known.unwrap_or(asked), deliver)
}

/// A subscription to what a device sends as a message, as it is told at that physical address, on this CPU.
///
/// # Errors
/// As [`line`]. An address that is in memory or among the kernel's own registers, or may be, is `BadArgument`; so is a capability where a table
/// is, which nobody may write.
pub(crate) fn message(at: u64, kind: msi::Kind, deliver: Deliver) -> Result<&'static Irq, Error> {
    let address = PhysAddr::try_new(at).map_err(|_| Error::BadArgument)?;
    let is_table = kind == msi::Kind::Table;
    if !at.is_multiple_of(if is_table { msi::ENTRY_SIZE } else { 4 })
        || !is_table && msi::is_table(at..at + msi::ENTRY_SIZE)
        || start::machine().is_none_or(|machine| machine.is_taken(at..at + msi::ENTRY_SIZE))
    {
        return Err(Error::BadArgument);
    }
    subscribe(Source::Message(msi::Entry::of(address, kind).map_err(|_| Error::NoMemory)?), EDGE, deliver)
}

fn subscribe(source: Source, wiring: Wiring, deliver: Deliver) -> Result<&'static Irq, Error> {
    let _off = InterruptsOff::new();
    let own = percpu::this();
    let target = apic::short_id(own.apic_id()).ok_or(Error::Full)?;
    let irq = POOL.take_object().ok_or(Error::NoMemory)?;
    let route = route(source, wiring, own).inspect_err(|_| POOL.give(irq))?;
    irq.header.set_home(own.id());
    irq.begin(route, deliver);
    let slot = own.irqs.slot(route.vector);
    if slot.get().is_none() {
        route.set(Gate::Masked);
        match source {
            Source::Line(pin) => pin.route(wiring, target, route.vector),
            Source::Message(entry) => entry.program(msi::message(target, route.vector)),
            Source::Software(_) => {}
        }
    }
    irq.next.set(slot.replace(Some(irq)));
    Ok(irq)
}

/// How `source` reaches this CPU from now on.
fn route(source: Source, wiring: Wiring, own: &PerCpu) -> Result<Route, Error> {
    let mut routes = ROUTES.lock();
    match routes.iter().find(|route| route.source == source) {
        Some(route)
            if route.wiring == wiring && wiring.trigger == Trigger::Level && route.home == own.id() =>
        {
            Ok(*route)
        }
        Some(_) => Err(Error::Exists),
        None => {
            routes.try_reserve(1).map_err(|_| Error::NoMemory)?;
            let vector = own.irqs.free().ok_or(Error::Full)?;
            let route = Route { source, wiring, home: own.id(), vector };
            routes.push(route);
            Ok(route)
        }
    }
}

/// The subscribers of a vector from `first` on.
fn chain(first: Option<&'static Irq>) -> impl Iterator<Item = &'static Irq> {
    core::iter::successors(first, |irq| irq.next.get())
}

/// The subscriber of a vector of this CPU, if an arrival needs nothing but that this one is told of it.
#[inline(always)]
pub(crate) fn alone(own: &'static PerCpu, vector: u8) -> Option<&'static Irq> {
    let irq = VECTORS.contains(&vector).then(|| own.irqs.slot(vector).get())??;
    let ready = irq.state.get() == State::Enabled && !irq.told.get() && irq.pending.get() == 0;
    (ready && !irq.is_level() && irq.next.get().is_none()).then_some(irq)
}

/// An interrupt of this CPU with one of the [`VECTORS`]; ends it at the local APIC. False if nobody has the vector: sent before its
/// source was masked, perhaps.
pub(crate) fn serve(vector: u8) -> bool {
    let first = percpu::this().irqs.slot(vector).get();
    if let Some(first) = first.filter(|first| first.is_level()) {
        // Before the end of the interrupt, which has the IO-APIC look at the line again.
        first.route.get().set(Gate::Masked);
    }
    apic::end_of_interrupt();
    // All are owed before the first is told, so that its answer, however quick, does not open the source.
    let subscribers = || chain(first).filter(|irq| irq.state.get() == State::Enabled);
    subscribers().for_each(|irq| irq.pending.set(irq.pending.get() + 1));
    subscribers().for_each(Irq::arrive);
    first.is_some()
}

/// Looks after the threads that were told and have not answered, those that never do included, and lets those that have fallen out of
/// the band back in as soon as their budgets allow. This CPU's timer, interrupts off.
fn watch(now: Nanos) {
    let own = percpu::this();
    let mut again = false;
    for irq in own.irqs.first.iter().flat_map(|slot| chain(slot.get())) {
        if irq.told.get() {
            again = true;
            match irq.notice.owner() {
                Some(owner) if core::ptr::eq(owner, own.thread()) && !own.scheduler.is_idle() => {
                    irq.account(now)
                }
                // It waits, or others run before it.
                _ => irq.charged.set(now),
            }
        }
        if let Some(priority) = irq.fallen.get() {
            again = true;
            if irq.budget.borrow_mut().standing(now.0) == Standing::InBand {
                irq.fallen.set(None);
                irq.notice.owner().into_iter().for_each(|owner| lwkt::set_base_priority(owner, priority));
            }
        }
    }
    own.irqs.watched.set(again);
    if again {
        timer::set(&own.irqs.watch, Nanos(now.0 + WATCH.0));
    }
}

/// Has [`poll_deferred`] called a period after `now` on this CPU, in an interrupt. Asked for once until it has been.
fn ask_for_poll(now: Nanos) {
    timer::set(&percpu::this().irqs.polls, Nanos(now.0 + Livelock::PERIOD_NS));
}

/// Tells the subscribers above the livelock limit what has arrived, and opens their sources; asks for its next turn while there are
/// any. This CPU's timer, interrupts off.
pub(crate) fn poll_deferred(now: Nanos) {
    let all = percpu::this().irqs.first.iter().flat_map(|slot| chain(slot.get()));
    let mut again = false;
    for irq in all.filter(|irq| irq.rate() == Rate::Limited) {
        again |= irq.limiter.borrow_mut().poll(now.0).rate == Rate::Limited;
        if !irq.is_level() && irq.state.get() == State::Enabled {
            // First: an edge that was lost is one that the subscriber finds when it is told now.
            irq.route.get().set(Gate::Open);
        }
        irq.tell();
    }
    if again {
        ask_for_poll(now);
    }
}

impl Irq {
    fn begin(&self, route: Route, deliver: Deliver) {
        let now = clock::now().0;
        self.route.set(route);
        self.state.set(State::Disabled);
        self.told.set(false);
        self.pending.set(0);
        self.deliver.set(Some(deliver));
        self.fallen.set(None);
        self.limiter.replace(Livelock::new(now));
        self.budget.replace(Budget::standard(now));
    }

    /// Whether it is told from the timer only.
    pub(crate) fn rate(&self) -> Rate {
        self.limiter.borrow().rate()
    }

    fn is_level(&self) -> bool {
        self.route.get().wiring.trigger == Trigger::Level
    }

    /// Interrupts stay off, on the home, while the result lives.
    fn at_home(&self) -> InterruptsOff {
        let off = InterruptsOff::new();
        invariant!(self.header.home() == percpu::this().id(), "an interrupt is changed away from home");
        off
    }

    /// What the subscriber wants from now on. One that was told still has to answer. Home.
    pub(crate) fn set(&'static self, state: State) {
        let _off = self.at_home();
        self.state.set(state);
        if state != State::Enabled {
            self.pending.set(0);
        }
        self.sweep();
    }

    /// The subscriber has dealt with what it was told of. An answer to nothing is nothing. Home.
    pub(crate) fn acknowledge(&'static self) {
        let _off = self.at_home();
        if !self.told.replace(false) {
            return;
        }
        self.account(clock::now());
        if self.state.get() == State::Ended {
            return self.sweep();
        }
        if self.rate() == Rate::Normal {
            self.tell();
        }
        if self.is_level() {
            self.settle();
        }
    }

    /// Its thread has run in the interrupt band for `ran`, up to `now`. Out of the band if [`Standing::Fallen`] comes back. Home.
    pub(crate) fn charge(&self, now: Nanos, ran: Nanos) -> Standing {
        let mut budget = self.budget.borrow_mut();
        if budget.charge(now.0, ran.0) == Charge::FellOut(Report::Worth) {
            log::warn!("interrupt {:#x} has used up its time: its thread leaves the band", self.vector());
        }
        budget.standing(now.0)
    }

    /// It is told, at `now`: its thread's time counts from then on.
    #[inline(always)]
    fn mark_told(&self, now: Nanos) {
        self.told.set(true);
        self.charged.set(now);
        if !percpu::this().irqs.watched.get() {
            watch(now);
        }
    }

    /// Charges its thread for the time up to `now`, and takes it out of the band if that was too much. Home.
    fn account(&self, now: Nanos) {
        let ran = now.0.saturating_sub(self.charged.replace(now).0);
        let Some(owner) = self.notice.owner() else { return };
        if self.charge(now, Nanos(ran)) == Standing::Fallen
            && owner.base.get() > FALLEN
            && !cfg!(bite = "irq-stays-in-band")
        {
            self.fallen.set(Some(owner.base.get()));
            lwkt::set_base_priority(owner, FALLEN);
        }
    }

    /// Its vector, on its home.
    pub(crate) fn vector(&self) -> u8 {
        self.route.get().vector
    }

    /// Ends an interrupt of which only this subscriber, which [`alone`] has given, is to be told. False: not by the caller, but from a
    /// timer.
    #[inline(always)]
    pub(crate) fn admit(&'static self) -> bool {
        apic::end_of_interrupt();
        let now = self.admitted();
        match now {
            Some(now) => self.mark_told(now),
            None => self.pending.set(1),
        }
        now.is_some()
    }

    fn arrive(&'static self) {
        if self.admitted().is_some() {
            self.tell();
        }
    }

    /// Counts an arrival; when it is, if it is to be told of now.
    #[inline(always)]
    fn admitted(&self) -> Option<Nanos> {
        let now = clock::now();
        let wake = self.limiter.borrow_mut().arrival(now.0);
        if wake != Wake::Now {
            self.defer(wake, now);
        }
        (wake == Wake::Now).then_some(now)
    }

    /// Leaves an arrival to the timer.
    #[cold]
    fn defer(&self, wake: Wake, now: Nanos) {
        if !self.is_level() {
            self.route.get().set(Gate::Masked);
        }
        if wake == Wake::StartTimer {
            if self.limiter.borrow().times_limited() == 1 {
                log::warn!("interrupt {:#x} comes too often: it is told from a timer", self.vector());
            }
            ask_for_poll(now);
        }
    }

    fn tell(&'static self) {
        if self.state.get() == State::Enabled && !self.told.get() && self.pending.get() > 0 {
            self.mark_told(clock::now());
            let arrivals = self.pending.replace(0);
            self.deliver.get().into_iter().for_each(|deliver| deliver(self, arrivals));
        }
    }

    /// Masks or opens the source as its subscribers' states demand.
    fn settle(&self) {
        let all = || chain(percpu::this().irqs.slot(self.vector()).get());
        let owes = |irq: &Irq| irq.told.get() || irq.pending.get() > 0 && !cfg!(bite = "irq-only-told-owe");
        let owed = self.is_level() && all().any(owes) && !cfg!(bite = "irq-first-answer");
        let wanted = all().any(|irq| irq.state.get() == State::Enabled);
        self.route.get().set(if wanted && !owed { Gate::Open } else { Gate::Masked });
    }

    /// Lets the ended subscribers of its vector go, and settles what the others want.
    fn sweep(&'static self) {
        let route = self.route.get();
        let slot = percpu::this().irqs.slot(route.vector);
        let in_use = chain(slot.get()).any(|irq| irq.state.get() != State::Ended);
        if !in_use {
            route.set(Gate::Masked);
            ROUTES.lock().retain(|used| used.source != route.source);
        }
        let mut rest = slot.take();
        while let Some(irq) = rest {
            rest = irq.next.take();
            let owes = irq.told.get() && !cfg!(bite = "irq-no-fence");
            if in_use && (irq.state.get() != State::Ended || owes) {
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

/// Subscribes to a source that only a test raises: sources of one number are one.
#[cfg(feature = "test")]
pub(crate) fn software(number: u64, trigger: Trigger, deliver: Deliver) -> Result<&'static Irq, Error> {
    subscribe(Source::Software(number), Wiring { trigger, ..EDGE }, deliver)
}

/// How many sources are in use.
#[cfg(feature = "test")]
pub(crate) fn in_use() -> usize {
    let _off = InterruptsOff::new();
    ROUTES.lock().len()
}

#[cfg(feature = "test")]
impl Irq {
    /// Whether its line is masked; none if it has no line.
    pub(crate) fn is_masked(&self) -> Option<bool> {
        self.pin()?.is_masked()
    }

    /// Whether its line, a level-triggered one, is open and no interrupt of it is under way; none if it has no line.
    pub(crate) fn is_at_rest(&self) -> Option<bool> {
        self.pin()?.is_at_rest()
    }

    fn pin(&self) -> Option<Pin> {
        match self.route.get().source {
            Source::Line(pin) => Some(pin),
            Source::Message(_) | Source::Software(_) => None,
        }
    }
}
