//! The one-shot reply under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test reply_loom --target-dir target/loom`.
#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;
use microkernel_core::reply::{Outcome, Reply, Settled, Wait};

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Reply, abort, time-out and death at once: exactly one wins, and the owner sees that one.
#[test]
fn four_race_and_one_wins() {
    model(|| {
        let reply = Arc::new(Reply::new());
        let generation = reply.send().expect("idle");
        let racers: Vec<_> = [Outcome::Replied, Outcome::Aborted, Outcome::PeerDied]
            .map(|outcome| {
                let reply = reply.clone();
                thread::spawn(move || (reply.settle(generation, outcome) != Settled::Lost).then_some(outcome))
            })
            .into();
        let own = (reply.settle(generation, Outcome::TimedOut) != Settled::Lost).then_some(Outcome::TimedOut);
        let mut winners: Vec<_> = own.into_iter().collect();
        winners.extend(racers.into_iter().filter_map(|racer| racer.join().expect("ends")));
        assert_eq!(winners.len(), 1);
        assert_eq!(reply.take(generation), Some(winners[0]));
    });
}

/// A sender that was told to sleep is woken by exactly one of two that race; one that was not told so sees the outcome.
#[test]
fn no_wake_up_is_lost() {
    model(|| {
        let reply = Arc::new(Reply::new());
        let woken = Arc::new(AtomicU64::new(0));
        let generation = reply.send().expect("idle");
        let racers: Vec<_> = [Outcome::Replied, Outcome::PeerDied]
            .map(|outcome| {
                let (reply, woken) = (reply.clone(), woken.clone());
                thread::spawn(move || {
                    if reply.settle(generation, outcome) == Settled::Wake {
                        woken.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .into();
        let waited = reply.wait(generation);
        for racer in racers {
            racer.join().expect("ends");
        }
        let sleeps = u64::from(waited == Wait::Sleep);
        assert_eq!(woken.load(Ordering::Relaxed), sleeps, "{waited:?}");
        assert!(reply.take(generation).is_some());
    });
}

/// The winner of a claim alone writes the buffer, and the owner sees all of it; the loser's time-out changes nothing.
#[test]
fn a_claim_guards_the_buffer() {
    model(|| {
        let reply = Arc::new(Reply::new());
        let buffer = Arc::new(AtomicU64::new(0));
        let generation = reply.send().expect("idle");
        let replier = thread::spawn({
            let (reply, buffer) = (reply.clone(), buffer.clone());
            move || {
                reply.claim(generation).map(|claim| {
                    buffer.store(7, Ordering::Relaxed);
                    reply.publish(claim, Outcome::Replied)
                })
            }
        });
        let timed_out = reply.settle(generation, Outcome::TimedOut) != Settled::Lost;
        let waited = reply.wait(generation);
        match waited {
            Wait::Settled(Outcome::Replied) => assert_eq!(buffer.load(Ordering::Relaxed), 7),
            Wait::Settled(outcome) => assert!(timed_out && outcome == Outcome::TimedOut),
            Wait::Sleep => assert!(!timed_out),
            Wait::Stale => panic!("in use"),
        }
        let published = replier.join().expect("ends");
        assert_eq!(published.is_some(), !timed_out);
        assert_eq!(buffer.load(Ordering::Relaxed), if timed_out { 0 } else { 7 });
        assert_eq!(published == Some(Settled::Wake), waited == Wait::Sleep);
    });
}

/// The owner gives up, takes and sends again while the reply to the first use is on its way: the second use is untouched.
#[test]
fn a_late_reply_meets_another_generation() {
    model(|| {
        let reply = Arc::new(Reply::new());
        let first = reply.send().expect("idle");
        let late = thread::spawn({
            let reply = reply.clone();
            move || reply.settle(first, Outcome::Replied) != Settled::Lost
        });
        let gave_up = reply.settle(first, Outcome::TimedOut) != Settled::Lost;
        let outcome = reply.take(first).expect("settled by one or the other");
        assert_eq!(outcome == Outcome::TimedOut, gave_up);
        let second = reply.send().expect("taken");
        assert_eq!(late.join().expect("ends"), !gave_up);
        assert!(reply.is_pending(second));
        assert_eq!(reply.wait(second), Wait::Sleep);
        assert_eq!(reply.settle(second, Outcome::PeerDied), Settled::Wake);
    });
}

/// The flag of one use does not wake the next: a waiter that was settled without sleeping leaves nothing behind.
#[test]
fn a_flag_belongs_to_its_use() {
    model(|| {
        let reply = Arc::new(Reply::new());
        let done = Arc::new(AtomicBool::new(false));
        let first = reply.send().expect("idle");
        let replier = thread::spawn({
            let (reply, done) = (reply.clone(), done.clone());
            move || {
                let settled = reply.settle(first, Outcome::Replied);
                done.store(true, Ordering::Release);
                settled
            }
        });
        let waited = reply.wait(first);
        let settled = replier.join().expect("ends");
        assert_eq!(settled == Settled::Wake, waited == Wait::Sleep);
        assert_eq!(reply.take(first), Some(Outcome::Replied));
        let second = reply.send().expect("taken");
        assert_eq!(reply.settle(second, Outcome::Aborted), Settled::Quiet);
    });
}
