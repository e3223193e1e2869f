//! The crossbar: nothing is lost, doubled or reordered, whatever is full; interrupts are few; rendezvous do not deadlock.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use microkernel_core::crossbar::{CAPACITY, Class, Full};

use super::{Context, Held, Verdict};
use crate::arch::cpu;
use crate::percpu::{self, CpuId, PerCpu};
use crate::time::clock;
use crate::time::timer::{self, Deadline};
use crate::{check, crossbar, ktest};

/// Sends to another CPU.
fn send(target: &PerCpu, class: Class, call: fn([u64; 3]), words: [u64; 3]) -> Result<(), Full> {
    let _off = cpu::InterruptsOff::new();
    crossbar::send(percpu::this(), target, class, call, words)
}

ktest!(
    all_to_all_flood_keeps_order,
    bursts_share_interrupts,
    passive_calls_are_served_when_the_ring_fills,
    users_cannot_fill_a_ring,
    rendezvous_from_all_cpus_at_once,
);

const CPUS: usize = 16;
/// By target and source: the number of the next call that is due, and calls that came out of turn.
static DUE: [[AtomicU64; CPUS]; CPUS] = [const { [const { AtomicU64::new(0) }; CPUS] }; CPUS];
static OUT_OF_TURN: AtomicU64 = AtomicU64::new(0);
static FINISHED: AtomicU64 = AtomicU64::new(0);

fn receive([source, number, _]: [u64; 3]) {
    let due = &DUE[percpu::this().id().index()][source as usize];
    if due.fetch_add(1, Ordering::AcqRel) != number {
        OUT_OF_TURN.fetch_add(1, Ordering::AcqRel);
    }
}

/// Sends `count` numbered calls to every other CPU, in rounds that overfill every ring.
fn flood([count, ..]: [u64; 3]) {
    let own = percpu::this().id().index();
    for number in 0..count {
        for target in percpu::all().take(CPUS).filter(|target| target.id().index() != own) {
            crossbar::at(target.id(), receive, [own as u64, number, 0]);
        }
    }
    FINISHED.fetch_add(1, Ordering::AcqRel);
}

/// Waits, serving the crossbar, until `done`; false after a minute.
fn wait_until(done: impl Fn() -> bool) -> bool {
    let limit = clock::now().0 + 60_000_000_000;
    while !done() {
        if clock::now().0 > limit {
            return false;
        }
        crossbar::poll();
        cpu::pause();
    }
    true
}

fn others() -> Vec<&'static percpu::PerCpu> {
    percpu::all().skip(1).take(CPUS - 1).collect()
}

fn all_to_all_flood_keeps_order(context: &Context) -> Verdict {
    let others = others();
    if others.is_empty() {
        return Ok(Held::Skipped("needs two CPUs"));
    }
    let count = context.rounds(20_000);
    DUE.iter().flatten().for_each(|due| due.store(0, Ordering::Release));
    OUT_OF_TURN.store(0, Ordering::Release);
    FINISHED.store(0, Ordering::Release);
    for other in &others {
        crossbar::at(other.id(), flood, [count, 0, 0]);
    }
    flood([count, 0, 0]);
    let all = others.len() as u64 + 1;
    check!(wait_until(|| FINISHED.load(Ordering::Acquire) == all), "some CPU is still sending");
    let expected = all * (all - 1) * count;
    let arrived = || DUE.iter().flatten().map(|due| due.load(Ordering::Acquire)).sum::<u64>();
    check!(wait_until(|| arrived() == expected), "{} of {expected} calls arrived", arrived());
    let out_of_turn = OUT_OF_TURN.load(Ordering::Acquire);
    check!(out_of_turn == 0, "{out_of_turn} of {expected} calls came out of turn");
    Ok(Held::Passed)
}

static SERVED: AtomicU64 = AtomicU64::new(0);

fn count_served(_: [u64; 3]) {
    SERVED.fetch_add(1, Ordering::AcqRel);
}

fn bursts_share_interrupts(_: &Context) -> Verdict {
    let Some(&target) = others().first() else { return Ok(Held::Skipped("needs two CPUs")) };
    SERVED.store(0, Ordering::Release);
    let (before, interrupts_before) = target.inbound.totals();
    // The target cannot look until the burst is complete: it is kept busy by the first call.
    static RELEASE: AtomicU64 = AtomicU64::new(0);
    RELEASE.store(0, Ordering::Release);
    let hold = |_: [u64; 3]| {
        while RELEASE.load(Ordering::Acquire) == 0 {
            cpu::pause();
        }
    };
    crossbar::at(target.id(), hold, [0; 3]);
    for _ in 0..100 {
        crossbar::at(target.id(), count_served, [0; 3]);
    }
    RELEASE.store(1, Ordering::Release);
    check!(wait_until(|| SERVED.load(Ordering::Acquire) == 100), "the burst was not served");
    let (after, interrupts_after) = target.inbound.totals();
    let interrupts = interrupts_after - interrupts_before;
    check!(after.sent - before.sent == 101, "{} calls were counted", after.sent - before.sent);
    // One for the call that holds the CPU, one for the burst, and one to itself for each turn beyond the first.
    check!(interrupts <= 6, "{interrupts} interrupts for 101 calls");
    Ok(Held::Passed)
}

fn passive_calls_are_served_when_the_ring_fills(_: &Context) -> Verdict {
    let Some(&target) = others().first() else { return Ok(Held::Skipped("needs two CPUs")) };
    SERVED.store(0, Ordering::Release);
    let mut sent = 0;
    // More than a ring holds: nothing but passive calls, and nobody else rings.
    while sent < 2 * CAPACITY as u64 {
        if send(target, Class::Passive, count_served, [0; 3]).is_ok() {
            sent += 1;
        } else {
            cpu::pause();
        }
    }
    let nearly = sent - CAPACITY as u64 / 4;
    check!(wait_until(|| SERVED.load(Ordering::Acquire) >= nearly), "a ring of passive calls was forgotten");
    // What is left waits for the next look, which any call brings.
    crossbar::at(target.id(), count_served, [0; 3]);
    check!(wait_until(|| SERVED.load(Ordering::Acquire) == sent + 1), "passive calls were lost");
    Ok(Held::Passed)
}

fn users_cannot_fill_a_ring(_: &Context) -> Verdict {
    let Some(&target) = others().first() else { return Ok(Held::Skipped("needs two CPUs")) };
    static RELEASE: AtomicU64 = AtomicU64::new(0);
    static HELD: AtomicU64 = AtomicU64::new(0);
    RELEASE.store(0, Ordering::Release);
    HELD.store(0, Ordering::Release);
    SERVED.store(0, Ordering::Release);
    let hold = |_: [u64; 3]| {
        HELD.store(1, Ordering::Release);
        while RELEASE.load(Ordering::Acquire) == 0 {
            cpu::pause();
        }
    };
    crossbar::at(target.id(), hold, [0; 3]);
    check!(wait_until(|| HELD.load(Ordering::Acquire) == 1), "the target does not answer");
    let accepted =
        (0..CAPACITY).take_while(|_| send(target, Class::User, count_served, [0; 3]).is_ok()).count();
    let kernel = send(target, Class::Kernel, count_served, [0; 3]);
    RELEASE.store(1, Ordering::Release);
    check!(wait_until(|| SERVED.load(Ordering::Acquire) >= accepted as u64), "user calls were lost");
    check!(accepted == CAPACITY / 2, "{accepted} user calls were accepted");
    check!(kernel.is_ok(), "users have left no room for the kernel");
    Ok(Held::Passed)
}

static MEETINGS: AtomicU64 = AtomicU64::new(0);
static INSIDE: AtomicU64 = AtomicU64::new(0);
static MEETING: Deadline = Deadline::new(|_| call_meeting());

fn meet(_: u64) {
    MEETINGS.fetch_add(1, Ordering::AcqRel);
    INSIDE.fetch_or(1 << (percpu::this().id().index() % 64), Ordering::AcqRel);
}

fn rendezvous_from_all_cpus_at_once(context: &Context) -> Verdict {
    let rounds = context.rounds(1000);
    let all = percpu::count() as u64;
    MEETINGS.store(0, Ordering::Release);
    for _ in 0..rounds {
        INSIDE.store(0, Ordering::Release);
        crossbar::on_all_cpus(meet, 0);
        let inside = INSIDE.load(Ordering::Acquire).count_ones() as u64;
        check!(inside == all.min(64), "{inside} of {all} CPUs came");
    }
    check!(MEETINGS.load(Ordering::Acquire) == rounds * all, "somebody came twice");
    // Two at once: a timer on another CPU calls one while this CPU does.
    let Some(other) = percpu::get(CpuId::BOOT).and_then(|_| percpu::all().nth(1)) else {
        return Ok(Held::Passed);
    };
    for _ in 0..rounds.min(100) {
        FINISHED.store(0, Ordering::Release);
        crossbar::at(other.id(), |_| timer::set(&MEETING, clock::now()), [0; 3]);
        crossbar::on_all_cpus(meet, 0);
        check!(
            wait_until(|| FINISHED.load(Ordering::Acquire) == 1),
            "the other CPU's rendezvous did not end"
        );
    }
    Ok(Held::Passed)
}

fn call_meeting() {
    crossbar::on_all_cpus(meet, 0);
    FINISHED.fetch_add(1, Ordering::AcqRel);
}
