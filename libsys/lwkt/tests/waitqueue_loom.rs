//! Block and signal under the model checker, from two CPUs other than the queue's home:
//! `RUSTFLAGS='--cfg loom' cargo test -p anax-lwkt --release --test waitqueue_loom --target-dir target/loom`.
#![cfg(loom)]

use anax_lwkt::list::{Link, ThreadIndex};
use anax_lwkt::waitqueue::{Block, WaitCounter, WaitQueue};
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::sync::{Arc, Mutex};
use loom::thread;

/// The mutex stands for the home CPU, which serves the crossbar messages of the two one after the other.
struct Home {
    counter: WaitCounter,
    queue: Mutex<(WaitQueue, [Link; 2])>,
    work: AtomicU64,
}

impl Home {
    fn signal(&self) -> usize {
        let (queue, links) = &mut *self.queue.lock().expect("alive");
        queue.signal(links.as_mut_slice(), &self.counter, 1, |_, _| ())
    }

    fn block(&self, thread: ThreadIndex) -> Block {
        let seen = self.counter.generation();
        if self.work.load(Ordering::Relaxed) != 0 {
            return Block::Moved;
        }
        let (queue, links) = &mut *self.queue.lock().expect("alive");
        queue.block(links.as_mut_slice(), &self.counter, thread, seen)
    }
}

/// Work is put down, then signalled; a thread that looked before and blocks after is not left asleep with work there.
#[test]
fn no_wake_up_is_lost() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let home = Arc::new(Home {
            counter: WaitCounter::new(),
            queue: Mutex::new((WaitQueue::new(), [Link::FREE; 2])),
            work: AtomicU64::new(0),
        });
        let signaller = thread::spawn({
            let home = home.clone();
            move || {
                home.work.store(1, Ordering::Relaxed);
                home.signal()
            }
        });
        let blocked = home.block(ThreadIndex(0));
        let woken = signaller.join().expect("ends");
        match blocked {
            Block::Queued => assert_eq!(woken, 1, "asleep with work there"),
            Block::Moved => assert_eq!(woken, 0),
        }
    });
}
