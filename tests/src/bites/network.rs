//! Broken variants of the network driver and of the frames' way to it, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const NETWORK: &[Bite] = &[
    nic(
        "virtio-id-unchecked",
        "lies::identifiers_nobody_waits_for_are_lies",
        "any descriptor counts as used",
    ),
    nic("virtio-length-unchecked", "lies::a_frame_longer_than_its_buffer_is_a_lie", "any length is believed"),
    nic("virtio-index-unchecked", "lies::more_than_was_shown_is_a_lie", "any used index is believed"),
    nic(
        "virtio-not-rechecked",
        "card::neither_side_is_disturbed_without_need",
        "the driver waits without a second look at the ring",
    ),
    nic(
        "virtio-restart-unordered",
        "card::a_reset_in_the_middle_loses_nothing",
        "frames are sent again in the order of their places",
    ),
    nic(
        "net-loans-outlive-client",
        "serving::a_client_that_lies_or_dies_takes_its_loans_with_it",
        "the device keeps buffers of a client that is gone",
    ),
    nic(
        "virtio-adopted-unchecked",
        "swapping::a_record_that_lies_about_buffers_is_refused",
        "a successor gives a buffer back that the device still writes, under another one's name",
    ),
    nic(
        "nic-buffer-adopted-twice",
        "swapping::a_record_that_lies_about_buffers_is_refused",
        "a record may name a buffer twice",
    ),
    nic(
        "driver-works-after-quiesce",
        "swapping::two_hundred_drivers_one_after_the_other",
        "a driver goes on though it has written its record",
    ),
    nic(
        "driver-record-used-twice",
        "swapping::two_hundred_drivers_one_after_the_other",
        "two successors take over by one record",
    ),
    nic(
        "virtio-parts-uncounted",
        "merged::a_device_that_miscounts_buffers_is_broken",
        "a device may say that a frame lies in buffers that it has not given back",
    ),
    nic(
        "nic-link-untold",
        "handing::the_link_is_told_whichever_way_the_driver_hears",
        "what a card says of its link is not looked at",
    ),
    Bite {
        name: "dma-unconfirmed",
        breaks: "a driver that is wrong may make its card write anywhere",
        judge: Judge::Host {
            package: "anax-e1000",
            file: "reach",
            test: "an_address_outside_is_shown_to_no_card",
        },
    },
    e1000(
        "e1000-handed-and-lost",
        "swapping::what_is_handed_over_has_to_be_there",
        "a buffer that the rings do not have is inherited and forgotten",
    ),
    e1000(
        "e1000-free-unchecked",
        "lies::descriptors_that_were_not_given",
        "a descriptor that the device was never given is overwritten unseen",
    ),
    e1000(
        "e1000-length-unchecked",
        "lies::a_frame_longer_than_its_buffer_is_a_lie",
        "any length is believed",
    ),
    e1000(
        "e1000-head-unchecked",
        "lies::positions_where_the_device_cannot_be",
        "a head outside of what was given is believed",
    ),
    e1000(
        "e1000-not-rechecked",
        "nic::neither_side_is_disturbed_without_need",
        "the driver waits without a second look at the rings",
    ),
    e1000(
        "e1000-unshown-adopted",
        "adopting::a_running_device_goes_on_without_a_reset",
        "a successor leaves what its predecessor wrote and never showed",
    ),
    frames(
        "frames-pool-unchecked",
        "a_hostile_client_reaches_nothing_but_its_pool",
        "the driver lets the device read and write anywhere",
    ),
    frames(
        "frames-liar-believed",
        "nothing_comes_back_from_a_liar_before_a_new_epoch",
        "a driver that lied is given work",
    ),
    frames(
        "frames-full-for-ever",
        "what_one_driver_has_no_room_for_its_successor_is_lent",
        "a driver that has no room for buffers to receive leaves its successors without any",
    ),
    frames(
        "frames-sent-for-ever",
        "a_frame_that_kills_every_driver_is_given_up_once",
        "a frame that kills drivers is given to each",
    ),
    frames(
        "frames-merged-unasked",
        "merged::who_does_not_accept_gets_none",
        "a client that takes no long frames is handed one",
    ),
    frames(
        "frames-part-shown",
        "merged::a_frame_comes_in_several_buffers",
        "a frame's first part is shown before the others are there",
    ),
];

const fn nic(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "virtio-net", file: "nic", test } }
}

const fn e1000(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "e1000", file: "card", test } }
}

const fn frames(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-frames", file: "frames", test } }
}
