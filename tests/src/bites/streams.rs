//! Broken variants of standard streams.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const STREAMS: &[Bite] = &[
    pipes(
        "stream-nobody-reads",
        "rules::without_readers_nobody_writes",
        "a pipe takes bytes that nobody can read any more",
    ),
    pipes(
        "stream-endless",
        "rules::a_waiting_reader_is_told_of_the_end",
        "whoever waits for bytes never learns that none will come",
    ),
    pipes(
        "stream-writers-never-wait",
        "rules::a_full_pipe_lets_writers_wait_in_order",
        "a full pipe takes bytes, and loses them",
    ),
    pipes(
        "stream-fed-to-the-dead",
        "rules::the_dead_get_nothing",
        "bytes are lost with a reader that has died over its question",
    ),
    pipes(
        "stream-either-end",
        "rules::an_end_is_for_one_direction",
        "each end of a pipe can be read and written",
    ),
    control(
        "control-anybody-reads",
        "input::only_the_program_in_the_foreground_reads",
        "any program gets what is typed for another",
    ),
    control(
        "control-one-stream",
        "input::two_streams_are_printed_apart",
        "standard error goes where standard output does",
    ),
];

const fn pipes(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-stream", file: "pipes", test } }
}

const fn control(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "control", file: "control", test } }
}
