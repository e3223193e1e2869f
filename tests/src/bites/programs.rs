//! Broken variants of programs, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host, but for the kernel's part in it.
pub(super) const PROGRAMS: &[Bite] = &[
    host(
        "init",
        "init-second-serves",
        "a_second_process_of_a_server_takes_nobody_s_place",
        "whoever starts a server's program takes the server's place",
    ),
    host(
        "names",
        "names-calls-upwards",
        "nobody_calls_upwards",
        "a program finds services of its own layer and above",
    ),
    host(
        "init",
        "init-asks-too-early",
        "nobody_is_asked_who_is_only_being_started",
        "a program that is being started counts as one that runs",
    ),
    host(
        "serial",
        "serial-one-look",
        "what_comes_while_the_driver_looks_is_not_left_there",
        "the driver looks at its device once, and leaves an interrupt pending",
    ),
    host(
        "control",
        "control-any-end",
        "another_process_s_end_changes_nothing",
        "the end of any process is taken for that of the one that is waited for",
    ),
    host(
        "control",
        "control-runs-twice",
        "link::what_is_sent_again_runs_once",
        "a command line that is sent again is run again",
    ),
    host(
        "control",
        "control-lost-stays-lost",
        "link::what_the_line_may_have_lost_is_sent_again",
        "what the line's driver held when it died is not sent again",
    ),
    host(
        "init",
        "init-judges-the-starved",
        "a_hang_needs_work_and_the_cpu",
        "a server that has had no CPU is ended for that",
    ),
    host(
        "init",
        "init-keeps-halves",
        "a_loader_that_hangs_or_dies_is_replaced_at_once",
        "a program that a loader died over is not loaded by the next one, since half of it is there",
    ),
    Bite {
        name: "init-blind-on-its-cpu",
        breaks: "takes whoever init has interrupted for somebody who waits, and so sees no hang on init's CPU",
        judge: Judge::System("mishaps.devmgr"),
    },
    Bite {
        name: "init-asks-only-queues",
        breaks: "lets somebody hang over the last message that he has received",
        judge: Judge::System("mishaps.names"),
    },
    Bite {
        name: "thread-number-again",
        breaks: "gives a thread the number of one that has ended",
        judge: Judge::System("system.an-end-is-nobody-else-s"),
    },
];

/// Each has one file of tests, by the package's name.
const fn host(package: &'static str, name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package, file: package, test } }
}
