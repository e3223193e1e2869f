//! Broken variants of programs, judged by their own tests.

use super::{Bite, Judge};

/// They are judged on the host, but for the kernel's part in it.
pub(super) const PROGRAMS: &[Bite] = &[
    host(
        "init",
        "init-second-serves",
        "a_second_process_of_a_server_takes_nobody_s_place",
        "whoever starts a server's program takes the server's place",
    ),
    host(
        "names",
        "names-calls-upwards",
        "nobody_calls_upwards",
        "a program finds services of its own layer and above",
    ),
    host(
        "init",
        "init-asks-too-early",
        "nobody_is_asked_who_is_only_being_started",
        "a program that is being started counts as one that runs",
    ),
    host(
        "serial",
        "serial-one-look",
        "what_comes_while_the_driver_looks_is_not_left_there",
        "the driver looks at its device once, and leaves an interrupt pending",
    ),
    host(
        "control",
        "control-any-end",
        "another_process_s_end_changes_nothing",
        "the end of any process is taken for that of the one that is waited for",
    ),
    host(
        "control",
        "control-runs-twice",
        "link::what_is_sent_again_runs_once",
        "a command line that is sent again is run again",
    ),
    host(
        "init",
        "init-waiters-pile-up",
        "who_has_waited_longest_makes_room",
        "as many may wait for the end of a process as like to, dead or alive",
    ),
    host(
        "init",
        "init-leaves-drivers",
        "drivers_end_with_who_has_no_successor",
        "drivers that anybody has started stay when nobody is left who knows of them",
    ),
    host(
        "loader",
        "loader-keeps-spaces",
        "a_storm_of_requests",
        "the loader keeps a handle of each file's space",
    ),
    host(
        "init",
        "init-says-no-farewell",
        "the_end_waits_for_who_has_something_to_store",
        "the machine is switched off before files are stored",
    ),
    host(
        "init",
        "init-keeps-the-entrusted",
        "who_was_entrusted_to_a_server_ends_with_it",
        "init remembers for ever how those have ended that nobody will ask for",
    ),
    host(
        "init",
        "init-believes-anybody",
        "the_kernel_alone_tells_of_ends",
        "whoever says so tells init of the end of a thread, as the kernel does",
    ),
    host(
        "control",
        "control-lost-stays-lost",
        "link::what_the_line_may_have_lost_is_sent_again",
        "what the line's driver held when it died is not sent again",
    ),
    host(
        "init",
        "init-judges-the-starved",
        "a_hang_needs_work_and_the_cpu",
        "a server that has had no CPU is ended for that",
    ),
    host(
        "init",
        "init-keeps-halves",
        "a_loader_that_hangs_or_dies_is_replaced_at_once",
        "a program that a loader died over is not loaded by the next one, since half of it is there",
    ),
    Bite {
        name: "init-blind-on-its-cpu",
        breaks: "takes whoever init has interrupted for somebody who waits, and so sees no hang on init's CPU",
        judge: Judge::System("mishaps.devmgr"),
    },
    Bite {
        name: "init-asks-only-queues",
        breaks: "lets somebody hang over the last message that he has received",
        judge: Judge::System("mishaps.names"),
    },
    host(
        "init",
        "init-drivers-may-hog",
        "a_driver_that_keeps_the_cpu_becomes_less_urgent",
        "a driver that never waits keeps its clients from the CPU for ever",
    ),
    host(
        "devmgr",
        "devmgr-gives-to-two",
        "a_device_is_one_client_s_while_he_lives",
        "a disk is taken from the file system that writes to it, by whoever asks for it next",
    ),
    host(
        "devmgr",
        "devmgr-same-epoch-again",
        "a_driver_that_dies_while_it_comes_up_costs_an_epoch",
        "what the client asked of a driver that did not come up, the next one never hears of",
    ),
    host(
        "devmgr",
        "devmgr-blames-the-successor",
        "a_client_can_have_its_driver_ended_and_nobody_else_s",
        "what a client has against a driver is held against the next one",
    ),
    host(
        "control",
        "control-believes-files",
        "link::a_file_that_is_not_what_was_announced_is_forgotten",
        "a file that came damaged is believed",
    ),
    host(
        "init",
        "init-takes-any-file",
        "a_driver_s_file_may_come_later_and_nothing_else",
        "a file that comes later may be any program, with any capability",
    ),
    host(
        "devmgr",
        "devmgr-restarts-the-archive-s",
        "what_is_started_again_is_the_file_that_came",
        "after its death a driver that was sent is forgotten for the archive's",
    ),
    host(
        "devmgr",
        "devmgr-fits-all",
        "a_file_is_given_up_once",
        "a driver is started for a device that its manifest does not name",
    ),
    host(
        "disks",
        "disks-gives-to-two",
        "a_partition_is_one_program_s",
        "two file systems are on one partition at once",
    ),
    host(
        "disks",
        "disks-keeps-for-the-dead",
        "a_partition_is_one_program_s",
        "a partition stays that of a program that has ended",
    ),
    host(
        "disks",
        "disks-no-window",
        "nobody_reaches_beyond_his_own",
        "who has a partition reaches the sectors behind it",
    ),
    host(
        "disks",
        "disks-first-come-all-served",
        "each_partition_has_its_turn",
        "one partition's long requests keep all others from the disk",
    ),
    host(
        "disks",
        "disks-successor-knows-nobody",
        "a_successor_knows_whose_is_what",
        "when the disk server has died, whoever asks first has the partition",
    ),
    host(
        "disks",
        "disks-numbers-again",
        "numbers_are_nobody_else_s_later",
        "a program that has two partitions writes to the wrong one after the disk server's death",
    ),
    host(
        "disks",
        "disks-disorder",
        "requests_of_one_program_keep_their_order",
        "what a program has asked later may reach the disk first",
    ),
    Bite {
        name: "thread-number-again",
        breaks: "gives a thread the number of one that has ended",
        judge: Judge::System("system.an-end-is-nobody-else-s"),
    },
];

/// Each has one file of tests, by the package's name.
const fn host(package: &'static str, name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package, file: package, test } }
}
