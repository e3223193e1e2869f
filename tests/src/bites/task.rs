//! Broken variants of the executor and of typed clients for tasks, judged by their own tests and model.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const TASK: &[Bite] = &[
    host(
        "task-buffers-dropped-at-cancel",
        "calls::a_cancelled_call_keeps_its_buffers_until_its_reply",
        "a call that is dropped takes its buffers along while somebody may still write there",
    ),
    host(
        "task-stale-token-believed",
        "calls::a_stale_token_is_not_believed",
        "a reply ends whatever is under way in its place",
    ),
    host(
        "task-abort-unsaid",
        "time::a_time_out_ends_what_takes_too_long",
        "whoever serves a call is not told that nobody waits for it any more",
    ),
    host("task-line-jumped", "calls::one_too_many_waits_in_line", "whoever comes last is the next to call"),
    host(
        "task-port-starves",
        "scheduling::a_ready_task_does_not_starve_the_port",
        "the port is looked at only when no task can run",
    ),
    host(
        "task-request-forgotten",
        "incoming::a_request_that_is_dropped_is_answered",
        "a request that is dropped is never answered",
    ),
    host(
        "task-doorbell-each",
        "channels::many_go_by_one_doorbell",
        "each request in a channel is shown, and rung for, by itself",
    ),
    typed(
        "proto-async-asks-twice",
        "what_is_idempotent_survives_a_death_and_nothing_else",
        "a task's question that does harm if it is asked twice is asked of a successor",
    ),
    typed(
        "proto-async-length-believed",
        "a_lie_is_seen",
        "a task's client believes how many bytes the answer has",
    ),
    Bite {
        name: "task-group-first",
        breaks: "a group of tasks is marked before the task in it",
        judge: Judge::Model { package: PACKAGE, file: "ready_loom", test: "no_wake_is_lost" },
    },
];

const PACKAGE: &str = "anax-task";

const fn typed(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-proto", file: "asynchronous", test } }
}

const fn host(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: PACKAGE, file: "executor", test } }
}
