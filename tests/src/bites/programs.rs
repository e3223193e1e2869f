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
        "init",
        "init-drivers-may-hog",
        "a_driver_that_keeps_the_cpu_becomes_less_urgent",
        "a driver that never waits keeps its clients from the CPU for ever",
    ),
    host(
        "devmgr",
        "devmgr-same-epoch-again",
        "a_driver_that_dies_while_it_comes_up_costs_an_epoch",
        "what the client asked of a driver that did not come up, the next one never hears of",
    ),
    host(
        "devmgr",
        "devmgr-blames-the-successor",
        "a_client_can_have_its_driver_ended_and_nobody_else_s",
        "what a client has against a driver is held against the next one",
    ),
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
