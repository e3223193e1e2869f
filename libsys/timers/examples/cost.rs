//! What setting and cancelling costs, for an instruction counter: `valgrind --tool=callgrind target/release/examples/cost pairs 100000 0`.
//!
//! Take the difference of two runs with different counts. What is printed depends on every deadline having come or been cancelled.

use std::hint::black_box;

use anax_timers::{Heap, Node, Timed};

struct Item<'a>(Node<'a, Item<'a>>);

impl<'a> Timed<'a> for Item<'a> {
    fn node(&self) -> &Node<'a, Self> {
        &self.0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [what, count, others] = arguments.as_slice() else {
        return Err("usage: cost pairs|rounds COUNT OTHERS".into());
    };
    let (count, others): (u64, u64) = (count.parse()?, others.parse()?);
    let items: Vec<_> = (0..=others).map(|_| Item(Node::new())).collect();
    let heap = Heap::new();
    for (item, at) in items[1..].iter().zip((0..others).map(|number| (number * 7919 + 13) % others)) {
        heap.set(item, at);
    }
    let numbers = others..others + count;
    let done = match what.as_str() {
        // A time-out that does not come, later than all others.
        "pairs" => numbers
            .filter(|&number| {
                heap.set(&items[0], black_box(number));
                heap.cancel(black_box(&items[0]))
            })
            .count(),
        // The earliest comes, and is set again behind all others.
        "rounds" => numbers
            .filter(|&number| heap.take_due(u64::MAX).map(|item| heap.set(item, black_box(number))).is_some())
            .count(),
        _ => return Err("pairs or rounds".into()),
    };
    assert_eq!(done as u64, count, "a deadline was lost");
    println!("{count} {what} beside {others}");
    Ok(())
}
