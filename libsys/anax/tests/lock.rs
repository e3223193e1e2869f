//! The lock for a program's globals: one at a time, and whoever waits gets it in the end.

use std::thread;

use anax::Lock;

#[test]
fn one_at_a_time() {
    static COUNTED: Lock<(u64, u64)> = Lock::new((0, 0));
    const EACH: u64 = 50_000;
    let count = || {
        for _ in 0..EACH {
            let mut both = COUNTED.lock();
            both.0 += 1;
            assert_eq!(both.0, both.1 + 1, "somebody is between");
            both.1 += 1;
        }
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(count);
        }
    });
    assert_eq!(*COUNTED.lock(), (4 * EACH, 4 * EACH));
}

#[test]
fn who_does_not_want_to_wait_is_told() {
    let lock = Lock::new(());
    let held = lock.lock();
    assert!(lock.try_lock().is_none());
    drop(held);
    assert!(lock.try_lock().is_some());
}
