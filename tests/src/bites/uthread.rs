//! Broken variants of the threads scheduled in user-land, judged by their own tests and model.

use super::{Bite, Judge};

const PACKAGE: &str = "anax-uthread";

/// They are judged on the host.
pub(super) const UTHREAD: &[Bite] = &[
    host(
        "uthread-crit-never-defers",
        "critical::a_more_urgent_thread_waits_for_the_end_of_the_section",
        "a more urgent thread that is woken runs at once, in critical sections, too",
    ),
    host(
        "uthread-wait-no-recheck",
        "waiting::a_signal_between_look_and_sleep_is_not_lost",
        "a thread sleeps whatever came since it looked",
    ),
    host(
        "uthread-guard-unwatched",
        "stacks::an_overflow_is_noticed_and_says_whose",
        "nobody looks at a stack's guard word",
    ),
    host(
        "uthread-generation-stays",
        "calls::a_freed_thread_is_not_mistaken_for_its_successor",
        "a thread that was freed is taken for its successor",
    ),
    Bite {
        name: "uthread-inbox-bit-first",
        breaks: "a queue is marked before its waiters are counted",
        judge: Judge::Model { package: PACKAGE, file: "inbox_loom", test: "two_signals_to_two_groups" },
    },
];

const fn host(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: PACKAGE, file: "threads", test } }
}
