//! Broken variants of the channels, judged by their own tests and models.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const CHANNELS: &[Bite] = &[
    host(
        "ring-index-unchecked",
        "rings",
        "lies_are_seen_and_not_forgotten",
        "positions in shared memory are believed",
    ),
    host("ring-message-unchecked", "rings", "a_slot_without_a_message_is_a_lie", "a slot's head is believed"),
    host(
        "ring-old-epoch-believed",
        "rings",
        "a_successor_sees_nothing_of_what_was_before",
        "words of a dead peer's epoch count",
    ),
    host(
        "ring-always",
        "rings",
        "one_sleep_costs_one_doorbell_and_being_awake_none",
        "an awake peer is rung, too",
    ),
    host(
        "ring-token-unchecked",
        "calls",
        "a_reply_nobody_waits_for_is_a_lie",
        "a reply to nothing is accepted",
    ),
    host(
        "ring-epoch-completes-twice",
        "calls",
        "a_dead_peer_answers_each_request_once",
        "a dead peer's requests are answered again and again",
    ),
    host(
        "ring-epoch-from-shared",
        "calls",
        "a_dead_peer_answers_each_request_once",
        "what was in flight is read from the peer's memory",
    ),
    host(
        "ring-reply-unreserved",
        "calls",
        "replies_always_find_room",
        "requests are sent without room for their replies",
    ),
    host(
        "ring-ticket-unchecked",
        "calls",
        "tickets_hold_for_one_client_of_one_channel",
        "a reply to another client's request is sent",
    ),
    host(
        "ring-ticket-restored-twice",
        "succession",
        "tickets_are_restored_once_and_in_their_epoch",
        "one request has two tickets",
    ),
    host(
        "ring-old-ticket-restored",
        "succession",
        "tickets_are_restored_once_and_in_their_epoch",
        "a ticket of another epoch is restored",
    ),
    host(
        "ring-suspended-works",
        "succession",
        "a_successor_answers_what_its_predecessor_took",
        "a responder that was suspended takes and answers requests",
    ),
    host(
        "ring-forged-epoch-met",
        "calls",
        "a_forged_epoch_hides_no_death",
        "a new epoch may equal one that the peer has forged",
    ),
    host(
        "ring-payload-overflow",
        "bytes",
        "descriptors_lie_within_their_region_or_not",
        "a descriptor's end wraps around",
    ),
    host(
        "ring-bytes-clobbered",
        "bytes",
        "neighbours_in_one_word_do_not_disturb_each_other",
        "writing a byte rewrites its neighbours",
    ),
    model(
        "ring-publish-early",
        "ring_loom",
        "messages_arrive_once_and_in_order",
        "a position is published before its slot is written",
    ),
    model("ring-no-fence", "ring_loom", "no_doorbell_is_lost", "going to sleep and ringing are not ordered"),
    model(
        "ring-doorbell-not-rechecked",
        "ring_loom",
        "no_doorbell_is_lost",
        "a consumer sleeps without a second look",
    ),
    model(
        "ring-room-not-rechecked",
        "ring_loom",
        "no_room_is_lost",
        "a producer waits for room without a second look",
    ),
    model(
        "ring-index-read-twice",
        "ring_loom",
        "a_changing_position_is_read_once",
        "a position is validated and then read again",
    ),
    model(
        "ring-flag-swapped",
        "ring_loom",
        "a_successors_flag_is_left_alone",
        "a flag of the next epoch is taken down",
    ),
];

const fn host(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-ring", file, test } }
}

const fn model(name: &'static str, file: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Model { package: "anax-ring", file, test } }
}
