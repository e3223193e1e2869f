//! Broken variants of what judges a guest's network: streams with patterns, and who verifies them.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const PEER: &[Bite] = &[
    Bite {
        name: "pattern-rest-unchecked",
        breaks: "the last bytes of a piece, if they are no whole word, are not looked at",
        judge: Judge::Host { package: "anax-pattern", file: "pattern", test: "any_change_is_found" },
    },
    Bite {
        name: "netpeer-serves-wrong",
        breaks: "one bit of a stream from the services is wrong",
        judge: Judge::Host { package: "netpeer", file: "loopback", test: "streams_both_ways" },
    },
];
