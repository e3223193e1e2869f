//! The clock never goes back, on one CPU or across all; timers fire, and not early.

mod deadlines;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::{Context, Held, Verdict};
use crate::arch::{apic, cpu};
use crate::crossbar;
use crate::interrupt::vector;
use crate::percpu::{self, MAX_CPUS};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};
use crate::{check, ktest};

ktest!(monotonic_on_one_cpu, alternating_reads_never_go_back, timer_is_never_early, timers_fire_on_every_cpu);

fn monotonic_on_one_cpu(context: &Context) -> Verdict {
    let mut last = clock::now();
    for _ in 0..context.rounds(1_000_000) {
        let now = clock::now();
        check!(now >= last, "{now} after {last}");
        last = now;
    }
    Ok(Held::Passed)
}

/// CPUs that take part at most.
const READERS: usize = 4;
/// Whose turn it is: the reading's number; reader `number % readers` does it.
static TURN: AtomicU64 = AtomicU64::new(0);
/// The latest reading.
static LATEST: AtomicU64 = AtomicU64::new(0);
static BACKWARD: AtomicU64 = AtomicU64::new(0);
static LIMIT: AtomicU64 = AtomicU64::new(0);
static SEATS: AtomicUsize = AtomicUsize::new(0);
static TAKEN: AtomicUsize = AtomicUsize::new(0);
static DONE: AtomicUsize = AtomicUsize::new(0);

/// By seat: the reader's APIC ID, and whether it sleeps (or is about to).
static APIC_IDS: [AtomicU32; READERS] = [const { AtomicU32::new(0) }; READERS];
static ASLEEP: [AtomicBool; READERS] = [const { AtomicBool::new(false) }; READERS];
/// Looks at the turn before going to sleep: the turn of a peer that runs comes back sooner than that.
const SPINS: u32 = 200;

/// A reader's part, until all readings are done.
fn read_in_turn() {
    let seat = TAKEN.fetch_add(1, Ordering::AcqRel);
    APIC_IDS[seat].store(percpu::this().apic_id(), Ordering::Release);
    while TAKEN.load(Ordering::Acquire) < SEATS.load(Ordering::Acquire) {
        cpu::pause();
    }
    let (seats, limit) = (SEATS.load(Ordering::Acquire), LIMIT.load(Ordering::Acquire));
    let mut number = seat as u64;
    while number < limit {
        await_turn(seat, number);
        let now = clock::now().0;
        if LATEST.swap(now, Ordering::AcqRel) > now {
            BACKWARD.fetch_add(1, Ordering::Relaxed);
        }
        TURN.store(number + 1, Ordering::SeqCst);
        let next = (seat + 1) % seats;
        if ASLEEP[next].load(Ordering::SeqCst) {
            apic::send(APIC_IDS[next].load(Ordering::Acquire), vector::WAKE);
        }
        number += seats as u64;
    }
    DONE.fetch_add(1, Ordering::AcqRel);
}

/// Waits for the turn `number`: a bounded spin, then sleep until the one before rings. Interrupts are off.
fn await_turn(seat: usize, number: u64) {
    if (0..SPINS).any(|_| {
        cpu::pause();
        TURN.load(Ordering::Acquire) == number
    }) {
        return;
    }
    ASLEEP[seat].store(true, Ordering::SeqCst);
    while TURN.load(Ordering::SeqCst) != number {
        cpu::wait_for_interrupt();
    }
    ASLEEP[seat].store(false, Ordering::SeqCst);
}

fn alternating_reads_never_go_back(context: &Context) -> Verdict {
    let others: alloc::vec::Vec<_> = percpu::all().skip(1).take(READERS - 1).collect();
    if others.is_empty() {
        return Ok(Held::Skipped("needs two CPUs"));
    }
    let readings = context.rounds(1_000_000);
    for word in [&TURN, &LATEST, &BACKWARD] {
        word.store(0, Ordering::Release);
    }
    TAKEN.store(0, Ordering::Release);
    DONE.store(0, Ordering::Release);
    SEATS.store(others.len() + 1, Ordering::Release);
    LIMIT.store(readings, Ordering::Release);
    for other in &others {
        crossbar::at(other.id(), |_| read_in_turn(), [0; 3]);
    }
    let off = cpu::InterruptsOff::new();
    read_in_turn();
    drop(off);
    while DONE.load(Ordering::Acquire) <= others.len() {
        cpu::pause();
    }
    let backward = BACKWARD.load(Ordering::Acquire);
    check!(backward == 0, "{backward} of {readings} readings on {} CPUs went back", others.len() + 1);
    Ok(Held::Passed)
}

static FIRED_AT: AtomicU64 = AtomicU64::new(0);
static TIMER: Deadline = Deadline::new(|_| FIRED_AT.store(clock::now().0, Ordering::Release));

fn timer_is_never_early(context: &Context) -> Verdict {
    for round in 0..context.rounds(1000) {
        let deadline = clock::now().0 + 1000 + round * 20_000 % 2_000_000;
        FIRED_AT.store(0, Ordering::Release);
        timer::set(&TIMER, Nanos(deadline));
        let limit = deadline + 60_000_000_000;
        while FIRED_AT.load(Ordering::Acquire) == 0 && clock::now().0 < limit {
            cpu::pause();
        }
        let fired = FIRED_AT.load(Ordering::Acquire);
        check!(fired != 0, "a timer of round {round} never fired");
        check!(fired >= deadline, "a timer of round {round} fired {} ns early", deadline - fired);
    }
    Ok(Held::Passed)
}

static FIRED: AtomicU64 = AtomicU64::new(0);
static TIMERS: [Deadline; MAX_CPUS] = [const { Deadline::new(note_cpu) }; MAX_CPUS];

fn note_cpu(_: &Deadline) {
    FIRED.fetch_or(1 << (percpu::this().id().index() % 64), Ordering::AcqRel);
}

fn set_own(_: [u64; 3]) {
    timer::set(&TIMERS[percpu::this().id().index()], Nanos(clock::now().0 + 100_000));
}

fn timers_fire_on_every_cpu(_: &Context) -> Verdict {
    for target in percpu::all().skip(1).take(63) {
        let bit = 1 << target.id().index();
        FIRED.store(0, Ordering::Release);
        crossbar::at(target.id(), set_own, [0; 3]);
        let limit = clock::now().0 + 60_000_000_000;
        while FIRED.load(Ordering::Acquire) == 0 && clock::now().0 < limit {
            cpu::pause();
        }
        let fired = FIRED.load(Ordering::Acquire);
        check!(fired == bit, "timer of CPU {}: {fired:#x} fired", target.id().index());
    }
    Ok(Held::Passed)
}
