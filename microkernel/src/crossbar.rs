//! The crossbar: how this CPU has something done by another, without a lock.
//!
//! One ring for each (source, target) pair carries function calls; a bell for each target says whether it has been asked to look.
//! A target looks when the bell's interrupt comes and before it sleeps. What a call does, it does with interrupts off, like an
//! interrupt: briefly, and never blocking. A sender that finds a ring full keeps serving its own rings while it waits, or two
//! CPUs with full rings would wait for each other for ever.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

use microkernel_core::crossbar::{
    Attention, CAPACITY, Class, Counters, Doorbell, Drained, Entry, Full, Notify, Ring, StallWatch,
};
use microkernel_core::rendezvous::Rendezvous;

use crate::arch::{apic, cpu};
use crate::interrupt::vector;
use crate::percpu::{self, CpuId, MAX_CPUS, PerCpu};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};

type KernelRing = Ring<CAPACITY>;
/// What another CPU is asked to do: a function, and three words for it.
pub(crate) type Call = fn([u64; 3]);

/// Interrupts of the bell that come closer together come too often.
const OFTEN: Nanos = Nanos(100_000);
/// Between looks of a CPU that looks by itself instead: what a message to a CPU under load may wait for.
const QUIET: Nanos = Nanos(20_000);
/// How many times a CPU with nothing to do looks for work from others before it sleeps, if others have given it any lately.
const PATIENCE: u32 = 1024;
/// Entries served from one ring before the next one's turn.
const TURN: usize = 32;

/// A CPU's end of the crossbar.
pub(crate) struct Inbound {
    bell: Doorbell,
    /// By source; made when the source first sends.
    rings: [AtomicPtr<KernelRing>; MAX_CPUS],
    /// Interrupts sent to this CPU by others.
    interrupts: AtomicU64,
    /// When the last one came.
    rung_at: Cell<Nanos>,
    /// How this CPU learns of the next entry: if it is by looking, at `look`, or all the time while it has nothing else to do. Its own.
    attention: Cell<Attention>,
    look: Deadline,
    /// Looks before it sleeps. Halved whenever they were in vain.
    patience: Cell<u32>,
}

impl Inbound {
    /// Nothing asked yet.
    pub(crate) const fn new() -> Self {
        Self {
            bell: Doorbell::new(),
            rings: [const { AtomicPtr::new(core::ptr::null_mut()) }; MAX_CPUS],
            interrupts: AtomicU64::new(0),
            rung_at: Cell::new(Nanos(0)),
            attention: Cell::new(Attention::Interrupt),
            look: Deadline::new(|_| look()),
            patience: Cell::new(0),
        }
    }

    fn ring(&self, source: CpuId) -> Option<&'static KernelRing> {
        // SAFETY: null, or a ring that lives for ever.
        unsafe { self.rings[source.index()].load(Ordering::Acquire).as_ref() }
    }

    /// The ring from `source`, which is the calling CPU: it alone makes it.
    fn ring_or_new(&self, source: CpuId) -> Result<&'static KernelRing, Full> {
        if let Some(ring) = self.ring(source) {
            return Ok(ring);
        }
        self.rings[source.index()].store(new_ring()?, Ordering::Release);
        self.ring(source).ok_or(Full)
    }
}

#[cfg(feature = "test")]
impl Inbound {
    /// What has been sent to this CPU, by all sources together, and how many interrupts that took.
    pub(crate) fn totals(&self) -> (Counters, u64) {
        let mut sum = Counters::default();
        for counters in (0..MAX_CPUS).filter_map(|source| Some(self.ring(CpuId::new(source)?)?.counters())) {
            sum.sent += counters.sent;
            sum.ipis_avoided += counters.ipis_avoided;
            sum.passive += counters.passive;
            sum.full += counters.full;
        }
        (sum, self.interrupts.load(Ordering::Relaxed))
    }
}

/// A zeroed ring on the heap, never freed.
fn new_ring() -> Result<*mut KernelRing, Full> {
    let layout = core::alloc::Layout::new::<KernelRing>();
    // SAFETY: the layout is not of size 0. A ring is atomics only, whose initial values are all zero, see `Ring::new`.
    let ring = unsafe { alloc::alloc::alloc_zeroed(layout) }.cast::<KernelRing>();
    if ring.is_null() { Err(Full) } else { Ok(ring) }
}

/// Has `target`, another CPU, do `call(words)` soon. Interrupts are off.
///
/// # Errors
/// The ring is full for this class of senders (or could not be made).
#[inline(always)]
pub(crate) fn send(
    own: &PerCpu,
    target: &PerCpu,
    class: Class,
    call: Call,
    words: [u64; 3],
) -> Result<(), Full> {
    let ring = target.inbound.ring_or_new(own.id())?;
    let [first, second, third] = words;
    let words = [call as *const () as u64, first, second, third];
    if ring.push(&target.inbound.bell, class, &Entry { kind: 0, words })? == Notify::Ipi {
        interrupt(target);
    }
    Ok(())
}

/// Serves this CPU's rings while it waits.
#[cold]
fn send_when_there_is_room(own: &PerCpu, target: &PerCpu, call: Call, words: [u64; 3]) {
    let mut watch = StallWatch::begin(clock::now().0);
    // Having waited once, this is as urgent as anything.
    while send(own, target, Class::Nested, call, words).is_err() {
        poll();
        cpu::pause();
        if let Some(nanoseconds) = watch.report(clock::now().0) {
            let (from, to) = (own.id().index(), target.id().index());
            log::warn!("crossbar: CPU {from} has waited {} ms for CPU {to}", nanoseconds / 1_000_000);
        }
    }
}

/// Has `call(words)` done on that CPU soon, for the kernel's own needs, which must get through; at once if it is this one, or does not run
/// (yet). Interrupts may be on or off.
pub(crate) fn at(cpu: CpuId, call: Call, words: [u64; 3]) {
    let _off = cpu::InterruptsOff::new();
    now_at(percpu::this(), cpu, call, words);
}

/// As [`at`], where every instruction counts. Interrupts are off.
#[inline(always)]
pub(crate) fn now_at(own: &PerCpu, cpu: CpuId, call: Call, words: [u64; 3]) {
    match percpu::get(cpu) {
        Some(target) if cpu != own.id() => {
            if send(own, target, Class::Kernel, call, words).is_err() {
                send_when_there_is_room(own, target, call, words);
            }
        }
        _ => call(words),
    }
}

fn interrupt(target: &PerCpu) {
    target.inbound.interrupts.fetch_add(1, Ordering::Relaxed);
    apic::send(target.apic_id(), vector::WAKE);
}

/// Does what other CPUs have asked this one for. On the bell's interrupt, before sleeping, and while waiting for others.
pub(crate) fn poll() {
    let _off = cpu::InterruptsOff::new();
    let inbound = &percpu::this().inbound;
    let _any = look_now(inbound, inbound.attention.get());
}

/// The same with interrupts off already; whether there was something.
#[inline(always)]
fn look_now(inbound: &Inbound, attention: Attention) -> bool {
    inbound.bell.poll(attention, |rung| rung && drain(inbound))
}

/// The bell's interrupt. If it comes too often, the next ones are spared: this CPU looks by itself for a while.
pub(crate) fn rung() {
    let own = percpu::this();
    poll();
    if own.scheduler.is_idle() {
        return own.inbound.patience.set(PATIENCE);
    }
    let now = clock::now();
    let often = now.0 - own.inbound.rung_at.replace(now).0 < OFTEN.0;
    if often && !cfg!(bite = "crossbar-never-muted") {
        look_later(&own.inbound, now);
        poll();
    }
}

/// This CPU looks by itself from now on, for the first time after a while.
fn look_later(inbound: &'static Inbound, now: Nanos) {
    inbound.attention.set(Attention::Watch);
    timer::set(&inbound.look, Nanos(now.0 + QUIET.0));
}

/// The look that takes the place of interrupts: as long as there is something each time.
fn look() {
    let inbound = &percpu::this().inbound;
    if inbound.attention.get() == Attention::Watch && look_now(inbound, Attention::Watch) {
        look_later(inbound, clock::now());
    } else {
        inbound.attention.set(Attention::Interrupt);
        look_now(inbound, Attention::Interrupt);
    }
}

/// Nobody is runnable on this CPU: does what others have asked for, and waits for them to ask, or for an interrupt, if they have not.
/// Interrupts are off, but not while it waits.
///
/// If others have asked for something lately, it looks out for a while before it sleeps: two CPUs that talk to each other do so
/// without interrupts.
pub(crate) fn wait_for_work(is_wanted: impl Fn() -> bool) {
    let inbound = &percpu::this().inbound;
    let patience = inbound.patience.get();
    if patience == 0 {
        inbound.attention.set(Attention::Interrupt);
        if !look_now(inbound, Attention::Interrupt) && !inbound.bell.is_rung() && !is_wanted() {
            cpu::wait_for_interrupt();
        }
        return;
    }
    if !look_now(inbound, Attention::Watch) && !look_out(patience, || inbound.bell.is_rung() || is_wanted()) {
        inbound.patience.set(patience / 2);
    }
    look_now(inbound, inbound.attention.get());
}

/// Looks up to so many times, interrupts on in between; whether in time. What is spent here is nobody's: it lies where measuring
/// instruments find it.
#[unsafe(link_section = ".text.idle")]
#[inline(never)]
fn look_out(times: u32, is_wanted: impl Fn() -> bool) -> bool {
    (0..times).any(|_| {
        cpu::let_interrupts_in();
        is_wanted()
    })
}

/// Serves what has come; whether there was something.
fn drain(inbound: &Inbound) -> bool {
    let mut any = false;
    for source in 0..percpu::count() {
        let Some(ring) = CpuId::new(source).and_then(|source| inbound.ring(source)) else { continue };
        let drained = ring.drain(TURN, serve);
        any |= drained != Drained::All(0);
        if drained == Drained::Limit && !ring.is_empty() && inbound.bell.ring() == Notify::Ipi {
            // More than a turn's worth: come back after others have had theirs.
            interrupt(percpu::this());
        }
    }
    any
}

fn serve(entry: Entry) {
    let [call, first, second, third] = entry.words;
    // SAFETY: only `send` fills rings, with a `Call` in the first word; rings are the kernel's private memory.
    let call =
        unsafe { core::mem::transmute::<*const (), Call>(core::ptr::with_exposed_provenance(call as usize)) };
    call([first, second, third]);
}

/// Whether somebody has rung since the last [`poll`].
#[inline(always)]
pub(crate) fn is_rung(own: &PerCpu) -> bool {
    own.inbound.bell.is_rung()
}

/// What a rendezvous of all CPUs is for; lies on the caller's stack until everybody has left it.
struct Meeting {
    function: fn(u64),
    argument: u64,
    rendezvous: Rendezvous,
}

/// At most one rendezvous at a time. A cold lock; whoever waits for it serves its rings.
static HELD: AtomicBool = AtomicBool::new(false);

/// Stops all CPUs at a point between two instructions of theirs, runs `function(argument)` on each, interrupts off, and lets
/// them go on. Returns when all have run it. Not from within a crossbar call.
pub(crate) fn on_all_cpus(function: fn(u64), argument: u64) {
    let own = percpu::this();
    let serve_and_pause = || {
        poll();
        cpu::pause();
    };
    while HELD.swap(true, Ordering::AcqRel) {
        serve_and_pause();
    }
    let meeting = Meeting { function, argument, rendezvous: Rendezvous::new() };
    let off = cpu::InterruptsOff::new();
    let mut expected = 0;
    for target in percpu::all().filter(|target| target.id() != own.id()) {
        at(target.id(), attend, [(&raw const meeting).expose_provenance() as u64, 0, 0]);
        // All wait for the last: even one that looks by itself comes at once.
        interrupt(target);
        expected += 1;
    }
    meeting.rendezvous.hold(expected, serve_and_pause, || function(argument));
    HELD.store(false, Ordering::Release);
    drop(off);
}

/// The others' part.
fn attend([meeting, ..]: [u64; 3]) {
    // SAFETY: `on_all_cpus` keeps it until this CPU has left it.
    let meeting = unsafe { &*core::ptr::with_exposed_provenance::<Meeting>(meeting as usize) };
    meeting.rendezvous.attend(cpu::pause, || (meeting.function)(meeting.argument));
}
