//! Random load on the thread system: whatever threads do to each other, every switch keeps its rules (the scheduler asserts
//! them in test kernels), nobody is lost, and all end.
//!
//! A percentage of N hundred gives each seed at least N seconds, however many operations that takes.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use microkernel_core::runqueue::Priority;

use super::{Broken, Context, Held, Verdict};
use crate::arch::cpu;
use crate::lwkt::{
    Start, Waiters, crit_enter, crit_exit, lwkt_block, lwkt_create, lwkt_signal, lwkt_switch, lwkt_yield,
};
use crate::percpu::{self, CpuId, MAX_CPUS, PerCpu};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};
use crate::{check, crossbar, ktest};

ktest!(random_load_keeps_every_rule);

/// Things done, in full, by each CPU's threads together.
const OPERATIONS: u64 = 200_000;
/// Threads started on each CPU.
const THREADS: u64 = 8;
const SEEDS: [u64; 3] = [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];
/// How often each CPU's timer wakes everybody: the longest anyone sleeps.
const TICK: Nanos = Nanos(200_000);

/// At home on the boot CPU: the others block and signal across.
static QUEUES: [Waiters; 4] = [
    Waiters::new(CpuId::BOOT),
    Waiters::new(CpuId::BOOT),
    Waiters::new(CpuId::BOOT),
    Waiters::new(CpuId::BOOT),
];
static LEFT: AtomicU64 = AtomicU64::new(0);
/// Operations are to be had until then even if none is left. Nanoseconds.
static UNTIL: AtomicU64 = AtomicU64::new(0);
static DONE: AtomicU64 = AtomicU64::new(0);
static STARTED: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);
static TICKS: [Deadline; MAX_CPUS] = [const { Deadline::new(tick) }; MAX_CPUS];
static TICKING: AtomicBool = AtomicBool::new(false);
static ALL_ENDED: Waiters = Waiters::new(CpuId::BOOT);

/// A sequence that looks random and is the same for the same start (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn tick(deadline: &'static Deadline) {
    for queue in &QUEUES {
        lwkt_signal(queue, usize::MAX);
    }
    if TICKING.load(Ordering::Acquire) {
        timer::set(deadline, Nanos(clock::now().0 + TICK.0));
    }
}

/// Takes one operation from the common store; false when none is left and the time is over.
fn take_one() -> bool {
    DONE.fetch_add(1, Ordering::Relaxed);
    LEFT.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok()
        || clock::now().0 < UNTIL.load(Ordering::Acquire)
}

fn start(target: &PerCpu, random: &mut Random, function: fn(u64)) -> bool {
    const PRIORITIES: [Priority; 5] = [
        Priority::KERNEL_USER,
        Priority::DAEMON,
        Priority::SOFT_INTERRUPT,
        Priority::INTERRUPT_LOW,
        Priority::INTERRUPT_HIGH,
    ];
    let priority = PRIORITIES[random.below(PRIORITIES.len() as u64) as usize];
    STARTED.fetch_add(1, Ordering::AcqRel);
    let started = lwkt_create(target, "load", priority, Start::Now, function, random.0 | 1).is_ok();
    if !started {
        STARTED.fetch_sub(1, Ordering::AcqRel);
    }
    started
}

fn end() {
    ENDED.fetch_add(1, Ordering::AcqRel);
    lwkt_signal(&ALL_ENDED, usize::MAX);
}

fn short_lived(seed: u64) {
    if seed.is_multiple_of(3) {
        lwkt_yield();
    }
    end();
}

fn busy(random: &mut Random) {
    for _ in 0..random.below(500) {
        cpu::pause();
    }
}

fn load(seed: u64) {
    let mut random = Random(seed);
    while take_one() {
        let queue = &QUEUES[random.below(4) as usize];
        match random.below(8) {
            0 => lwkt_yield(),
            1 => lwkt_switch(),
            2 | 3 => lwkt_block(queue, queue.generation()),
            4 => lwkt_signal(queue, random.below(4) as usize),
            5 => {
                crit_enter();
                lwkt_signal(queue, usize::MAX);
                busy(&mut random);
                crit_exit();
            }
            6 => {
                let chosen = random.below(percpu::count() as u64) as usize;
                if let Some(target) = CpuId::new(chosen).and_then(percpu::get) {
                    start(target, &mut random, short_lived);
                }
            }
            _ => busy(&mut random),
        }
    }
    end();
}

fn random_load_keeps_every_rule(context: &Context) -> Verdict {
    for seed in SEEDS {
        let operations = context.rounds(OPERATIONS).min(OPERATIONS) * percpu::count() as u64;
        let began = clock::now().0;
        LEFT.store(operations, Ordering::Release);
        UNTIL.store(began + context.rounds(100) / 100 * 1_000_000_000, Ordering::Release);
        DONE.store(0, Ordering::Release);
        STARTED.store(0, Ordering::Release);
        ENDED.store(0, Ordering::Release);
        TICKING.store(true, Ordering::Release);
        let mut random = Random(seed);
        for target in percpu::all() {
            for _ in 0..THREADS {
                let started = start(target, &mut random, load);
                check!(started, "seed {seed:#x}: no thread for CPU {}", target.id().index());
            }
            crossbar::at(
                target.id(),
                |_| timer::set(&TICKS[percpu::this().id().index()], clock::now()),
                [0; 3],
            );
        }
        loop {
            let seen = ALL_ENDED.generation();
            let (started, ended) = (STARTED.load(Ordering::Acquire), ENDED.load(Ordering::Acquire));
            if LEFT.load(Ordering::Acquire) == 0 && started == ended {
                break;
            }
            if ended > started {
                return Err(Broken(alloc::format!("seed {seed:#x}: {ended} threads ended of {started}")));
            }
            lwkt_block(&ALL_ENDED, seen);
        }
        TICKING.store(false, Ordering::Release);
        let (done, started) = (DONE.load(Ordering::Relaxed), STARTED.load(Ordering::Acquire));
        let milliseconds = (clock::now().0 - began) / 1_000_000;
        log::info!("load: seed {seed:#x}, {milliseconds} ms: {done} operations, {started} threads");
    }
    // The last ticks must be over before others count what interrupts do.
    let quiet = clock::now().0 + 2 * TICK.0;
    while clock::now().0 < quiet {
        lwkt_yield();
    }
    Ok(Held::Passed)
}
