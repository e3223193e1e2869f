//! Broken variants of the blocks' way to a disk's driver, and of a driver's, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const BLOCKS: &[Bite] = &[
    blocks(
        "blocks-overlap-not-held",
        "contents::contents_are_as_the_program_says",
        "requests that overlap are under way at the same time",
    ),
    blocks(
        "blocks-read-overtaken",
        "a_write_waits_for_reads",
        "a write does not wait for reads of its sectors",
    ),
    blocks(
        "blocks-asked-for-ever",
        "a_request_that_kills_every_driver_is_given_up_once",
        "a request that kills drivers is given to each",
    ),
    blocks(
        "blocks-lost-forgotten",
        "what_overlaps_a_write_waits",
        "what was in flight when a driver died is not asked of its successor",
    ),
    blocks(
        "blocks-leaver-suspected",
        "what_is_handed_back_goes_to_the_successor",
        "a planned change of drivers counts as a death",
    ),
    blocks(
        "blocks-other-disk-trusted",
        "lies::a_successor_with_another_disk_gets_nothing",
        "what was meant for one disk is written to another",
    ),
    blocks(
        "blocks-buffer-too-early",
        "a_disk_is_introduced_and_used",
        "a client fills buffers while the device may be at work for its predecessor",
    ),
    blocks(
        "blocks-pool-unchecked",
        "lies::a_hostile_client_reaches_nothing_but_its_pool_and_its_disk",
        "the driver lets the device read and write anywhere",
    ),
    blocks(
        "blocks-disk-end-unchecked",
        "lies::a_hostile_client_reaches_nothing_but_its_pool_and_its_disk",
        "sectors behind the disk's end are asked of the device",
    ),
    disk(
        "virtio-no-data-linked",
        "disk::sectors_flushes_and_refusals",
        "a request without data leads the device to the data of an earlier one",
    ),
    disk("blk-status-unchecked", "disk::sectors_flushes_and_refusals", "any status is success"),
    disk(
        "blk-short-read-believed",
        "disk::a_read_that_is_too_short_has_failed",
        "a read counts as done though the device did not fill the buffer",
    ),
    disk(
        "disk-jobs-outlive-client",
        "serving::a_client_that_lies_or_dies_takes_its_jobs_with_it",
        "the device goes on with jobs of a client that is gone",
    ),
    disk(
        "disk-suspended-with-jobs",
        "swapping::what_does_not_end_is_handed_back_before_a_new_epoch",
        "a driver leaves jobs behind that no successor knows of",
    ),
    Bite {
        name: "ata-short-transfer-believed",
        breaks: "a transfer counts as done though the disk did not move all sectors",
        judge: Judge::Host {
            package: "ata",
            file: "ata",
            test: "disk::more_or_less_data_than_was_asked_for_is_a_lie",
        },
    },
    Bite {
        name: "ata-resets-unselected",
        breaks: "a reset goes to the device that firmware looked at last, which is not there and hides that the channel is busy",
        judge: Judge::Host { package: "ata", file: "ata", test: "starting::a_disk_says_what_it_is" },
    },
    Bite {
        name: "ata-first-block-waits",
        breaks: "the first block of a write waits for an interrupt that never comes",
        judge: Judge::Host {
            package: "ata",
            file: "ata",
            test: "disk::the_first_block_of_a_write_is_looked_for_without_an_interrupt",
        },
    },
];

const fn disk(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "virtio-blk", file: "blk", test } }
}

const fn blocks(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "anax-blocks", file: "blocks", test } }
}
