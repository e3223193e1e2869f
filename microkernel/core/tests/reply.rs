//! The one-shot reply on one thread: every order of events, against a model.
#![cfg(not(loom))]

use microkernel_core::reply::{Busy, Generation, Outcome, Reply, Settled, Wait};
use proptest::prelude::*;

const OUTCOMES: [Outcome; 4] = [Outcome::Replied, Outcome::Aborted, Outcome::TimedOut, Outcome::PeerDied];

static STATIC: Reply = Reply::new();

#[test]
fn the_first_to_settle_wins() {
    for first in OUTCOMES {
        for second in OUTCOMES {
            let generation = STATIC.send().expect("idle");
            assert!(STATIC.is_pending(generation));
            assert_eq!(STATIC.send(), Err(Busy));
            assert_eq!(STATIC.take(generation), None);
            assert_eq!(STATIC.settle(generation, first), Settled::Quiet);
            assert_eq!(STATIC.settle(generation, second), Settled::Lost);
            assert!(!STATIC.is_pending(generation));
            assert_eq!(STATIC.wait(generation), Wait::Settled(first));
            assert_eq!(STATIC.take(generation), Some(first));
            assert_eq!(STATIC.take(generation), None);
            assert_eq!(STATIC.wait(generation), Wait::Stale);
        }
    }
}

#[test]
fn a_late_reply_to_a_reused_object_loses() {
    let reply = Reply::new();
    let old = reply.send().expect("idle");
    assert_eq!(reply.settle(old, Outcome::TimedOut), Settled::Quiet);
    assert_eq!(reply.take(old), Some(Outcome::TimedOut));
    assert_eq!(reply.settle(old, Outcome::Replied), Settled::Lost, "idle");
    let new = reply.send().expect("idle");
    assert_eq!(reply.settle(old, Outcome::Replied), Settled::Lost, "in use again");
    assert!(reply.claim(old).is_none());
    assert_eq!(reply.wait(old), Wait::Stale);
    assert!(reply.is_pending(new));
}

#[test]
fn a_claim_shuts_the_others_out_and_keeps_the_flag() {
    let reply = Reply::new();
    let generation = reply.send().expect("idle");
    let claim = reply.claim(generation).expect("sent");
    assert!(reply.claim(generation).is_none());
    assert_eq!(reply.settle(generation, Outcome::TimedOut), Settled::Lost);
    assert_eq!(reply.take(generation), None, "not before it is published");
    assert_eq!(reply.wait(generation), Wait::Sleep);
    assert_eq!(reply.publish(claim, Outcome::Replied), Settled::Wake);
    assert_eq!(reply.take(generation), Some(Outcome::Replied));
}

#[test]
fn a_claim_of_another_object_does_nothing() {
    let (one, other) = (Reply::new(), Reply::new());
    let generation = one.send().expect("idle");
    let claim = one.claim(generation).expect("sent");
    assert_eq!(other.publish(claim, Outcome::Replied), Settled::Lost);
    assert!(other.send().is_ok());
}

#[test]
fn a_generation_travels_as_a_word() {
    let generation = Reply::new().send().expect("idle");
    assert_eq!(Generation::from_word(generation.to_word()), generation);
    assert_eq!(Generation::from_word(u64::MAX).to_word(), u64::MAX >> 4);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send,
    Settle { age: usize, outcome: usize },
    Claim { age: usize },
    Publish { outcome: usize },
    Wait { age: usize },
    Take { age: usize },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Send),
        (0..3_usize, 0..4_usize).prop_map(|(age, outcome)| Step::Settle { age, outcome }),
        (0..3_usize).prop_map(|age| Step::Claim { age }),
        (0..4_usize).prop_map(|outcome| Step::Publish { outcome }),
        (0..3_usize).prop_map(|age| Step::Wait { age }),
        (0..3_usize).prop_map(|age| Step::Take { age }),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Model {
    Idle,
    Sent,
    Claimed,
    Done(Outcome),
}

proptest! {
    /// Against a plain enum: generations other than the latest never have an effect.
    #[test]
    fn a_reply_is_its_model(steps in prop::collection::vec(step(), 0..60)) {
        let reply = Reply::new();
        let (mut uses, mut model, mut waits, mut claim) = (vec![Generation::from_word(0)], Model::Idle, false, None);
        let aged = |uses: &[Generation], age: usize| (uses[uses.len().saturating_sub(1 + age)], age == 0 || uses.len() == 1);
        for step in steps {
            match step {
                Step::Send => match reply.send() {
                    Ok(generation) => {
                        prop_assert_eq!(model, Model::Idle);
                        prop_assert!(!uses.contains(&generation));
                        uses.push(generation);
                        (model, waits) = (Model::Sent, false);
                    }
                    Err(Busy) => prop_assert_ne!(model, Model::Idle),
                },
                Step::Settle { age, outcome } => {
                    let (generation, latest) = aged(&uses, age);
                    let expected = match (latest && model == Model::Sent, waits) {
                        (false, _) => Settled::Lost,
                        (true, true) => Settled::Wake,
                        (true, false) => Settled::Quiet,
                    };
                    prop_assert_eq!(reply.settle(generation, OUTCOMES[outcome]), expected);
                    if expected != Settled::Lost {
                        model = Model::Done(OUTCOMES[outcome]);
                    }
                }
                Step::Claim { age } => {
                    let (generation, latest) = aged(&uses, age);
                    let won = reply.claim(generation);
                    prop_assert_eq!(won.is_some(), latest && model == Model::Sent);
                    if won.is_some() {
                        (claim, model) = (won, Model::Claimed);
                    }
                }
                Step::Publish { outcome } => if let Some(claim) = claim.take() {
                    let expected = if waits { Settled::Wake } else { Settled::Quiet };
                    prop_assert_eq!(reply.publish(claim, OUTCOMES[outcome]), expected);
                    model = Model::Done(OUTCOMES[outcome]);
                },
                Step::Wait { age } => {
                    let (generation, latest) = aged(&uses, age);
                    let expected = match model {
                        _ if !latest => Wait::Stale,
                        Model::Idle => Wait::Stale,
                        Model::Done(outcome) => Wait::Settled(outcome),
                        Model::Sent | Model::Claimed => Wait::Sleep,
                    };
                    prop_assert_eq!(reply.wait(generation), expected);
                    waits |= latest;
                }
                Step::Take { age } => {
                    let (generation, latest) = aged(&uses, age);
                    let expected = match model {
                        Model::Done(outcome) if latest => Some(outcome),
                        _ => None,
                    };
                    prop_assert_eq!(reply.take(generation), expected);
                    if expected.is_some() {
                        model = Model::Idle;
                    }
                }
            }
        }
    }
}
