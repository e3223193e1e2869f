//! Every call, and every way in which it fails.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use anax_uthread::{Error, Idle, Memory, StackPool};

use super::{INTERRUPT, NORMAL, Notes, QUEUES, URGENT, machine, memory_for, run_to_the_end};

#[test]
fn create_runs_a_closure_once_and_ends() {
    let (cpu, _) = machine::<4>();
    let sum = Rc::new(Cell::new(0));
    for number in 1..=4 {
        let sum = sum.clone();
        cpu.lwkt_create(NORMAL, move |cpu| {
            assert!(cpu.current().is_some());
            sum.set(sum.get() + number);
        })
        .unwrap();
    }
    assert_eq!((sum.get(), cpu.alive()), (0, 4), "they run in `run` only");
    run_to_the_end(cpu);
    assert_eq!(sum.get(), 10);
    assert_eq!(Rc::strong_count(&sum), 1, "what a thread was made of is dropped");
}

#[test]
fn no_more_threads_than_there_is_room_for() {
    let (cpu, _) = machine::<3>();
    let threads = [(); 3].map(|()| cpu.lwkt_alloc_thread().unwrap());
    assert_eq!(cpu.lwkt_alloc_thread(), Err(Error::NoRoom));
    assert_eq!(cpu.lwkt_create(NORMAL, |_| ()), Err(Error::NoRoom));
    cpu.lwkt_free_thread(threads[1]).unwrap();
    let again = cpu.lwkt_alloc_thread().unwrap();
    assert_eq!(again.index(), threads[1].index());
    assert_ne!(again, threads[1]);
    run_to_the_end(cpu);
}

#[test]
fn a_freed_thread_is_not_mistaken_for_its_successor() {
    let (cpu, _) = machine::<1>();
    let old = cpu.lwkt_alloc_thread().unwrap();
    cpu.lwkt_free_thread(old).unwrap();
    assert_eq!(cpu.lwkt_free_thread(old), Err(Error::NoThread), "freed twice");
    let new = cpu.lwkt_alloc_thread().unwrap();
    assert_eq!(cpu.lwkt_free_thread(old), Err(Error::NoThread));
    assert_eq!(cpu.lwkt_init_thread(old, NORMAL, |_| ()), Err(Error::NoThread));
    assert_eq!(cpu.lwkt_schedule(old), Err(Error::NoThread));
    cpu.lwkt_init_thread(new, NORMAL, |_| ()).unwrap();
    cpu.lwkt_schedule(new).unwrap();
    run_to_the_end(cpu);
    assert_eq!(cpu.lwkt_free_thread(new), Err(Error::NoThread), "it has ended and freed itself");
}

#[test]
fn another_virtual_cpus_thread_is_no_thread() {
    let (cpu, _) = machine::<1>();
    let (large, _) = machine::<2>();
    let _first = large.lwkt_alloc_thread().unwrap();
    let second = large.lwkt_alloc_thread().unwrap();
    assert_eq!(cpu.lwkt_free_thread(second), Err(Error::NoThread));
}

#[test]
fn only_a_thread_that_was_never_scheduled_is_freed() {
    let (cpu, _) = machine::<3>();
    let notes = Notes::default();
    let blocked = cpu
        .lwkt_create(URGENT, |cpu| {
            let queue = anax_uthread::QueueIndex(0);
            cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap();
        })
        .unwrap();
    let runnable = cpu.lwkt_create(NORMAL, |_| ()).unwrap();
    cpu.lwkt_create(URGENT, {
        let notes = notes.clone();
        move |cpu| {
            let own = cpu.current().unwrap();
            for thread in [own, blocked, runnable] {
                assert_eq!(cpu.lwkt_free_thread(thread), Err(Error::InUse));
                assert_eq!(cpu.lwkt_init_thread(thread, NORMAL, |_| ()), Err(Error::InUse));
                assert_eq!(cpu.lwkt_schedule(thread), Err(Error::InUse));
            }
            cpu.lwkt_signal(anax_uthread::QueueIndex(0), 1).unwrap();
            notes.add("done");
        }
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["done"]);
}

#[test]
fn init_once_and_schedule_only_then() {
    let (cpu, _) = machine::<1>();
    let thread = cpu.lwkt_alloc_thread().unwrap();
    assert_eq!(cpu.lwkt_schedule(thread), Err(Error::NoEntry));
    let value = Rc::new(());
    let kept = value.clone();
    cpu.lwkt_init_thread(thread, NORMAL, move |_| drop(kept)).unwrap();
    assert_eq!(cpu.lwkt_init_thread(thread, NORMAL, |_| ()), Err(Error::InUse));
    cpu.lwkt_free_thread(thread).unwrap();
    assert_eq!(Rc::strong_count(&value), 1, "what it would have run is dropped with it");
    run_to_the_end(cpu);
}

#[test]
fn an_entry_has_to_leave_room_on_its_stack() {
    let (cpu, _) = machine::<1>();
    let large = [1_u8; super::STACK / 4];
    assert_eq!(cpu.lwkt_create(NORMAL, move |_| assert_eq!(large[7], 1)), Err(Error::NoRoom));
    #[repr(align(256))]
    struct Aligned([u8; 700]);
    let value = Aligned([9; 700]);
    cpu.lwkt_create(NORMAL, move |_| {
        assert!((&raw const value).addr().is_multiple_of(256));
        assert_eq!(value.0, [9; 700]);
    })
    .expect("the refused one was freed");
    run_to_the_end(cpu);
}

#[test]
fn no_such_queue() {
    let (cpu, signals) = machine::<1>();
    let queue = anax_uthread::QueueIndex(QUEUES as u16);
    assert_eq!(cpu.lwkt_generation(queue), Err(Error::NoQueue));
    assert_eq!(cpu.lwkt_signal(queue, 1), Err(Error::NoQueue));
    assert_eq!(signals.lwkt_signal(queue, 1), Err(Error::NoQueue));
    cpu.lwkt_create(NORMAL, move |cpu| {
        let seen = cpu.lwkt_generation(anax_uthread::QueueIndex(0)).unwrap();
        assert_eq!(cpu.lwkt_block(queue, seen), Err(Error::NoQueue));
    })
    .unwrap();
    run_to_the_end(cpu);
}

#[test]
fn memory_is_claimed_once() {
    static MEMORY: Memory<2, 1> = Memory::new();
    static POOL: StackPool<2, { super::STACK }> = StackPool::new();
    // SAFETY: the one thread needs little.
    let stacks = unsafe { POOL.take() }.unwrap();
    // SAFETY: nothing is returned.
    assert!(unsafe { POOL.take() }.is_none());
    let cpu = MEMORY.claim(stacks).unwrap();
    assert_eq!(MEMORY.claim(memory_for(1, 1024).1).err(), Some(Error::Claimed));
    assert_eq!(MEMORY.claim(memory_for(0, 1024).1).err(), Some(Error::NoRoom));
    cpu.lwkt_create(NORMAL, |cpu| cpu.lwkt_yield()).unwrap();
    run_to_the_end(cpu);
    static NONE: Memory<0, 0> = Memory::new();
    assert_eq!(NONE.claim(memory_for(1, 1024).1).err(), Some(Error::NoRoom));
}

#[test]
fn what_is_dropped_may_call_back() {
    struct Calls(&'static anax_uthread::VirtualCpu, Notes);
    impl Drop for Calls {
        fn drop(&mut self) {
            assert_eq!(self.0.alive(), 0);
            self.1.add("dropped");
        }
    }
    let (cpu, _) = machine::<1>();
    let notes = Notes::default();
    let thread = cpu.lwkt_alloc_thread().unwrap();
    let (calls, large) = (Calls(cpu, notes.clone()), [0_u8; super::STACK / 4]);
    let refused = cpu.lwkt_init_thread(thread, NORMAL, move |_| drop((large, calls)));
    assert_eq!(refused, Err(Error::NoRoom));
    let calls = Calls(cpu, notes.clone());
    cpu.lwkt_init_thread(thread, NORMAL, move |_| drop(calls)).unwrap();
    cpu.lwkt_free_thread(thread).unwrap();
    assert_eq!(notes.take(), ["dropped", "dropped"]);
}

#[test]
fn yield_takes_turns_among_equals() {
    let (cpu, _) = machine::<3>();
    let notes = Notes::default();
    for name in ["a", "b", "c"] {
        let notes = notes.clone();
        cpu.lwkt_create(NORMAL, move |cpu| {
            for _ in 0..3 {
                notes.add(name);
                cpu.lwkt_yield();
            }
        })
        .unwrap();
    }
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["a", "b", "c", "a", "b", "c", "a", "b", "c"]);
}

#[test]
fn the_less_urgent_wait_until_the_others_block_or_end() {
    let (cpu, _) = machine::<2>();
    let notes = Notes::default();
    for (name, priority) in [("low", NORMAL), ("high", URGENT)] {
        let notes = notes.clone();
        cpu.lwkt_create(priority, move |cpu| {
            for _ in 0..2 {
                notes.add(name);
                cpu.lwkt_yield();
                cpu.lwkt_switch();
            }
        })
        .unwrap();
    }
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["high", "high", "low", "low"]);
}

#[test]
fn a_yield_to_nobody_switches_nothing() {
    let (cpu, _) = machine::<1>();
    cpu.lwkt_create(NORMAL, |cpu| {
        let before = cpu.switches();
        (0..10).for_each(|_| cpu.lwkt_yield());
        (0..10).for_each(|_| cpu.lwkt_switch());
        assert_eq!(cpu.switches(), before);
    })
    .unwrap();
    run_to_the_end(cpu);
}

#[test]
fn an_interrupt_thread_returns_directly_to_its_victim() {
    let (cpu, _) = machine::<3>();
    let notes = Notes::default();
    let (first, second, third) = (notes.clone(), notes.clone(), notes.clone());
    cpu.lwkt_create(NORMAL, move |cpu| {
        first.add("victim");
        cpu.lwkt_create(NORMAL, move |_| second.add("equal")).unwrap();
        cpu.lwkt_create(INTERRUPT, move |cpu| {
            third.add("interrupt");
            // Giving way means returning to the victim, which is preempted again at once.
            cpu.lwkt_yield();
            third.add("again");
        })
        .unwrap();
        first.add("victim goes on");
    })
    .unwrap();
    run_to_the_end(cpu);
    assert_eq!(notes.take(), ["victim", "interrupt", "again", "victim goes on", "equal"]);
}

#[test]
fn threads_calls_are_for_threads() {
    let (cpu, _) = machine::<1>();
    let outside = |call: &dyn Fn()| assert!(catch_unwind(AssertUnwindSafe(call)).is_err());
    let all = || {
        outside(&|| cpu.lwkt_yield());
        outside(&|| cpu.lwkt_switch());
        let queue = anax_uthread::QueueIndex(0);
        outside(&|| cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap());
        outside(&|| cpu.crit_exit());
    };
    all();
    let mut called = 0;
    cpu.lwkt_create(NORMAL, |cpu| {
        outside_run(cpu);
        let queue = anax_uthread::QueueIndex(0);
        cpu.lwkt_block(queue, cpu.lwkt_generation(queue).unwrap()).unwrap();
    })
    .unwrap();
    cpu.run(|cpu| {
        called += 1;
        all();
        outside_run(cpu);
        cpu.lwkt_signal(anax_uthread::QueueIndex(0), 1).unwrap();
        Idle::Again
    });
    assert_eq!(called, 1);
}

fn outside_run(cpu: &anax_uthread::VirtualCpu) {
    assert!(catch_unwind(AssertUnwindSafe(|| cpu.run(|_| Idle::Stop))).is_err());
}
