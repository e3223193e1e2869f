//! Broken variants of what programs link that use the network.

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
];

const fn net(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-net", file: "client", test } }
}
