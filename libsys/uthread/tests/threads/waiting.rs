//! Block and signal, the idle hook, and signals from another thread of the host's.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use anax_uthread::{Ended, Idle, Notify, QueueIndex, VirtualCpu};

use super::{NORMAL, Notes, URGENT, machine, run_to_the_end};

const QUEUE: QueueIndex = QueueIndex(3);

fn block(cpu: &VirtualCpu, queue: QueueIndex) {
    cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap();
}

#[test]
fn a_signal_between_look_and_sleep_is_not_lost() {
    let (cpu, signals) = machine::<2>();
    let notes = Notes::default();
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        let seen = cpu.lwkt_generation(QUEUE).unwrap();
        // The condition is looked at here; now somebody else makes it true.
        cpu.lwkt_create(URGENT, |cpu| assert_eq!(cpu.lwkt_signal(QUEUE, 1), Ok(0))).unwrap();
        cpu.lwkt_block(QUEUE, seen).unwrap();
        noted.add("by a thread");
        let seen = cpu.lwkt_generation(QUEUE).unwrap();
        assert_eq!(signals.lwkt_signal(QUEUE, 1), Ok(Notify::Coalesced));
        cpu.lwkt_block(QUEUE, seen).unwrap();
        noted.add("from elsewhere");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["by a thread", "from elsewhere"]);
}

#[test]
fn the_oldest_wake_first_and_no_more_than_wanted() {
    let (cpu, _) = machine::<5>();
    let notes = Notes::default();
    for name in ["a", "b", "c", "d"] {
        let notes = notes.clone();
        cpu.lwkt_create(NORMAL, move |cpu| {
            block(cpu, QUEUE);
            notes.add(name);
        })
        .unwrap();
    }
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        assert_eq!(cpu.lwkt_signal(QueueIndex(0), usize::MAX), Ok(0), "another queue");
        for (count, woken) in [(0, 0), (1, 1), (2, 2), (usize::MAX, 1), (usize::MAX, 0)] {
            assert_eq!(cpu.lwkt_signal(QUEUE, count), Ok(woken));
            noted.add("signalled");
            cpu.lwkt_yield();
        }
    })
    .unwrap();
    run_to_the_end(cpu);
    let expected = ["signalled", "signalled", "a", "signalled", "b", "c", "signalled", "d", "signalled"];
    assert_eq!(notes.take(), expected);
}

#[test]
fn the_hook_is_called_only_when_nobody_can_run() {
    let (cpu, _) = machine::<2>();
    let turns = Rc::new(Cell::new(0));
    for _ in 0..2 {
        let turns = turns.clone();
        cpu.lwkt_create(NORMAL, move |cpu| {
            for _ in 0..3 {
                block(cpu, QUEUE);
                turns.set(turns.get() + 1);
            }
        })
        .unwrap();
    }
    let mut calls = 0;
    let ended = cpu.run(|cpu| {
        assert_eq!((turns.get(), cpu.current()), (2 * calls, None));
        calls += 1;
        assert_eq!(cpu.lwkt_signal(QUEUE, 2), Ok(2));
        Idle::Again
    });
    assert_eq!((ended, calls, turns.get()), (Ended::All, 3, 6));
}

#[test]
fn run_can_be_left_and_entered_again() {
    let (cpu, _) = machine::<1>();
    let notes = Notes::default();
    let noted = notes.clone();
    cpu.lwkt_create(NORMAL, move |cpu| {
        block(cpu, QUEUE);
        noted.add("woken");
    })
    .unwrap();
    assert_eq!(cpu.run(|_| Idle::Stop), Ended::Stopped);
    assert_eq!(cpu.alive(), 1);
    assert_eq!(cpu.lwkt_signal(QUEUE, 1), Ok(1));
    assert!(notes.take().is_empty(), "outside `run` nobody runs");
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["woken"]);
}

#[test]
fn a_signal_to_a_virtual_cpu_that_is_awake_needs_no_bell() {
    let (cpu, signals) = machine::<1>();
    cpu.lwkt_create(NORMAL, |cpu| block(cpu, QUEUE)).unwrap();
    let mut calls = 0;
    cpu.run(|_| {
        calls += 1;
        // It sleeps now: the first signal has to wake it, the others are looked at with it.
        assert_eq!(signals.lwkt_signal(QueueIndex(0), 1), Ok(Notify::Ipi));
        assert_eq!(signals.lwkt_signal(QueueIndex(1), 0), Ok(Notify::Coalesced));
        assert_eq!(signals.lwkt_signal(QueueIndex(1), 1), Ok(Notify::Coalesced));
        if calls == 2 {
            assert_eq!(signals.lwkt_signal(QUEUE, 1), Ok(Notify::Coalesced));
        }
        Idle::Again
    });
    assert_eq!(calls, 2);
    cpu.lwkt_create(NORMAL, move |_| {
        assert_eq!(signals.lwkt_signal(QUEUE, 1), Ok(Notify::Coalesced), "awake, it looks by itself");
    })
    .unwrap();
    run_to_the_end(cpu);
}

/// Threads of the host's give work to threads of the virtual CPU, which sleeps in a channel when there is none.
#[test]
fn signals_from_other_threads_hammering() {
    const SENDERS: u64 = 3;
    const EACH: u64 = 20_000;
    const QUEUES: u64 = super::QUEUES as u64;
    let (cpu, signals) = machine::<16>();
    let work: Arc<[AtomicU64; QUEUES as usize]> = Arc::default();
    let done = Rc::new(Cell::new(0));
    for number in 0..16 {
        let (work, done) = (work.clone(), done.clone());
        let queue = number % QUEUES;
        cpu.lwkt_create(NORMAL, move |cpu| {
            let place = QueueIndex(queue as u16);
            loop {
                let seen = cpu.lwkt_generation(place).unwrap();
                let found = work[queue as usize].swap(0, Ordering::Relaxed);
                done.set(done.get() + found);
                if done.get() == SENDERS * EACH {
                    // The last one tells all the others.
                    (0..QUEUES).for_each(|queue| {
                        cpu.lwkt_signal(QueueIndex(queue as u16), usize::MAX).unwrap();
                    });
                    return;
                }
                if found == 0 {
                    cpu.lwkt_block(place, seen).unwrap();
                }
            }
        })
        .unwrap();
    }
    let (bell, heard) = mpsc::channel();
    let mut senders = Vec::new();
    let ended = cpu.run(|_| {
        // They begin when the virtual CPU sleeps for the first time, so that it is woken at least once.
        if senders.is_empty() {
            senders.extend((0..SENDERS).map(|sender| {
                let (work, bell) = (work.clone(), bell.clone());
                thread::spawn(move || {
                    for number in 0..EACH {
                        let queue = (number * 5 + sender) % QUEUES;
                        work[queue as usize].fetch_add(1, Ordering::Relaxed);
                        if signals.lwkt_signal(QueueIndex(queue as u16), 1) == Ok(Notify::Ipi) {
                            bell.send(()).unwrap();
                        }
                    }
                })
            }));
        }
        heard.recv_timeout(std::time::Duration::from_secs(60)).expect("a wake-up was lost");
        Idle::Again
    });
    senders.into_iter().for_each(|sender| sender.join().unwrap());
    assert_eq!((ended, done.get()), (Ended::All, SENDERS * EACH));
}
