//! The bits of tasks that can run under the model checker: two that wake, and an executor that goes through its rounds:
//! `RUSTFLAGS='--cfg loom' cargo test -p anax-task --release --test ready_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_task::Ready;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

/// Two places, and what each is woken for.
fn woken(places: [usize; 2]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let ready = Ready::new(130);
        let work = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let wakers = [0, 1].map(|waker| {
            let (ready, work) = (ready.clone(), work.clone());
            thread::spawn(move || {
                work[waker].store(1, Ordering::Relaxed);
                ready.mark(places[waker]);
            })
        });
        // Who was polled with nothing to do will be woken again; who was polled with his work is done.
        let mut is_done = [false; 2];
        let mut poll_all = || {
            for polled in ready.round() {
                for task in (0..2).filter(|&task| places[task] == polled) {
                    is_done[task] |= work[task].load(Ordering::Relaxed) != 0;
                }
            }
        };
        poll_all();
        poll_all();
        for waker in wakers {
            waker.join().expect("ends");
        }
        poll_all();
        assert_eq!(is_done, [true; 2], "somebody was woken and never polled");
        assert!(!ready.is_any());
    });
}

#[test]
fn no_wake_is_lost() {
    woken([3, 70]);
}

#[test]
fn no_wake_of_a_neighbour_is_lost() {
    woken([3, 4]);
}

#[test]
fn no_second_wake_is_lost() {
    woken([3, 3]);
}
