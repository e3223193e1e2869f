//! Table I in user-land, on the host: the same code, real stacks, real switches.
#![cfg(not(loom))]

#[path = "threads/calls.rs"]
mod calls;
#[path = "threads/critical.rs"]
mod critical;
#[path = "threads/kernel.rs"]
mod kernel;
#[path = "threads/random.rs"]
mod random;
#[path = "threads/stacks.rs"]
mod stacks;
#[path = "threads/waiting.rs"]
mod waiting;

use std::cell::RefCell;
use std::ptr::NonNull;
use std::rc::Rc;

use anax_uthread::{Ended, Memory, Priority, Signals, Stacks, VirtualCpu};

/// Deep enough for a test that panics and is caught.
const STACK: usize = 64 * 1024;
const QUEUES: usize = 8;

const NORMAL: Priority = Priority::USER_NORMAL;
const URGENT: Priority = Priority::DAEMON;
const INTERRUPT: Priority = Priority::INTERRUPT_LOW;

/// A virtual CPU of its own for a test, which keeps its memory for ever.
fn machine<const THREADS: usize>() -> (&'static VirtualCpu, Signals<'static>) {
    let memory: &Memory<THREADS, QUEUES> = Box::leak(Box::default());
    (memory.claim(memory_for(THREADS, STACK).1).unwrap(), memory.signals())
}

/// Stacks, and where the lowest one begins.
fn memory_for(count: usize, bytes: usize) -> (*mut u8, Stacks) {
    let words = Box::leak(vec![0_u128; count * bytes / 16].into_boxed_slice());
    let bottom = NonNull::from(words).cast();
    // SAFETY: leaked; the tests' threads need less.
    (bottom.as_ptr(), unsafe { Stacks::from_raw(bottom, bytes, bytes, count) })
}

/// What threads note, in the order in which they do.
#[derive(Clone, Default)]
struct Notes(Rc<RefCell<Vec<&'static str>>>);

impl Notes {
    fn add(&self, note: &'static str) {
        self.0.borrow_mut().push(note);
    }

    fn take(&self) -> Vec<&'static str> {
        self.0.take()
    }
}

/// Runs threads that all have to end by themselves.
fn run_to_the_end(cpu: &VirtualCpu) {
    let ended = cpu.run(|cpu| panic!("{} threads are blocked for ever", cpu.alive()));
    assert_eq!((ended, cpu.alive(), cpu.current()), (Ended::All, 0, None));
}
