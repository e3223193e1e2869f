//! User schedulers over virtual time: a simulated CPU asks them what the kernel would ask, and checks after every step that
//! each runnable thread is in exactly one place.
#![cfg(not(loom))]

#[path = "usched/cpu.rs"]
mod cpu;

use anax_lwkt::list::ThreadIndex;
use anax_lwkt::usched::{Band, Bsd4, Bsd4Rules, Clock, Rr, Rules, UserScheduler, UserThread};
use cpu::{Cpu, MS};
use proptest::prelude::*;

const BSD4: usize = 0;
const RR: usize = 1;
const SLICE: u64 = 10 * MS;

fn hogs(cpu: &mut Cpu, count: usize, policy: usize) -> Vec<ThreadIndex> {
    (0..count).map(|_| cpu.start(policy)).collect()
}

/// From the very first wake-up on, before the hogs have sunk, and over a minute.
#[test]
fn an_interactive_thread_beside_hogs_runs_within_a_slice() {
    let mut cpu = Cpu::new(5);
    let interactive = cpu.start(BSD4);
    hogs(&mut cpu, 4, BSD4);
    let mut worst = 0;
    for _ in 0..600 {
        cpu.run_until_it_ran(interactive, MS);
        cpu.block(interactive);
        cpu.run_for(97 * MS);
        cpu.wake(interactive);
        let waited = cpu.run_until_it_ran(interactive, 0);
        worst = worst.max(waited);
    }
    assert!(worst <= SLICE, "it waited {worst} ns");
}

/// Once the hogs have sunk, it does not even wait for the end of a slice.
#[test]
fn an_interactive_thread_preempts_hogs() {
    let mut cpu = Cpu::new(5);
    let interactive = cpu.start(BSD4);
    hogs(&mut cpu, 4, BSD4);
    cpu.block(interactive);
    cpu.run_for(2_000 * MS);
    for _ in 0..50 {
        cpu.wake(interactive);
        let waited = cpu.run_until_it_ran(interactive, 0);
        assert!(waited <= MS, "it waited {waited} ns");
        cpu.run_until_it_ran(interactive, MS);
        cpu.block(interactive);
        cpu.run_for(33 * MS);
    }
}

#[test]
fn bsd4_shares_evenly_among_hogs_and_starves_nobody() {
    let mut cpu = Cpu::new(4);
    let old = hogs(&mut cpu, 1, BSD4);
    cpu.run_for(5_000 * MS);
    assert!(cpu.level(old[0]) <= 4, "a hog alone sinks to the bottom");
    let before = cpu.ran(old[0]);
    let new = hogs(&mut cpu, 3, BSD4);
    cpu.run_for(2_500 * MS);
    assert!(cpu.ran(old[0]) - before >= 100 * MS, "the old hog starves");
    let start: Vec<u64> = new.iter().chain(&old).map(|thread| cpu.ran(*thread)).collect();
    cpu.run_for(20_000 * MS);
    for (thread, start) in new.iter().chain(&old).zip(start) {
        let share = cpu.ran(*thread) - start;
        assert!(share.abs_diff(5_000 * MS) <= 150 * MS, "{share}");
    }
}

/// Newcomers keep coming, and each is gone before it has sunk; one is always there before another goes.
#[test]
fn a_waiting_thread_rises_past_a_stream_of_newcomers() {
    let mut cpu = Cpu::new(3);
    let hog = cpu.start(BSD4);
    cpu.run_for(5_000 * MS);
    let mut stream = [cpu.start(BSD4), cpu.add(BSD4)];
    cpu.run_until_it_ran(stream[0], 0);
    let before = cpu.ran(hog);
    for _ in 0..300 {
        cpu.run_until_it_ran(stream[0], 39 * MS);
        cpu.reset(stream[1]);
        cpu.wake(stream[1]);
        cpu.block(stream[0]);
        stream.reverse();
    }
    assert!(cpu.ran(hog) > before, "the hog starves");
}

#[test]
fn a_hog_that_turns_interactive_floats_up() {
    let mut cpu = Cpu::new(1);
    let thread = cpu.start(BSD4);
    cpu.run_for(3_000 * MS);
    let sunk = cpu.level(thread);
    cpu.block(thread);
    cpu.run_for(4_000 * MS);
    cpu.wake(thread);
    assert!(cpu.level(thread) >= sunk + 20, "{sunk} then {}", cpu.level(thread));
}

#[test]
fn children_do_not_wash_a_thread_clean() {
    let mut cpu = Cpu::new(3);
    let parent = cpu.start(BSD4);
    cpu.run_for(3_000 * MS);
    let child = cpu.fork(parent, BSD4);
    assert_eq!(cpu.level(child), cpu.level(parent));
    let (rules, mut light) = (Bsd4Rules, UserThread::default());
    rules.bequeath(&UserThread { estimate_ns: 400, ..light }, &mut light);
    assert_eq!(light.estimate_ns, 100);
    rules.bequeath(&UserThread::default(), &mut light);
    assert_eq!(light.estimate_ns, 100, "a child that slept costs nothing");
}

/// One thread's ticks are three times as long as the others', so it overruns every slice; over 1,000 slices it pays that back.
#[test]
fn rr_shares_within_two_per_cent() {
    let mut cpu = Cpu::new(5);
    let threads = hogs(&mut cpu, 5, RR);
    cpu.slow_ticks(threads[2], 3);
    cpu.run_for(1_000 * SLICE);
    let total: u64 = threads.iter().map(|thread| cpu.ran(*thread)).sum();
    for thread in threads {
        let share = cpu.ran(thread) * 5 * 1_000 / total;
        assert!(share.abs_diff(1_000) <= 20, "{share} thousandths of a fair share");
    }
}

#[test]
fn yielding_gives_the_rest_of_the_slice_away() {
    let mut cpu = Cpu::new(2);
    let threads = hogs(&mut cpu, 2, RR);
    cpu.run_for(MS);
    assert_eq!(cpu.yield_current(RR), Clock::Reschedule);
    cpu.run_for(2 * MS);
    assert_eq!((cpu.ran(threads[0]), cpu.ran(threads[1])), (MS, 2 * MS));
}

#[test]
fn decay_does_not_depend_on_how_often_it_is_asked() {
    let (rules, start) = (Bsd4Rules, UserThread { estimate_ns: 1_000 * MS, ..UserThread::default() });
    let (mut often, mut once) = (start, start);
    for tick in 0..=1_000 {
        rules.decay(&mut often, tick * MS);
    }
    rules.decay(&mut once, 1_000 * MS);
    assert!(often.estimate_ns.abs_diff(once.estimate_ns) < MS * 5);
    assert!(once.estimate_ns.abs_diff(500 * MS) < MS * 5, "halved in a second");
    rules.decay(&mut once, u64::MAX);
    assert_eq!(once.estimate_ns, 0);
}

#[test]
fn a_change_of_policy_lets_every_thread_go_on() {
    let mut cpu = Cpu::new(6);
    let threads = hogs(&mut cpu, 6, BSD4);
    cpu.run_for(500 * MS);
    for thread in &threads {
        cpu.change(*thread, RR);
        cpu.run_for(3 * MS);
    }
    let before: Vec<u64> = threads.iter().map(|thread| cpu.ran(*thread)).collect();
    cpu.run_for(600 * SLICE);
    for (thread, before) in threads.iter().zip(before) {
        assert!((cpu.ran(*thread) - before).abs_diff(100 * SLICE) <= 2 * SLICE);
    }
}

#[test]
fn names_and_empty_seats() {
    let (bsd4, rr) = (Bsd4::default(), Rr::default());
    assert_eq!((bsd4.name(), rr.name()), ("bsd4", "rr"));
    assert_eq!((bsd4.current(), rr.current()), (None, None));
    assert_eq!(Band::with_rules(Bsd4Rules).current(), None);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Run(u64),
    Block(usize),
    Wake(usize),
    Change(usize),
    Yield(usize),
    Exit(usize),
    Fork(usize),
    Return(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..30_u64).prop_map(Step::Run),
        2 => (0..8_usize).prop_map(Step::Block),
        2 => (0..8_usize).prop_map(Step::Wake),
        2 => (0..8_usize).prop_map(Step::Change),
        1 => (0..2_usize).prop_map(Step::Yield),
        1 => (0..8_usize).prop_map(Step::Exit),
        1 => (0..8_usize).prop_map(Step::Fork),
        1 => (0..8_usize).prop_map(Step::Return),
    ]
}

proptest! {
    /// Whatever happens, and with policies changed live, every runnable thread is in exactly one place (checked at each
    /// step), and all of them run soon.
    #[test]
    fn every_thread_is_runnable_exactly_once(steps in prop::collection::vec(step(), 0..80)) {
        let mut cpu = Cpu::new(8);
        for policy in [BSD4, RR, BSD4, RR] {
            cpu.start(policy);
        }
        for step in steps {
            match step {
                Step::Run(ms) => cpu.run_for(ms * MS),
                Step::Block(pick) => cpu.block(ThreadIndex(pick as u32)),
                Step::Wake(pick) => cpu.wake(ThreadIndex(pick as u32)),
                Step::Change(pick) => {
                    let thread = ThreadIndex(pick as u32);
                    cpu.change(thread, 1 - cpu.policy(thread));
                }
                Step::Yield(policy) => drop(cpu.yield_current(policy)),
                Step::Exit(pick) => cpu.exit(ThreadIndex(pick as u32)),
                Step::Fork(pick) => cpu.fork_into(ThreadIndex(pick as u32), ThreadIndex((pick as u32 + 1) % 8)),
                Step::Return(pick) => cpu.return_without_seat(ThreadIndex(pick as u32)),
            }
        }
        let before: Vec<u64> = (0..8).map(|index| cpu.ran(ThreadIndex(index))).collect();
        cpu.run_for(8_000 * MS);
        for index in 0..8 {
            let ran = cpu.ran(ThreadIndex(index)) - before[index as usize];
            prop_assert_eq!(ran > 0, cpu.is_runnable(ThreadIndex(index)));
        }
    }
}
