//! Broken variants of the kernel's logic, judged by its own tests and models.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const KERNEL_CORE: &[Bite] = &[
    host(
        "handles-no-generation",
        "handles",
        "a_handle_is_good_until_it_is_removed",
        "a removed handle still works",
    ),
    host(
        "handles-no-revoke",
        "handles",
        "revocation_kills_every_handle_and_sweeping_frees_them",
        "revocation is not looked at",
    ),
    host("handles-no-rights", "handles", "rights_only_shrink", "narrowing can widen"),
    host(
        "handles-ignore-posted",
        "handles",
        "the_limit_counts_what_is_set_aside",
        "reserved slots do not count against the limit",
    ),
    host(
        "handles-half-transfer",
        "handles",
        "handles_travel_all_or_none",
        "some handles of a message arrive although others cannot",
    ),
    Bite {
        name: "irq-no-budget",
        breaks: "an interrupt source never leaves the band",
        judge: Judge::Host {
            package: "anax-quota",
            file: "interrupts",
            test: "a_source_falls_out_of_the_band_and_comes_back",
        },
    },
    Bite {
        name: "irq-no-debt",
        breaks: "overrunning the budget costs nothing",
        judge: Judge::Host { package: "anax-quota", file: "interrupts", test: "the_share_holds" },
    },
    Bite {
        name: "irq-no-livelock",
        breaks: "a storm is served interrupt by interrupt",
        judge: Judge::Host {
            package: "anax-quota",
            file: "interrupts",
            test: "a_storm_is_served_from_the_timer",
        },
    },
    Bite {
        name: "irq-no-hysteresis",
        breaks: "the livelock limiter flaps",
        judge: Judge::Host { package: "anax-quota", file: "interrupts", test: "the_limit_has_hysteresis" },
    },
    model(
        "handles-no-recheck",
        "handles_loom",
        "a_reader_sees_one_entry_or_none",
        "a reader does not notice that the entry changed under it",
    ),
    model(
        "handles-head-first",
        "handles_loom",
        "a_new_entry_appears_at_once",
        "an entry becomes visible before it is complete",
    ),
    model(
        "handles-claim-store",
        "handles_loom",
        "a_posted_slot_is_claimed_once",
        "two senders can claim one reserved slot",
    ),
    model(
        "message-ended-by-sender",
        "messages_loom",
        "reply_and_time_out_end_a_message_once",
        "a sender whose time is up ends its message itself, not at its home",
    ),
    model(
        "message-reply-unchecked",
        "messages_loom",
        "reply_and_time_out_end_a_message_once",
        "a message that has ended can still be answered",
    ),
    model(
        "message-home-stays",
        "messages_loom",
        "a_late_time_out_leaves_the_next_call_alone",
        "a message on its way back still counts as its port's",
    ),
    model(
        "message-generation-first",
        "messages_loom",
        "a_late_time_out_leaves_the_next_call_alone",
        "whoever ends a message looks at its generation before its home",
    ),
    model(
        "message-home-first",
        "messages_loom",
        "a_time_out_finds_a_forwarded_message",
        "a forwarded message has its new home before it is ready to be ended there",
    ),
    model(
        "message-given-twice",
        "messages_loom",
        "a_message_outlives_its_reply_port_once",
        "a reply port that ends gives back messages that are under way, too",
    ),
    model(
        "header-release-in-two",
        "header_loom",
        "one_of_two_is_the_last",
        "a reference is taken away by a load and a store",
    ),
    model(
        "header-revoke-in-two",
        "header_loom",
        "one_of_two_revokes",
        "an object is revoked by a load and a store",
    ),
    Bite {
        name: "quota-drop-leaks",
        breaks: "a dropped reservation stays charged",
        judge: Judge::Host {
            package: "anax-quota",
            file: "quota",
            test: "a_dropped_reservation_is_given_back",
        },
    },
    Bite {
        name: "quota-check-then-add",
        breaks: "the limit is checked apart from charging",
        judge: Judge::Model {
            package: "anax-quota",
            file: "quota_loom",
            test: "an_account_is_never_overdrawn",
        },
    },
];

const fn host(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "microkernel-core", file, test } }
}

const fn model(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Model { package: "microkernel-core", file, test } }
}
