//! The heap against a table, and what it costs, in visits to nodes.

use std::cell::Cell;
use std::iter;

use anax_timers::{Heap, Node, Timed};
use proptest::prelude::*;

thread_local! {
    /// Nodes visited by this test.
    static VISITS: Cell<u64> = const { Cell::new(0) };
}

#[derive(Debug)]
struct Item<'a> {
    node: Node<'a, Item<'a>>,
    number: usize,
}

impl<'a> Timed<'a> for Item<'a> {
    fn node(&self) -> &Node<'a, Self> {
        VISITS.with(|visits| visits.set(visits.get() + 1));
        &self.node
    }
}

fn items<'a>(count: usize) -> Vec<Item<'a>> {
    (0..count).map(|number| Item { node: Node::new(), number }).collect()
}

/// What is due by `now`, in the order in which it is taken; at most `limit`.
fn taken<'a>(heap: &Heap<'a, Item<'a>>, now: u64, limit: usize) -> Vec<usize> {
    iter::from_fn(|| heap.take_due(now)).map(|item| item.number).take(limit).collect()
}

/// Numbers below `count`, each once, in an order that looks random.
fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    (0..count).map(move |number| (number * 7919 + 13) % count)
}

#[test]
fn due_in_order_and_not_early() {
    let items = items(5);
    let heap = Heap::new();
    for (item, at) in items.iter().zip([30, 10, 50, 20, 40]) {
        heap.set(item, at);
    }
    assert_eq!(heap.earliest(), Some(10));
    assert_eq!(taken(&heap, 9, 9), []);
    assert_eq!(taken(&heap, 30, 9), [1, 3, 0]);
    assert_eq!(heap.earliest(), Some(40));
    assert_eq!(taken(&heap, u64::MAX, 9), [4, 2]);
    assert_eq!(heap.earliest(), None);
}

#[test]
fn a_cancelled_deadline_does_not_come() {
    let items = items(4);
    let heap = Heap::new();
    for (item, at) in items.iter().zip([1, 2, 3, 4]) {
        heap.set(item, at);
    }
    assert!(heap.cancel(&items[2]));
    assert!(!items[2].node.is_set());
    assert!(!heap.cancel(&items[2]), "it was cancelled already");
    assert!(heap.cancel(&items[0]), "the earliest");
    assert_eq!(taken(&heap, 9, 9), [1, 3]);
    assert!(!heap.cancel(&items[1]), "it has come already");
}

#[test]
fn one_that_is_set_again_moves() {
    let items = items(3);
    let heap = Heap::new();
    for (item, at) in items.iter().zip([1, 2, 3]) {
        heap.set(item, at);
    }
    heap.set(&items[0], 9);
    heap.set(&items[2], 1);
    heap.set(&items[1], 2);
    assert_eq!(taken(&heap, 9, 9), [2, 1, 0]);
}

#[test]
fn none_of_many_is_lost() {
    const COUNT: usize = 10_007;
    let items = items(COUNT);
    let heap = Heap::new();
    for at in shuffled(COUNT as u64) {
        heap.set(&items[at as usize], at);
    }
    assert!(taken(&heap, u64::MAX, COUNT + 1).into_iter().eq(0..COUNT));
    assert!(items.iter().all(|item| !item.node.is_set()));
}

fn visits(work: impl FnOnce()) -> u64 {
    let before = VISITS.get();
    work();
    VISITS.get() - before
}

/// Setting and cancelling one while many others wait takes the same few steps as alone: the call that is answered in time.
#[test]
fn a_deadline_that_never_comes_costs_the_same_among_many() {
    let items = items(10_008);
    let heap = Heap::new();
    let pair = || {
        visits(|| {
            heap.set(&items[10_007], 1_000_000);
            heap.cancel(&items[10_007]);
        })
    };
    heap.set(&items[0], 0);
    let alone = pair();
    for at in shuffled(10_007).filter(|&at| at != 0) {
        heap.set(&items[at as usize], at);
    }
    // The neighbour it gets for a moment is visited as well, coming and going.
    assert!(pair() <= alone + 2, "{} visits, {alone} alone", pair());
}

/// 10,007 is about 2^13.3; a meld visits a node ten times or fewer.
#[test]
fn taking_all_costs_n_log_n_in_any_order() {
    const COUNT: u64 = 10_007;
    let orders: [(&str, Vec<u64>); 3] = [
        ("rising", (0..COUNT).collect()),
        ("falling", (0..COUNT).rev().collect()),
        ("shuffled", shuffled(COUNT).collect()),
    ];
    for (name, order) in orders {
        let items = items(COUNT as usize);
        let heap = Heap::new();
        let cost = visits(|| {
            for (item, at) in items.iter().zip(order) {
                heap.set(item, at);
            }
            // Every second one is cancelled, wherever it stands by then.
            while let Some(first) = heap.take_due(u64::MAX) {
                heap.cancel(&items[(first.number * 31 + 7) % COUNT as usize]);
            }
        });
        assert!(cost < COUNT * 14 * 10, "{name}: {cost} visits");
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u64),
    Cancel(usize),
    TakeDue(u64),
}

const ITEMS: usize = 24;

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..ITEMS, 0..100u64).prop_map(|(item, at)| Step::Set(item, at)),
        2 => (0..ITEMS).prop_map(Step::Cancel),
        1 => (0..100u64).prop_map(Step::TakeDue),
    ]
}

proptest! {
    #[test]
    fn a_heap_is_a_table_of_deadlines(steps in prop::collection::vec(step(), 0..300)) {
        let items = items(ITEMS);
        let heap = Heap::new();
        let mut table = [None; ITEMS];
        for step in steps {
            match step {
                Step::Set(item, at) => {
                    heap.set(&items[item], at);
                    table[item] = Some(at);
                }
                Step::Cancel(item) => prop_assert_eq!(heap.cancel(&items[item]), table[item].take().is_some()),
                Step::TakeDue(now) => {
                    for _ in 0..=ITEMS {
                        let expected = table.iter().flatten().min().copied().filter(|&at| at <= now);
                        let due = heap.take_due(now);
                        prop_assert_eq!(due.map(|item| item.node.at()), expected);
                        let Some(due) = due else { break };
                        prop_assert_eq!(table[due.number].take(), expected);
                    }
                }
            }
            prop_assert_eq!(heap.earliest(), table.iter().flatten().min().copied());
            for (item, at) in items.iter().zip(table) {
                prop_assert_eq!(item.node.is_set().then(|| item.node.at()), at);
            }
        }
    }
}
