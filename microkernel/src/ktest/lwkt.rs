//! Threads: the paper's Table I, its successes, its failures and its races.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use microkernel_core::runqueue::Priority;
use spin::Mutex;

use super::{Broken, Context, Held, Verdict};
use crate::arch::cpu;
use crate::lwkt::{
    Start, ThreadState, Waiters, crit_enter, crit_exit, lwkt_alloc, lwkt_block, lwkt_create, lwkt_free,
    lwkt_give_away, lwkt_schedule, lwkt_signal, lwkt_switch, lwkt_yield, threads,
};
use crate::percpu::{self, CpuId, PerCpu};
use crate::time::clock::{self, Nanos};
use crate::time::timer::{self, Deadline};
use crate::{check, ktest};

ktest!(
    threads_run_and_end,
    the_most_urgent_runs_first_and_equals_take_turns,
    block_returns_at_once_after_a_signal,
    signal_wakes_as_many_as_asked,
    no_signal_is_lost_between_cpus,
    only_interrupt_threads_preempt,
    critical_sections_hold_interrupt_threads_up,
    preempted_threads_get_the_cpu_back_directly,
    alloc_and_free_reuse_threads,
    threads_come_and_go_on_all_cpus,
    threads_are_given_away_and_taken_over,
    the_time_of_a_cpu_is_that_of_its_threads,
    sleep_is_nobodys_time,
);

static ENDED: AtomicU64 = AtomicU64::new(0);
static ORDER: Mutex<Vec<u64>> = Mutex::new(Vec::new());
static DONE: Waiters = Waiters::new(CpuId::BOOT);
static GATE: Waiters = Waiters::new(CpuId::BOOT);

fn reset() {
    ENDED.store(0, Ordering::Release);
    ORDER.lock().clear();
}

fn note(number: u64) {
    let _off = cpu::InterruptsOff::new();
    ORDER.lock().push(number);
}

fn end(_: u64) {
    ENDED.fetch_add(1, Ordering::AcqRel);
    lwkt_signal(&DONE, usize::MAX);
}

fn create(cpu: &PerCpu, priority: Priority, function: fn(u64), argument: u64) -> Result<(), Broken> {
    let thread = lwkt_create(cpu, "test", priority, Start::Now, function, argument);
    thread.map(drop).map_err(|error| Broken(alloc::format!("no thread: {error:?}")))
}

/// Blocks until `count` threads have ended.
fn wait_for_ends(count: u64) {
    loop {
        let seen = DONE.generation();
        if ENDED.load(Ordering::Acquire) >= count {
            return;
        }
        lwkt_block(&DONE, seen);
    }
}

fn threads_run_and_end(context: &Context) -> Verdict {
    reset();
    let rounds = context.rounds(10_000);
    for round in 0..rounds {
        create(percpu::this(), Priority::KERNEL_USER, end, 0)?;
        wait_for_ends(round + 1);
    }
    check!(ENDED.load(Ordering::Acquire) == rounds, "{} of {rounds} ended", ENDED.load(Ordering::Acquire));
    Ok(Held::Passed)
}

fn the_most_urgent_runs_first_and_equals_take_turns(_: &Context) -> Verdict {
    reset();
    let own = percpu::this();
    let twice = |number: u64| {
        note(number);
        lwkt_yield();
        note(number + 100);
        end(0);
    };
    // All are queued before any runs: this thread goes on until it blocks.
    create(own, Priority::DAEMON, twice, 1)?;
    create(own, Priority::DAEMON, twice, 2)?;
    create(own, Priority::KERNEL_USER, twice, 3)?;
    create(own, Priority::SOFT_INTERRUPT, twice, 4)?;
    check!(ORDER.lock().is_empty(), "a created thread ran before its creator blocked");
    wait_for_ends(4);
    let order = ORDER.lock().clone();
    check!(order == [4, 104, 1, 2, 101, 102, 3, 103], "order {order:?}");
    Ok(Held::Passed)
}

fn block_returns_at_once_after_a_signal(_: &Context) -> Verdict {
    let seen = GATE.generation();
    lwkt_signal(&GATE, usize::MAX);
    // Would sleep for ever if the signal before it were forgotten.
    lwkt_block(&GATE, seen);
    check!(GATE.generation() != seen, "a signal did not move the generation");
    Ok(Held::Passed)
}

fn signal_wakes_as_many_as_asked(_: &Context) -> Verdict {
    reset();
    let own = percpu::this();
    let wait = |number: u64| {
        lwkt_block(&GATE, GATE.generation());
        note(number);
        end(0);
    };
    for number in 0..20 {
        create(own, Priority::DAEMON, wait, number)?;
    }
    lwkt_yield();
    lwkt_switch();
    for (count, expected) in [(1, 1), (2, 3), (0, 3), (usize::MAX, 20)] {
        lwkt_signal(&GATE, count);
        lwkt_switch();
        let ended = ENDED.load(Ordering::Acquire);
        check!(ended == expected, "{ended} of 20 woke where {expected} should have");
    }
    let order = ORDER.lock().clone();
    check!(order.is_sorted(), "not first come, first woken: {order:?}");
    Ok(Held::Passed)
}

static TURN: AtomicU64 = AtomicU64::new(0);
/// Queues at home on each of two CPUs, so that each side both blocks and signals across.
static PING: Waiters = Waiters::new(CpuId::BOOT);

fn no_signal_is_lost_between_cpus(context: &Context) -> Verdict {
    let Some(other) = percpu::all().nth(1) else { return Ok(Held::Skipped("needs two CPUs")) };
    reset();
    TURN.store(0, Ordering::Release);
    let rounds = context.rounds(20_000);
    let partner = |rounds: u64| {
        play(rounds, 1);
        end(0);
    };
    create(other, Priority::DAEMON, partner, rounds)?;
    play(rounds, 0);
    wait_for_ends(1);
    let turns = TURN.load(Ordering::Acquire);
    check!(turns == 2 * rounds, "{turns} turns of {}", 2 * rounds);
    Ok(Held::Passed)
}

/// Takes every second turn, sleeping until it comes.
fn play(rounds: u64, side: u64) {
    for round in 0..rounds {
        loop {
            let seen = PING.generation();
            if TURN.load(Ordering::Acquire) == 2 * round + side {
                break;
            }
            lwkt_block(&PING, seen);
        }
        TURN.fetch_add(1, Ordering::AcqRel);
        lwkt_signal(&PING, usize::MAX);
    }
}

static INTERRUPTED: AtomicU64 = AtomicU64::new(0);

/// Works until a timer interrupt has come that wakes the sleeper: whether it took the CPU was decided when the interrupt
/// ended, before this goes on.
fn work_until_interrupted() {
    static INTERRUPT: Deadline = Deadline::new(|_| {
        lwkt_signal(&SLEEPER, usize::MAX);
        INTERRUPTED.store(1, Ordering::Release);
    });
    INTERRUPTED.store(0, Ordering::Release);
    timer::set(&INTERRUPT, Nanos(clock::now().0 + 50_000));
    while INTERRUPTED.load(Ordering::Acquire) == 0 {
        cpu::pause();
    }
}

static SLEEPER: Waiters = Waiters::new(CpuId::BOOT);

fn record_run(number: u64) {
    lwkt_block(&SLEEPER, SLEEPER.generation());
    note(number);
    end(0);
}

fn only_interrupt_threads_preempt(_: &Context) -> Verdict {
    for (priority, preempts) in [(Priority::TIMER, false), (Priority::INTERRUPT_LOW, true)] {
        reset();
        create(percpu::this(), priority, record_run, 1)?;
        lwkt_switch();
        work_until_interrupted();
        let ran = !ORDER.lock().is_empty();
        check!(ran == preempts, "a thread of {priority:?} preempted: {ran}");
        wait_for_ends(1);
    }
    Ok(Held::Passed)
}

fn critical_sections_hold_interrupt_threads_up(_: &Context) -> Verdict {
    reset();
    create(percpu::this(), Priority::INTERRUPT_HIGH, record_run, 1)?;
    lwkt_switch();
    crit_enter();
    crit_enter();
    work_until_interrupted();
    let inside = ORDER.lock().len();
    crit_exit();
    let nested = ORDER.lock().len();
    crit_exit();
    let outside = ORDER.lock().len();
    check!((inside, nested, outside) == (0, 0, 1), "ran {inside} inside, {nested} nested, {outside} after");
    Ok(Held::Passed)
}

fn preempted_threads_get_the_cpu_back_directly(_: &Context) -> Verdict {
    reset();
    let own = percpu::this();
    create(own, Priority::INTERRUPT_HIGH, record_run, 1)?;
    lwkt_switch();
    // More urgent than this thread, but no interrupt thread: it must not get the CPU when the interrupt thread blocks.
    let daemon = |number: u64| {
        note(number);
        end(0);
    };
    let daemon = lwkt_create(own, "test", Priority::SOFT_INTERRUPT, Start::Later, daemon, 2);
    let daemon = daemon.map_err(|error| Broken(alloc::format!("{error:?}")))?;
    crit_enter();
    lwkt_schedule(daemon);
    lwkt_signal(&SLEEPER, usize::MAX);
    crit_exit();
    note(0);
    wait_for_ends(2);
    let order = ORDER.lock().clone();
    check!(order == [1, 0, 2], "order {order:?}");
    Ok(Held::Passed)
}

fn alloc_and_free_reuse_threads(_: &Context) -> Verdict {
    let own = percpu::this();
    let first = lwkt_alloc(own).map_err(|error| Broken(alloc::format!("{error:?}")))?;
    lwkt_free(first);
    let second = lwkt_alloc(own).map_err(|error| Broken(alloc::format!("{error:?}")))?;
    let same = first.index == second.index;
    let state = second.state.get();
    lwkt_free(second);
    check!(same, "a freed thread was not used again");
    check!(matches!(state, ThreadState::Fresh | ThreadState::Dead), "an allocated thread is {state:?}");
    Ok(Held::Passed)
}

fn threads_come_and_go_on_all_cpus(context: &Context) -> Verdict {
    reset();
    let rounds = context.rounds(2000);
    let check_cpu = |expected: u64| {
        if percpu::this().id().index() as u64 == expected {
            end(0);
        }
    };
    let mut made = 0;
    for _ in 0..rounds {
        for target in percpu::all() {
            create(target, Priority::DAEMON, check_cpu, target.id().index() as u64)?;
            made += 1;
        }
        wait_for_ends(made);
    }
    Ok(Held::Passed)
}

static ASTRAY: AtomicU64 = AtomicU64::new(0);

/// Goes round the CPUs, and waits now and then for a signal that comes from whatever CPU.
fn wander(hops: u64) {
    let mut at = percpu::this().id().index();
    for hop in 0..hops {
        at = (at + 1 + hop as usize % 2) % percpu::count();
        {
            let _off = cpu::InterruptsOff::new();
            lwkt_give_away(CpuId::new(at).unwrap_or(CpuId::BOOT));
        }
        if percpu::this().id().index() != at || percpu::this().thread().cpu().index() != at {
            ASTRAY.fetch_add(1, Ordering::AcqRel);
        }
        match hop % 3 {
            0 => lwkt_yield(),
            1 => lwkt_signal(&GATE, usize::MAX),
            _ => {
                let seen = GATE.generation();
                lwkt_signal(&GATE, usize::MAX);
                // Moved on just now: it must not sleep.
                lwkt_block(&GATE, seen);
            }
        }
    }
    end(0);
}

fn threads_are_given_away_and_taken_over(context: &Context) -> Verdict {
    reset();
    ASTRAY.store(0, Ordering::Release);
    let (rounds, mut made) = (context.rounds(20), 0);
    for _ in 0..rounds {
        for target in percpu::all() {
            for priority in [Priority::KERNEL_USER, Priority::DAEMON, Priority::USER_NORMAL] {
                create(target, priority, wander, 100)?;
                made += 1;
            }
        }
        wait_for_ends(made);
    }
    let astray = ASTRAY.load(Ordering::Acquire);
    check!(astray == 0, "{astray} times on another CPU than it was given to");
    Ok(Held::Passed)
}

/// What all threads of this CPU have run so far, and the counter's readings before and behind that.
fn charged() -> [u64; 3] {
    let own = percpu::this().id();
    let before = cpu::timestamp();
    let all = threads().filter(|thread| thread.cpu() == own);
    [before, all.fold(0, |sum, thread| sum.wrapping_add(thread.ran())), cpu::timestamp()]
}

fn the_time_of_a_cpu_is_that_of_its_threads(context: &Context) -> Verdict {
    reset();
    let own = percpu::this();
    let takes_turns = |ends_at: u64| {
        while clock::now().0 < ends_at {
            lwkt_yield();
        }
        end(0);
    };
    let ends_at = clock::now().0 + 1_000_000 * context.rounds(20);
    for _ in 0..3 {
        create(own, own.thread().priority.get(), takes_turns, ends_at)?;
    }
    let before = charged();
    while clock::now().0 < ends_at {
        lwkt_yield();
    }
    let after = charged();
    wait_for_ends(3);
    let (least, most) = (after[0] - before[2], after[2] - before[0]);
    let ticks = after[1].wrapping_sub(before[1]);
    check!((least..=most).contains(&ticks), "{ticks} ticks were charged of {least} to {most}");
    Ok(Held::Passed)
}

static ALARM: Deadline = Deadline::new(|_| lwkt_signal(&GATE, usize::MAX));

fn sleep_is_nobodys_time(_: &Context) -> Verdict {
    let own = percpu::this().thread();
    // The host may hold this CPU up just when it is awake, but hardly every time.
    let sleeps = || {
        let (seen, before, began) = (GATE.generation(), own.ran(), cpu::timestamp());
        timer::set(&ALARM, Nanos(clock::now().0 + 5_000_000));
        lwkt_block(&GATE, seen);
        let ran = own.ran() - before;
        ran > 0 && ran < (cpu::timestamp() - began) / 2
    };
    check!((0..20).any(|_| sleeps()), "a thread that sleeps runs");
    Ok(Held::Passed)
}
