//! Broken variants of the log ring, judged by its models.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const LOGRING: &[Bite] = &[
    model(
        "logring-no-recheck",
        "an_overtaken_reader_notices",
        "a reader does not look whether a record was overwritten while it copied",
    ),
    model(
        "logring-claim-in-two",
        "nested_writers_keep_their_slots",
        "a writer that another interrupts claims the same slot",
    ),
];

const fn model(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Model { package: "anax-logring", file: "logring_loom", test } }
}
