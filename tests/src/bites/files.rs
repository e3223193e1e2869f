//! Broken variants of files: the VFS server, and the library of programs.

use super::{Bite, Judge};

/// They are judged on the host.
pub(super) const FILES: &[Bite] = &[
    files(
        "vfs-names-without-generation",
        "conformance::on_a_disk_without_links_that_folds_case",
        "a name that is remembered is good for ever, in whatever case",
    ),
    files(
        "vfs-late-answers-believed",
        "races::late_answers_are_not_believed",
        "an answer that a name was changed behind is remembered",
    ),
    files(
        "vfs-names-of-the-forgotten",
        "conformance::on_a_disk_with_few_names",
        "names in directories that nobody knows any more keep files that nobody finds",
    ),
    files(
        "vfs-names-out-of-turn",
        "races::names_are_taken_from_who_has_them",
        "a file loses the name that was another's by the time it was removed",
    ),
    files(
        "vfs-leaves-servers-behind",
        "faults::who_is_unmounted_is_told",
        "the server of a file system that was unmounted goes on for nobody",
    ),
    files(
        "vfs-leases-of-the-dead",
        "succession::the_root_has_a_successor",
        "what is written by leases of a file system that has ended is nobody's, and nobody says so",
    ),
    files(
        "vfs-wrote-believed",
        "liars::what_was_not_written_where_it_is_said",
        "whoever says that he has written is believed",
    ),
    files(
        "vfs-ends-in-silence",
        "liars::what_was_taken_away",
        "pages are taken away, and nobody who reads them is told",
    ),
    files(
        "vfs-cut-in-place",
        "liars::what_was_cut_away_meanwhile",
        "who has written into what was cut away meanwhile is believed if the page is back",
    ),
    files(
        "vfs-cut-untold",
        "conformance::in_memory",
        "a file system with memory of its own cuts what it does not know to be there",
    ),
    files(
        "fs-never-tells",
        "basics::what_is_closed_is_closed_for_all",
        "who closes a file without a name leaves its memory to whoever waits for it",
    ),
    files(
        "vfs-first-is-too-early",
        "basics::who_comes_before_the_tree_waits_for_it",
        "a program that asks before the tree is there is told that there is nothing",
    ),
    files(
        "vfs-knows-for-ever",
        "basics::what_was_removed_is_nothing_here_either",
        "what was removed is remembered, though nobody refers to it any more",
    ),
    files(
        "vfs-never-looks",
        "basics::what_is_closed_is_closed_for_all",
        "what a program has closed is in the way until that program asks for something",
    ),
    files(
        "vfs-size-untold",
        "basics::files_are_written_and_read",
        "who has a file open does not learn that it has grown",
    ),
    files(
        "vfs-drops-what-is-open",
        "conformance::on_a_disk_with_a_small_cache",
        "bytes of a file without a name are dropped though somebody has it open",
    ),
    files(
        "vfs-forgets-once",
        "conformance::on_a_disk",
        "a file system is told of one of the answers that are of no use any more",
    ),
    files(
        "vfs-sync-forgets",
        "faults::what_can_not_be_stored_is_told_once",
        "what could not be stored is told to nobody",
    ),
    files(
        "vfs-sync-overlooks",
        "races::sync_waits_for_what_others_store",
        "what is being stored counts as stored",
    ),
    files(
        "vfs-silence-is-shared",
        "faults::one_that_never_answers_keeps_nobody_else_waiting",
        "what one file system does not store keeps writers of all waiting",
    ),
    files(
        "fs-never-looks-again",
        "races::what_is_copied_was_there_all_the_time",
        "bytes are believed though their page was taken away while they were copied",
    ),
    files(
        "vfs-lends-without-end",
        "tasks::many_at_once_share_the_arena",
        "a file system's server is sent more memory at a time than it has slots for",
    ),
    files(
        "fs-room-freed-early",
        "tasks::many_at_once_share_the_arena",
        "a path's place in the arena is another one's while the server may still read it",
    ),
    files(
        "fs-opens-for-nobody",
        "tasks::what_nobody_waits_for_any_more_is_closed",
        "a file stays open if nobody waits any more when it has been opened",
    ),
    files(
        "vfs-mounts-untold",
        "threads::mounts_are_spread_and_all_threads_know_of_them",
        "a mount is known to its own thread and to the first one alone",
    ),
    files(
        "vfs-lets-in-early",
        "threads::all_know_before_anybody_is_let_in",
        "a mount's thread answers before the others know that it has come, or have forgotten it",
    ),
    files(
        "vfs-syncs-alone",
        "threads::sync_is_of_all_threads",
        "when all is to last, what other threads have does not",
    ),
    files(
        "vfs-sent-elsewhere",
        "threads::a_file_system_sends_nobody_elsewhere",
        "a file system sends programs to other threads, one after the other",
    ),
    files(
        "fs-creates-behind-links",
        "threads::links_lead_from_one_thread_to_another",
        "a link that leads nowhere, on another thread, makes a file there",
    ),
    Bite {
        name: "httpd-waits-for-files",
        breaks: "a connection waits for a disk itself, and all others with it",
        judge: Judge::Host { package: "httpd", file: "slow_files", test: "bytes_that_are_not_there_yet" },
    },
    Bite {
        name: "httpd-keeps-what-was-taken-away",
        breaks: "bytes of a body stay in the ring though their page was taken away while they were copied",
        judge: Judge::Host {
            package: "httpd",
            file: "lending",
            test: "what_was_taken_away_while_it_was_copied_is_written_anew",
        },
    },
    Bite {
        name: "fat-index-misses",
        breaks: "an entry that was made is not in its directory's index",
        judge: Judge::Host { package: "fat", file: "basic", test: "a_file_comes_back" },
    },
    Bite {
        name: "fat-runs-end-anywhere",
        breaks: "what lies behind a run of clusters within a page is taken for the file's",
        judge: Judge::Host { package: "fat", file: "pages", test: "what_is_read_is_right" },
    },
    Bite {
        name: "block-disk-shows-the-pool",
        breaks: "behind a file's end its last page shows what was in the pool before",
        judge: Judge::Host { package: "anax-block-disk", file: "disk", test: "drivers_come_and_go" },
    },
];

const fn files(name: &'static str, test: &'static str, breaks: &'static str) -> Bite {
    Bite { name, breaks, judge: Judge::Host { package: "vfs", file: "files", test } }
}
