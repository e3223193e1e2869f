//! Broken variants of the network server, and of what programs link that use it.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const SOCKETS: &[Bite] = &[
    net(
        "net-rings-freed-early",
        "streams::futures_dropped_anywhere",
        "a socket's rings are given to another one while the server still uses them",
    ),
    net(
        "net-overrun-believed",
        "deaths::lies_end_the_socket",
        "more is read than the server may have written",
    ),
    net("net-taken-believed", "deaths::lies_end_the_socket", "more is written than there is room for"),
    net(
        "net-question-forgotten",
        "streams::halves_in_tasks_of_their_own",
        "a half that writes takes the answer that the other one waits for",
    ),
    server(
        "net-nobody-forwards",
        "frames::segments_at_any_thread_find_their_connection",
        "a thread takes segments of others' connections",
    ),
    server(
        "net-bytes-after-the-end",
        "streams::what_comes_with_the_end_is_there",
        "the bytes of a connection's last segment go nowhere, since it has ended by then",
    ),
    server(
        "net-cards-drop",
        "cards::what_a_driver_has_no_room_for_waits",
        "a frame is dropped when the driver has as many as it may",
    ),
    server(
        "net-kept-in-place",
        "kept::whenever_it_ends_each_connection_is_whole",
        "what is kept of a connection is half old and half new for a moment",
    ),
    server(
        "net-left-untold",
        "kept::a_successor_knows_of_each_connection_and_ends_it",
        "a dead server's connections are left to their time-outs",
    ),
    server(
        "net-piece-never-looked-at-again",
        "pieces::what_is_taken_away_while_it_is_copied_is_not_sent",
        "bytes of a piece are sent though they were taken away while they were copied",
    ),
    server(
        "net-piece-of-any-memory",
        "pieces::words_of_another_memory_say_nothing",
        "a piece is sent as long as something lies where it did",
    ),
    server(
        "net-pieces-anywhere",
        "pieces::lies_are_refused",
        "pieces may lie over each other, and over what was sent already",
    ),
    server(
        "net-shown-for-ever",
        "pieces::a_program_that_ends_has_nothing_mapped",
        "what a program has shown stays mapped when it has ended",
    ),
    net(
        "net-source-dropped-early",
        "pieces::a_source_is_kept_until_all_is_acknowledged_and_no_longer",
        "nobody can read again what was lent, since its file was closed when it was written",
    ),
    net(
        "net-fills-what-was-taken",
        "pieces::a_storm_of_pieces",
        "a lost piece is put over bytes that have its place in the ring by now",
    ),
    net(
        "net-fills-after-the-end",
        "pieces::nothing_is_put_into_rings_that_are_anothers",
        "a lost piece is put into a ring that was given to another socket",
    ),
];

const fn server(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "net", file: "net", test } }
}

const fn net(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-net", file: "client", test } }
}
