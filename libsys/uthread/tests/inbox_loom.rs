//! The inbox under the model checker: two that signal, and a virtual CPU that looks and goes to sleep:
//! `RUSTFLAGS='--cfg loom' cargo test -p anax-uthread --release --test inbox_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_uthread::{Inbox, Notify, QueueIndex};
use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

/// Queues of one group and of another.
const QUEUES: usize = 66;

struct World {
    inbox: Inbox<QUEUES>,
    /// What the signals tell of, by sender.
    work: [AtomicU64; 2],
    /// Times that somebody had to wake the virtual CPU.
    bells: AtomicU64,
}

impl World {
    fn send(&self, sender: usize, queue: QueueIndex) {
        self.work[sender].store(1, Ordering::Relaxed);
        if self.inbox.signals().lwkt_signal(queue, 1) == Ok(Notify::Ipi) {
            self.bells.fetch_add(1, Ordering::Release);
        }
    }
}

/// Each signal is seen once and with the work it tells of; whoever sleeps with a signal in the inbox has been rung.
fn nothing_is_lost(queues: [QueueIndex; 2]) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let work = [AtomicU64::new(0), AtomicU64::new(0)];
        let world = Arc::new(World { inbox: Inbox::new(), work, bells: AtomicU64::new(0) });
        // Awake from the start.
        world.inbox.arrivals().mute();
        let senders = [0, 1].map(|sender| {
            let world = world.clone();
            thread::spawn(move || world.send(sender, queues[sender]))
        });
        let mut seen = 0;
        let look = |seen: &mut usize| {
            world.inbox.arrivals().take(|queue, count| {
                *seen += count;
                let told = (0..2).filter(|&sender| queues[sender] == queue);
                let done: u64 = told.map(|sender| world.work[sender].load(Ordering::Relaxed)).sum();
                assert!(done >= count as u64, "signalled before the work was there");
            });
        };
        look(&mut seen);
        let asleep = world.inbox.arrivals().silence();
        if !asleep {
            look(&mut seen);
        }
        for sender in senders {
            sender.join().expect("ends");
        }
        if asleep && seen < 2 {
            assert_ne!(world.bells.load(Ordering::Acquire), 0, "asleep with a signal in the inbox");
        }
        look(&mut seen);
        assert_eq!(seen, 2);
    });
}

#[test]
fn two_signals_to_one_queue() {
    nothing_is_lost([QueueIndex(1), QueueIndex(1)]);
}

#[test]
fn two_signals_to_queues_of_one_group() {
    nothing_is_lost([QueueIndex(1), QueueIndex(65)]);
}

#[test]
fn two_signals_to_two_groups() {
    nothing_is_lost([QueueIndex(1), QueueIndex(2)]);
}
