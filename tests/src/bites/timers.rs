//! Broken variants of the heap of deadlines, judged by its own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const TIMERS: &[Bite] = &[
    host(
        "timers-order",
        "due_in_order_and_not_early",
        "of two deadlines the later one is taken for the earlier",
    ),
    host(
        "timers-cancel-leaves",
        "a_cancelled_deadline_does_not_come",
        "a cancelled deadline stays in the heap unless it is the earliest",
    ),
    host(
        "timers-merge-drops",
        "none_of_many_is_lost",
        "only some of the deadlines after the earliest are kept",
    ),
];

const fn host(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-timers", file: "heap", test } }
}
