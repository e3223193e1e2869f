//! An object's life, generation and references in one word, under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test header_loom --target-dir target/loom`.
//!
//! A model of the kernel's `object.rs`, which no host test reaches, not its code. Regions are what matters here: they have no home, so that
//! any CPU retains, releases, revokes and ends them.
#![cfg(loom)]

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

struct Header(AtomicU64);

const fn life(generation: u32, references: u32) -> u64 {
    (generation as u64) << 32 | references as u64
}

impl Header {
    fn new(references: u32) -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(life(1, references))))
    }

    /// The word after it, if the object was still in `generation`.
    fn change(&self, generation: u32, change: impl Fn(u32) -> u64) -> Option<u64> {
        let next = |word: u64| ((word >> 32) as u32 == generation).then(|| change(word as u32));
        let before = self.0.fetch_update(Ordering::AcqRel, Ordering::Relaxed, next).ok()?;
        Some(change(before as u32))
    }

    /// True for whoever takes the last reference of `generation`.
    fn release(&self, generation: u32) -> bool {
        #[cfg(bite = "header-release-in-two")]
        {
            let word = self.0.load(Ordering::Acquire);
            self.0.store(word - 1, Ordering::Release);
            word == life(generation, 1)
        }
        #[cfg(not(bite = "header-release-in-two"))]
        {
            self.change(generation, |references| life(generation, references - 1))
                == Some(life(generation, 0))
        }
    }

    fn retain(&self, generation: u32) -> bool {
        self.change(generation, |references| life(generation, references + 1)).is_some()
    }

    /// Ends `generation`: true for one caller.
    fn close(&self, generation: u32) -> bool {
        self.change(generation, |_| life(generation + 1, 0)).is_some()
    }

    /// Revokes all handles of `generation`; the one that names the next, if nobody else was before.
    fn revoke(&self, generation: u32) -> Option<u32> {
        #[cfg(bite = "header-revoke-in-two")]
        {
            let next = (self.0.load(Ordering::Acquire) >> 32) as u32 + 1;
            self.0.store(life(next, 1), Ordering::Release);
            let _ = generation;
            Some(next)
        }
        #[cfg(not(bite = "header-revoke-in-two"))]
        {
            self.change(generation, |_| life(generation + 1, 1)).map(|_| generation + 1)
        }
    }
}

fn race<A: Send + 'static, B: 'static>(
    references: u32,
    there: impl Fn(&Header) -> A + Clone + Send + Sync + 'static,
    here: impl Fn(&Header) -> B + Send + Sync + 'static,
    judge: impl Fn(A, B, u64) + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let header = Header::new(references);
        let (other, there) = (header.clone(), there.clone());
        let thread = thread::spawn(move || there(&other));
        let mine = here(&header);
        let theirs = thread.join().expect("ends");
        judge(theirs, mine, header.0.load(Ordering::Acquire));
    });
}

/// Two handles are closed on two CPUs: one of them was the last, and ends the object.
#[test]
fn one_of_two_is_the_last() {
    let give_up = |header: &Header| header.release(1) && header.close(1);
    race(2, give_up, give_up, |there, here, word| {
        assert!(there ^ here, "ended twice or never");
        assert_eq!(word, life(2, 0));
    });
}

/// A copy of a handle is made while the last one is closed: it names what is there, or nothing.
#[test]
fn a_copy_is_of_the_living() {
    let copy = |header: &Header| header.retain(1);
    let give_up = |header: &Header| header.release(1) && header.close(1);
    race(1, copy, give_up, |copied, ended, word| match ended {
        true => assert_eq!(word, life(2, 0)),
        false => assert!(copied && word == life(1, 1)),
    });
}

/// An object is revoked by two at a time: one of them has the handle that is good.
#[test]
fn one_of_two_revokes() {
    let revoke = |header: &Header| header.revoke(1);
    race(2, revoke, revoke, |there, here, word| {
        assert!(there.is_some() ^ here.is_some(), "two handles with one reference");
        assert_eq!(word, life(2, 1));
    });
}
