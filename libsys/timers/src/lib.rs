//! Deadlines in order, each in a node that its owner brings: nothing is allocated, and nothing can be full.
//!
//! Most deadlines never come: a call with a time-out is answered first. So setting and cancelling are what must be cheap, and a
//! pairing heap makes both a handful of stores: a new deadline becomes a child of the root after one comparison, and one that has no
//! children is unlinked from its neighbours. The order among the others is worked out only when the earliest is taken, in
//! amortised O(log n); a single removal can cost as much as there are deadlines set since the last one. (Fredman, Sedgewick,
//! Sleator and Tarjan, "The pairing heap: a new form of self-adjusting heap", Algorithmica 1, 1986.)
//!
//! The kernel has one [`Heap`] a CPU and takes its one-shot timer for the hardware; a user-land event loop has one a thread.
//! Times are numbers that grow, in nanoseconds as a rule; nothing here asks what time it is.
#![no_std]
#![forbid(unsafe_code)]

mod heap;
mod node;

pub use heap::Heap;
pub use node::{Node, Timed};
