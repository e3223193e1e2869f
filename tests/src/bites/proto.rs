//! Broken variants of typed interfaces, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const PROTO: &[Bite] = &[
    proto(
        "proto-asks-twice",
        "what_is_idempotent_survives_a_death_and_nothing_else",
        "a question that does harm if it is asked twice is asked of a successor",
    ),
    proto("proto-length-believed", "a_lie_is_seen", "a client believes how many bytes the answer has"),
    proto(
        "proto-no-fingerprint",
        "another_interface_has_another_fingerprint",
        "methods are not in the fingerprint",
    ),
];

const fn proto(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-proto", file: "interface", test } }
}
