//! Wait queues against a plain queue.
#![cfg(not(loom))]

use anax_lwkt::list::{Link, ThreadIndex};
use anax_lwkt::waitqueue::{Block, WaitCounter, WaitQueue};
use proptest::prelude::*;
use std::collections::VecDeque;

#[test]
fn a_signal_between_look_and_sleep_is_not_lost() {
    let (mut queue, counter, mut links) = (WaitQueue::new(), WaitCounter::new(), [Link::FREE; 2]);
    let links = links.as_mut_slice();
    let seen = counter.generation();
    assert_eq!(queue.signal(links, &counter, 1, |_, _| panic!("nobody waits")), 0);
    assert_eq!(queue.block(links, &counter, ThreadIndex(0), seen), Block::Moved);
    let seen = counter.generation();
    assert_eq!(queue.block(links, &counter, ThreadIndex(0), seen), Block::Queued);
    assert_eq!(queue.block(links, &counter, ThreadIndex(1), seen), Block::Queued);
    let mut woken = vec![];
    assert_eq!(queue.signal(links, &counter, usize::MAX, |_, thread| woken.push(thread.0)), 2);
    assert_eq!(woken, [0, 1]);
    assert!(!queue.remove(links, ThreadIndex(0)), "already woken");
}

#[test]
fn the_woken_may_wait_again() {
    let (mut queue, counter, mut links) = (WaitQueue::new(), WaitCounter::new(), [Link::FREE; 3]);
    let links = links.as_mut_slice();
    for index in 0..3 {
        assert_eq!(queue.block(links, &counter, ThreadIndex(index), counter.generation()), Block::Queued);
    }
    let mut woken = vec![];
    queue.signal(links, &counter, usize::MAX, |_, thread| woken.push(thread));
    for thread in woken {
        assert_eq!(queue.block(links, &counter, thread, counter.generation()), Block::Queued);
    }
    assert_eq!(queue.signal(links, &counter, 0, |_, _| panic!("none asked for")), 0);
    assert_eq!(queue.signal(links, &counter, 2, |_, _| ()), 2);
    assert!(!queue.is_empty());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Look(u32),
    Block(u32),
    Signal(usize),
    Remove(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u32).prop_map(Step::Look),
        (0..6_u32).prop_map(Step::Block),
        prop_oneof![0..4_usize, Just(usize::MAX)].prop_map(Step::Signal),
        (0..6_u32).prop_map(Step::Remove),
    ]
}

proptest! {
    /// A thread sleeps only if no signal came since it looked; the woken are the oldest.
    #[test]
    fn a_wait_queue_is_its_model(steps in prop::collection::vec(step(), 0..100)) {
        let (mut queue, counter, mut links) = (WaitQueue::new(), WaitCounter::new(), [Link::FREE; 6]);
        let links = links.as_mut_slice();
        let (mut model, mut signals, mut looked) = (VecDeque::new(), 0, [(counter.generation(), 0); 6]);
        for step in steps {
            match step {
                Step::Look(index) => looked[index as usize] = (counter.generation(), signals),
                Step::Block(index) if !model.contains(&index) => {
                    let (seen, then) = looked[index as usize];
                    let expected = if then == signals { Block::Queued } else { Block::Moved };
                    prop_assert_eq!(queue.block(links, &counter, ThreadIndex(index), seen), expected);
                    if expected == Block::Queued {
                        model.push_back(index);
                    }
                }
                Step::Block(_) => {}
                Step::Signal(count) => {
                    let mut woken = vec![];
                    signals += 1;
                    let number = queue.signal(links, &counter, count, |_, thread| woken.push(thread.0));
                    let expected: Vec<u32> = model.drain(..count.min(model.len())).collect();
                    prop_assert_eq!(number, woken.len());
                    prop_assert_eq!(woken, expected);
                }
                Step::Remove(index) => {
                    let waits = model.contains(&index);
                    prop_assert_eq!(queue.remove(links, ThreadIndex(index)), waits);
                    model.retain(|other| *other != index);
                }
            }
            prop_assert_eq!(queue.is_empty(), model.is_empty());
        }
    }
}
