//! Broken variants of the threads' queues, policies and crossbar, judged by their own tests and models.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const LWKT: &[Bite] = &[
    host("list-twice", "runqueue", "nobody_is_queued_twice", "a thread may be put on two queues"),
    host(
        "runqueue-stale-bit",
        "runqueue",
        "a_run_queue_is_its_model",
        "an emptied priority level still counts as occupied",
    ),
    host(
        "preempt-in-critical",
        "runqueue",
        "only_interrupt_threads_preempt",
        "interrupt threads preempt inside critical sections",
    ),
    host(
        "preempt-no-return",
        "runqueue",
        "control_returns_to_the_preempted_first",
        "a preemptor that blocks gives the CPU to the run queue, not to its victim",
    ),
    host(
        "wait-generation-stays",
        "waitqueue",
        "a_signal_between_look_and_sleep_is_not_lost",
        "a signal does not move the generation on",
    ),
    host(
        "usched-no-preempt",
        "usched",
        "an_interactive_thread_preempts_hogs",
        "an interactive thread waits for a hog's slice to end",
    ),
    host(
        "usched-no-boost",
        "usched",
        "an_interactive_thread_beside_hogs_runs_within_a_slice",
        "a thread that sleeps gains nothing by it",
    ),
    host(
        "usched-no-decay",
        "usched",
        "a_hog_that_turns_interactive_floats_up",
        "a hog's past is never forgiven",
    ),
    host(
        "usched-no-aging",
        "usched",
        "a_waiting_thread_rises_past_a_stream_of_newcomers",
        "waiting does not raise a thread",
    ),
    host("usched-no-debt", "usched", "rr_shares_within_two_per_cent", "overrunning a slice costs nothing"),
    host(
        "usched-remove-forgets",
        "usched",
        "a_change_of_policy_lets_every_thread_go_on",
        "a change of policy loses waiting threads",
    ),
    host(
        "crossbar-no-reserve",
        "crossbar",
        "the_reserve_is_for_nested_senders",
        "the last slots of a ring are anybody's",
    ),
    host(
        "crossbar-passive-silent",
        "crossbar",
        "a_ring_full_of_passive_entries_is_signalled",
        "passive entries never ring",
    ),
    host(
        "crossbar-credit-lost",
        "crossbar",
        "user_messages_hold_half_and_get_it_back",
        "credits of user messages do not come back",
    ),
    model(
        "wait-no-generation",
        "waitqueue_loom",
        "no_wake_up_is_lost",
        "a signal between look and sleep is lost",
    ),
    model(
        "crossbar-publish-first",
        "crossbar_loom",
        "nothing_lost_nothing_reordered_and_always_notified",
        "an entry is published before it is written",
    ),
    model(
        "crossbar-answer-last",
        "crossbar_loom",
        "nothing_lost_nothing_reordered_and_always_notified",
        "the bell is answered after the rings were drained",
    ),
    model(
        "crossbar-release-first",
        "crossbar_loom",
        "a_slot_is_used_again_only_when_read",
        "a slot is given back before it is read",
    ),
    model(
        "crossbar-watch-blind",
        "crossbar_loom",
        "a_target_that_watches_misses_nothing",
        "a target that begins to watch its bell does not look at what is there",
    ),
];

const fn host(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-lwkt", file, test } }
}

const fn model(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Model { package: "anax-lwkt", file, test } }
}
