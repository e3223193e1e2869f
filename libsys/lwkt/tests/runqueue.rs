//! The run queue against 32 plain queues, and the rules of preemption one by one.
#![cfg(not(loom))]

use anax_lwkt::list::{Link, Links, QueueKind, ThreadIndex};
use anax_lwkt::preempt::{Next, Running, may_preempt, may_switch_directly, must_give_way_to, switch_from};
use anax_lwkt::runqueue::{LEVELS, Priority, RunQueue};
use proptest::prelude::*;
use std::collections::VecDeque;

fn thread(index: u32) -> ThreadIndex {
    ThreadIndex(index)
}

fn level(level: u8) -> Priority {
    Priority::new(level).expect("below 32")
}

#[test]
fn equals_take_turns() {
    let (mut queue, mut links) = (RunQueue::new(), [Link::FREE; 4]);
    let links = links.as_mut_slice();
    let normal = Priority::USER_NORMAL;
    assert_eq!(queue.yield_to(links, thread(0), normal), None, "alone");
    queue.enqueue(links, thread(1), normal);
    queue.enqueue(links, thread(2), normal);
    queue.enqueue(links, thread(3), Priority::USER_IDLE);
    let mut running = thread(0);
    let order: Vec<_> = (0..6)
        .map(|_| {
            running = queue.yield_to(links, running, normal).expect("equals");
            running.0
        })
        .collect();
    assert_eq!(order, [1, 2, 0, 1, 2, 0]);
    assert_eq!(queue.yield_to(links, running, Priority::DAEMON), None, "nobody as urgent");
}

#[test]
fn the_interrupted_gets_the_rest_of_its_turn() {
    let (mut queue, mut links) = (RunQueue::new(), [Link::FREE; 2]);
    queue.enqueue(links.as_mut_slice(), thread(0), Priority::USER_NORMAL);
    queue.enqueue_front(links.as_mut_slice(), thread(1), Priority::USER_NORMAL);
    assert_eq!(queue.first(Priority::USER_NORMAL), Some(thread(1)));
    assert_eq!(queue.dequeue(links.as_mut_slice()), Some(thread(1)));
    assert_eq!(links.as_slice().link(thread(1)).queued_on(), None);
    assert_eq!(links.as_slice().link(thread(0)).queued_on(), Some(QueueKind::Run));
}

#[test]
#[should_panic(expected = "thread 0 is on a queue already")]
fn nobody_is_queued_twice() {
    let (mut queue, mut links) = (RunQueue::new(), [Link::FREE; 1]);
    queue.enqueue(links.as_mut_slice(), thread(0), Priority::DAEMON);
    queue.enqueue(links.as_mut_slice(), thread(0), Priority::DAEMON);
}

#[test]
fn a_user_schedulers_queue_is_another() {
    let (mut run, mut user) = (RunQueue::new(), RunQueue::for_user_scheduler());
    let mut links = [Link::FREE; 1];
    user.enqueue(links.as_mut_slice(), thread(0), level(3));
    assert_eq!(run.remove(links.as_mut_slice(), thread(0)), None);
    assert_eq!(run.requeue(links.as_mut_slice(), thread(0), level(4)), None);
    assert_eq!(user.remove(links.as_mut_slice(), thread(0)), Some(level(3)));
}

/// Every combination, with the rule spelt out.
#[test]
fn only_interrupt_threads_preempt() {
    for running in 0..LEVELS as u8 {
        for candidate in 0..LEVELS as u8 {
            for critical_depth in 0..3 {
                for preempted in 0..4 {
                    let expected =
                        candidate >= 20 && candidate > running && critical_depth == 0 && preempted < 2;
                    let running = Running { priority: level(running), critical_depth, preempted };
                    assert_eq!(may_preempt(running, level(candidate)), expected, "{running:?} {candidate}");
                }
            }
        }
    }
}

#[test]
fn control_returns_to_the_preempted_first() {
    let (mut queue, mut links) = (RunQueue::new(), [Link::FREE; 3]);
    let links = links.as_mut_slice();
    queue.enqueue(links, thread(1), Priority::MAX);
    assert_eq!(switch_from(&mut queue, links, Some(thread(2))), Next::Return(thread(2)));
    assert_eq!(switch_from(&mut queue, links, None), Next::Run(thread(1)));
    assert_eq!(switch_from(&mut queue, links, None), Next::Idle);
}

#[test]
fn user_mode_belongs_to_the_most_urgent() {
    let (mut queue, mut links) = (RunQueue::new(), [Link::FREE; 1]);
    let normal = Priority::USER_NORMAL;
    assert!(!must_give_way_to(&queue, Priority::IDLE) && may_switch_directly(&queue, Priority::IDLE));
    queue.enqueue(links.as_mut_slice(), thread(0), normal);
    assert!(must_give_way_to(&queue, Priority::USER_IDLE) && !must_give_way_to(&queue, normal));
    assert!(may_switch_directly(&queue, normal) && !may_switch_directly(&queue, Priority::USER_IDLE));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Enqueue(u32, u8),
    EnqueueFront(u32, u8),
    Dequeue,
    Remove(u32),
    Requeue(u32, u8),
    Yield(u32, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let (thread, level) = (0..12_u32, prop_oneof![Just(0_u8), Just(31_u8), 5..8_u8]);
    prop_oneof![
        (thread.clone(), level.clone()).prop_map(|(thread, level)| Step::Enqueue(thread, level)),
        (thread.clone(), level.clone()).prop_map(|(thread, level)| Step::EnqueueFront(thread, level)),
        Just(Step::Dequeue),
        thread.clone().prop_map(Step::Remove),
        (thread.clone(), level.clone()).prop_map(|(thread, level)| Step::Requeue(thread, level)),
        (thread, level).prop_map(|(thread, level)| Step::Yield(thread, level)),
    ]
}

proptest! {
    /// Against 32 plain queues.
    #[test]
    fn a_run_queue_is_its_model(steps in prop::collection::vec(step(), 0..200)) {
        let mut queue = RunQueue::new();
        let mut links = [Link::FREE; 12];
        let links = links.as_mut_slice();
        let mut model: Vec<VecDeque<u32>> = vec![VecDeque::new(); LEVELS];
        fn find(model: &[VecDeque<u32>], thread: u32) -> Option<u8> {
            model.iter().position(|list| list.contains(&thread)).map(|level| level as u8)
        }
        fn pop(model: &mut [VecDeque<u32>]) -> Option<u32> {
            model.iter_mut().rev().find_map(VecDeque::pop_front)
        }
        for step in steps {
            match step {
                Step::Enqueue(index, at) if find(&model, index).is_none() => {
                    queue.enqueue(links, thread(index), level(at));
                    model[at as usize].push_back(index);
                }
                Step::EnqueueFront(index, at) if find(&model, index).is_none() => {
                    queue.enqueue_front(links, thread(index), level(at));
                    model[at as usize].push_front(index);
                }
                Step::Enqueue(..) | Step::EnqueueFront(..) => {}
                Step::Dequeue => prop_assert_eq!(queue.dequeue(links), pop(&mut model).map(thread)),
                Step::Remove(index) => {
                    let at = find(&model, index);
                    prop_assert_eq!(queue.remove(links, thread(index)), at.map(level));
                    model.iter_mut().for_each(|list| list.retain(|other| *other != index));
                }
                Step::Requeue(index, to) => {
                    let at = find(&model, index);
                    prop_assert_eq!(queue.requeue(links, thread(index), level(to)), at.map(level));
                    if at.is_some() {
                        model.iter_mut().for_each(|list| list.retain(|other| *other != index));
                        model[to as usize].push_back(index);
                    }
                }
                Step::Yield(index, at) if find(&model, index).is_none() => {
                    let gives_way = model[at as usize..].iter().any(|list| !list.is_empty());
                    let next = if gives_way { pop(&mut model) } else { None };
                    if gives_way {
                        model[at as usize].push_back(index);
                    }
                    prop_assert_eq!(queue.yield_to(links, thread(index), level(at)), next.map(thread));
                }
                Step::Yield(..) => {}
            }
            let best = model.iter().rposition(|list| !list.is_empty()).map(|best| level(best as u8));
            prop_assert_eq!(queue.best(), best);
            prop_assert_eq!(queue.is_empty(), best.is_none());
            let below = model[..6].iter().rposition(|list| !list.is_empty()).map(|best| level(best as u8));
            prop_assert_eq!(queue.best_below(level(6)), below);
            prop_assert_eq!(queue.best_below(level(0)), None);
            for (at, list) in model.iter().enumerate() {
                prop_assert_eq!(queue.first(level(at as u8)), list.front().copied().map(thread));
                prop_assert_eq!(queue.has(level(at as u8)), !list.is_empty());
            }
        }
    }
}
