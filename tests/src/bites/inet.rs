//! Broken variants of the internet layers, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const INET: &[Bite] = &[
    inet(
        "inet-sum-unchecked",
        "frames::sums_are_checked_unless_the_card_has",
        "any sum of a transport is right",
    ),
    inet(
        "inet-land-admitted",
        "tables::land_and_other_strangers_are_not_admitted",
        "somebody on the link may be this host",
    ),
    inet(
        "inet-learns-unasked",
        "neighbours::nobody_is_learnt_of_unasked",
        "whoever says where it is, is learnt of",
    ),
    inet(
        "inet-asks-without-limit",
        "neighbours::a_scan_fills_nothing_and_floods_nobody",
        "each packet to nobody is a question to everybody",
    ),
    inet(
        "inet-discovery-from-afar",
        "hosts::discovery_from_behind_a_router_is_dropped",
        "neighbour discovery is believed whoever sent it from wherever",
    ),
    inet("inet-overlaps-taken", "fragments::overlaps_end_a_packet", "a fragment may lie across another one"),
    inet(
        "inet-fragments-unbounded",
        "fragments::a_flood_of_fragments_is_bounded_and_others_are_served",
        "one source may have all packets that are under way",
    ),
    inet(
        "inet-errors-believed",
        "icmp::forged_errors_are_not_believed",
        "errors about what was never sent count",
    ),
    inet(
        "inet-answers-from-anybody",
        "dns::forged_answers_are_not_looked_at",
        "anybody may answer a question",
    ),
];

const fn inet(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-inet", file: "inet", test } }
}
