//! Walks over stacks that a bug has written over: nothing but the stack is read, and they end.

use anax_sys::frames::{Chain, DEPTH, REACH};

/// Walks a stack of words that begins at `BASE`; reading outside it is what must not happen.
fn walk(stack: &[u64], first_stack: u64) -> Vec<u64> {
    let mut chain = Chain::new(BASE, first_stack);
    let mut found = Vec::new();
    let word = |address: u64| stack[usize::try_from((address - BASE) / 8).unwrap()];
    while let Some(caller) = chain.next(|frame| [word(frame), word(frame + 8)]) {
        found.push(caller);
    }
    found
}

const BASE: u64 = 0x10000;

#[test]
fn a_chain_that_ends_as_it_should() {
    assert_eq!(walk(&[BASE + 24, 7, 0, 0, 8, 0], BASE + 48), [7, 8]);
}

#[test]
fn chains_that_lead_astray() {
    // Not aligned; to itself; downwards; into the frame before; beyond the end by a word; without a caller.
    for next in [BASE + 20, BASE, BASE - 16, BASE + 8, BASE + 24, u64::MAX - 7] {
        assert_eq!(walk(&[next, 7, 1, 1], BASE + 32), [7], "{next:#x}");
    }
    assert_eq!(walk(&[BASE + 16, 0, 0, 9], BASE + 32), []);
}

#[test]
fn the_end_of_the_first_stack_holds_on_that_stack_alone() {
    let beyond = |first_stack| {
        let mut chain = Chain::new(BASE, first_stack);
        assert_eq!(chain.next(|_| [BASE + REACH - 16, 7]), Some(7));
        chain.next(|_| [0, 8])
    };
    assert_eq!(beyond(BASE + 64), None);
    assert_eq!(beyond(0), Some(8));
    assert_eq!(beyond(BASE - 64), Some(8));
    assert_eq!(beyond(BASE + 2 * REACH), Some(8));
}

#[test]
fn a_walk_is_bounded() {
    let stack: Vec<u64> = (0..100).flat_map(|index| [BASE + 16 * (index + 1), 5]).collect();
    assert_eq!(walk(&stack, 0).len(), DEPTH);
}
