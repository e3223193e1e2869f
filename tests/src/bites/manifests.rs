//! Broken variants of the rules about manifests, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const MANIFESTS: &[Bite] = &[
    manifests(
        "manifest-sideways",
        "order::nobody_waits_sideways_or_upwards",
        "a program may wait for one of its own layer",
    ),
    manifests(
        "manifest-first-need",
        "order::needs_decide_before_layers_and_through_what_starts_on_demand",
        "a program is started when the first of its needs is met",
    ),
    manifests(
        "manifest-unchecked",
        "bytes::what_breaks_a_rule_is_not_decoded",
        "manifests from the archive are believed",
    ),
];

const fn manifests(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-manifest", file: "manifests", test } }
}
