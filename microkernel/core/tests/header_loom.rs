//! An object's life, generation and references in one word, under the model checker:
//! `RUSTFLAGS='--cfg loom' cargo test -p microkernel-core --release --test header_loom --target-dir target/loom`.
//!
//! Regions are what matters here: they have no home, so that any CPU retains, releases, revokes and ends them.
#![cfg(loom)]

use loom::sync::Arc;
use loom::thread;
use microkernel_core::handles::Life;

/// The one that the races are about: `renew` has begun it.
const GENERATION: u32 = 2;

fn race<A: Send + 'static, B: 'static>(
    references: u32,
    there: impl Fn(&Life) -> A + Clone + Send + Sync + 'static,
    here: impl Fn(&Life) -> B + Send + Sync + 'static,
    judge: impl Fn(A, B, (u32, u32)) + Send + Sync + 'static,
) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let header = Arc::new(Life::new());
        header.renew(references);
        let (other, there) = (header.clone(), there.clone());
        let thread = thread::spawn(move || there(&other));
        let mine = here(&header);
        let theirs = thread.join().expect("ends");
        judge(theirs, mine, (header.generation(), header.references()));
    });
}

/// Two handles are closed on two CPUs: one of them was the last, and ends the object.
#[test]
fn one_of_two_is_the_last() {
    let give_up = |header: &Life| header.release(GENERATION) && header.supersede(GENERATION, 0).is_some();
    race(2, give_up, give_up, |there, here, word| {
        assert!(there ^ here, "ended twice or never");
        assert_eq!(word, (GENERATION + 1, 0));
    });
}

/// A copy of a handle is made while the last one is closed: it names what is there, or nothing.
#[test]
fn a_copy_is_of_the_living() {
    let copy = |header: &Life| header.retain(GENERATION);
    let give_up = |header: &Life| header.release(GENERATION) && header.supersede(GENERATION, 0).is_some();
    race(1, copy, give_up, |copied, ended, word| match ended {
        true => assert_eq!(word, (GENERATION + 1, 0)),
        false => assert!(copied && word == (GENERATION, 1)),
    });
}

/// An object is revoked by two at a time: one of them has the handle that is good.
#[test]
fn one_of_two_revokes() {
    let revoke = |header: &Life| header.supersede(GENERATION, 1);
    race(2, revoke, revoke, |there, here, word| {
        assert!(there.is_some() ^ here.is_some(), "two handles with one reference");
        assert_eq!(word, (GENERATION + 1, 1));
    });
}
