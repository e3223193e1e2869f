//! A rendezvous of threads.
#![cfg(not(loom))]

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use anax_lwkt::rendezvous::Rendezvous;

/// Nobody does his part before all are there, and the caller goes on last.
#[test]
fn all_meet_and_the_caller_leaves_last() {
    const OTHERS: u32 = 5;
    for _ in 0..200 {
        let (meeting, there, done) = (Rendezvous::new(), AtomicU32::new(0), AtomicU32::new(0));
        thread::scope(|scope| {
            for _ in 0..OTHERS {
                scope.spawn(|| {
                    there.fetch_add(1, Ordering::SeqCst);
                    meeting.attend(thread::yield_now, || {
                        assert_eq!(there.load(Ordering::SeqCst), OTHERS);
                        done.fetch_add(1, Ordering::SeqCst);
                    });
                });
            }
            meeting.hold(OTHERS, thread::yield_now, || assert_eq!(there.load(Ordering::SeqCst), OTHERS));
            assert_eq!(done.load(Ordering::SeqCst), OTHERS);
        });
    }
}
