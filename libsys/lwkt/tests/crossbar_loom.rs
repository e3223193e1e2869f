//! The crossbar under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p anax-lwkt --release --test crossbar_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_lwkt::crossbar::{Attention, Class, Doorbell, Entry, Notify, Ring};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

/// Two CPUs' worth of shared state; `interrupt` stands for the interrupt that is pending at the target.
struct Pair {
    ring: Ring<4>,
    bell: Doorbell,
    interrupt: AtomicBool,
}

impl Pair {
    fn new() -> Arc<Self> {
        Arc::new(Self { ring: Ring::new(), bell: Doorbell::new(), interrupt: AtomicBool::new(false) })
    }

    fn push(&self, class: Class, kind: u32) -> bool {
        let pushed = self.ring.push(&self.bell, class, &Entry { kind, words: [u64::from(kind) + 1; 4] });
        if pushed == Ok(Notify::Ipi) {
            self.interrupt.swap(true, Ordering::AcqRel);
        }
        pushed.is_ok()
    }

    // The flag is only ever swapped: the model checker orders plain stores and swaps of one atomic too freely.

    /// What the target's interrupt handler does, if the interrupt has come; says whether it had.
    fn interrupt(&self, seen: &mut Vec<u32>) -> bool {
        if !self.interrupt.swap(false, Ordering::AcqRel) {
            return false;
        }
        self.bell.poll(Attention::Interrupt, |_| {
            while let Some(entry) = self.ring.pop() {
                assert_eq!(entry.words, [u64::from(entry.kind) + 1; 4], "an entry not wholly written");
                seen.push(entry.kind);
            }
        });
        true
    }
}

fn model(run: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// Entries arrive whole, in order, and once; whatever is still in the ring has an interrupt on its way.
#[test]
fn nothing_lost_nothing_reordered_and_always_notified() {
    model(|| {
        let pair = Pair::new();
        let source = thread::spawn({
            let pair = pair.clone();
            move || {
                for kind in 0..3 {
                    assert!(pair.push(Class::Kernel, kind), "three slots");
                }
            }
        });
        let mut seen = vec![];
        pair.interrupt(&mut seen);
        pair.interrupt(&mut seen);
        source.join().expect("ends");
        pair.interrupt(&mut seen);
        assert_eq!(seen, [0, 1, 2], "an entry without an interrupt");
    });
}

/// A full ring refuses rather than overwrites, and a slot is not used again before its entry was read.
#[test]
fn a_slot_is_used_again_only_when_read() {
    model(|| {
        let pair = Pair::new();
        for kind in 0..4 {
            assert!(pair.push(Class::Nested, kind));
        }
        let source = thread::spawn({
            let pair = pair.clone();
            move || pair.push(Class::Nested, 4)
        });
        let mut seen = vec![];
        pair.interrupt(&mut seen);
        let more = source.join().expect("ends");
        pair.interrupt(&mut seen);
        assert_eq!(seen, (0..4 + u32::from(more)).collect::<Vec<_>>());
    });
}

/// Credits are never more than there are, and come back.
#[test]
fn credits_bound_the_user() {
    model(|| {
        let pair = Pair::new();
        let source = thread::spawn({
            let pair = pair.clone();
            move || {
                let sent = (0..3).filter(|kind| pair.push(Class::User, *kind)).count();
                assert!(sent >= 2);
                sent
            }
        });
        assert!(pair.ring.len() <= 2);
        let mut seen = vec![];
        pair.interrupt(&mut seen);
        let sent = source.join().expect("ends");
        pair.interrupt(&mut seen);
        assert_eq!(seen.len(), sent);
        assert!(pair.push(Class::User, 7) && pair.push(Class::User, 8) && !pair.push(Class::User, 9));
    });
}

/// Two sources ring one target: one of them asks for the interrupt, and both entries are found.
#[test]
fn two_sources_share_a_bell() {
    model(|| {
        let first = Pair::new();
        let second = Arc::new(Ring::<4>::new());
        let entry = Entry::default();
        let mut other = Some(thread::spawn({
            let (first, second) = (first.clone(), second.clone());
            move || {
                if second.push(&first.bell, Class::Kernel, &entry) == Ok(Notify::Ipi) {
                    first.interrupt.swap(true, Ordering::AcqRel);
                }
            }
        }));
        let mut source = Some(thread::spawn({
            let first = first.clone();
            move || first.push(Class::Kernel, 0)
        }));
        let (mut seen, mut from_second) = (vec![], 0);
        for joined in [false, true] {
            if joined {
                other.take().map(thread::JoinHandle::join);
                source.take().map(thread::JoinHandle::join);
            }
            if first.interrupt(&mut seen) {
                from_second += usize::from(second.pop().is_some());
            }
        }
        assert_eq!((seen.len(), from_second), (1, 1), "an entry without an interrupt");
    });
}

/// A target that watches is not interrupted, misses nothing, and is interrupted again once it has stopped watching.
#[test]
fn a_target_that_watches_misses_nothing() {
    model(|| {
        let pair = Pair::new();
        let source = thread::spawn({
            let pair = pair.clone();
            move || {
                assert!(pair.push(Class::Passive, 0) && pair.push(Class::Kernel, 1));
            }
        });
        let mut seen = vec![];
        let mut look = |attention| {
            pair.bell.poll(attention, |rung| {
                while rung && let Some(entry) = pair.ring.pop() {
                    seen.push(entry.kind);
                }
            });
        };
        look(Attention::Watch);
        look(Attention::Interrupt);
        source.join().expect("ends");
        if pair.bell.is_rung() {
            assert!(pair.interrupt.swap(false, Ordering::AcqRel), "nobody will look");
            look(Attention::Interrupt);
        }
        assert_eq!(seen, [0, 1]);
    });
}
