//! Broken variants of what a program starts with and links, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const PROGRAM: &[Bite] = &[
    startup("start-length-believed", "a_length_is_not_believed", "a start area is as long as it says"),
    startup("start-unbounded", "counts_are_not_believed", "a program can be told any number of arguments"),
    Bite {
        name: "frames-anywhere",
        breaks: "a backtrace follows a chain of frames downwards, off the stack",
        judge: Judge::Host { package: "anax-sys", file: "frames", test: "chains_that_lead_astray" },
    },
    program("lock-for-all", "lock", "one_at_a_time", "the lock of a program's globals keeps nobody out"),
    program(
        "random-repeats",
        "random",
        "seed_and_time_decide",
        "a program that is started again has the same random numbers",
    ),
    program(
        "owned-lingers",
        "owned",
        "each_kind_ends_in_its_way",
        "a port outlives its owner where others have handles to it",
    ),
    program(
        "mapping-stays",
        "owned",
        "memory_is_unmapped_before_its_region_goes",
        "memory stays mapped after its owner has let go of it",
    ),
    Bite {
        name: "service-asks-the-dead",
        breaks: "a client goes on asking a server that had died",
        judge: Judge::Host {
            package: "anax-service",
            file: "successor",
            test: "who_had_died_before_is_not_asked_but_the_successor",
        },
    },
    Bite {
        name: "service-offers-stay",
        breaks: "handles of a message that finds nobody go along with the next one, to names, which refuses it",
        judge: Judge::Host {
            package: "anax-service",
            file: "successor",
            test: "handles_go_to_nobody_else_when_the_server_has_died",
        },
    },
    Bite {
        name: "service-blames-the-sender",
        breaks: "a server is taken for a liar if what it gives dies on its way",
        judge: Judge::Host {
            package: "anax-service",
            file: "successor",
            test: "what_dies_on_its_way_is_nobody_s_fault",
        },
    },
    Bite {
        name: "devmgr-starts-unfenced",
        breaks: "a device that a dead driver has left at work gets a driver all the same, and its client waits for ever",
        judge: Judge::Host {
            package: "devmgr",
            file: "devmgr",
            test: "what_has_died_with_the_manager_is_fenced_and_its_client_told",
        },
    },
    Bite {
        name: "devmgr-all-hand-over",
        breaks: "a driver with an interface of its own is asked to quiesce, which is another method there",
        judge: Judge::Host {
            package: "devmgr",
            file: "devmgr",
            test: "a_driver_with_an_interface_of_its_own_is_replaced_by_a_start",
        },
    },
    Bite {
        name: "init-gives-drivers-up",
        breaks: "clients of a driver that was killed are told that it will not come again",
        judge: Judge::Host { package: "init", file: "init", test: "who_waits_for_a_driver_goes_on_waiting" },
    },
];

const fn startup(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-startup", file: "startup", test } }
}

const fn program(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax", file, test } }
}
