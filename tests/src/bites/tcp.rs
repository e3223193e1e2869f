//! Broken variants of the TCP engine, judged by its own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const TCP: &[Bite] = &[
    tcp(
        "tcp-takes-all",
        "owners::what_is_anothers_changes_nothing",
        "an engine takes segments of other protocol threads' connections",
    ),
    tcp(
        "tcp-challenges-all",
        "hostile::blind_resets_syns_and_data_do_nothing",
        "every segment that is doubted is answered",
    ),
    tcp(
        "tcp-places-again",
        "orders::every_order_of_segments_that_overlap",
        "bytes that were delivered are placed again",
    ),
    tcp(
        "tcp-counts-acknowledgements",
        "hostile::acknowledgements_that_are_cut_up_open_no_more",
        "the window grows by a segment for each acknowledgement, however little it acknowledges",
    ),
    tcp(
        "tcp-resets-where-it-sends",
        "keeping::who_ends_what_was_left_says_so_behind_all_that_was_sent",
        "a reset behind a time-out has a number that the other end is past",
    ),
    tcp(
        "tcp-resets-within-the-window",
        "scenarios::every_scenario_holds",
        "any number within the window resets a connection",
    ),
    tcp(
        "tcp-go-back",
        "scenarios::every_scenario_holds",
        "after a time-out what has arrived is sent again, too",
    ),
    tcp(
        "tcp-any-is-next",
        "orders::every_order_of_six_segments",
        "a segment within the window is taken for the one that was expected",
    ),
    tcp(
        "tcp-acknowledges-beyond",
        "scenarios::every_scenario_holds",
        "whoever has probed a closed window acknowledges from beyond it, and is not heard",
    ),
    tcp(
        "tcp-forgets-deadlines",
        "scenarios::every_scenario_holds",
        "a connection is not called when its delayed acknowledgement is due",
    ),
];

const fn tcp(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-tcp", file: "tcp", test } }
}
