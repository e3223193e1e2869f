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
];

const fn server(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "net", file: "net", test } }
}

const fn net(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-net", file: "client", test } }
}
