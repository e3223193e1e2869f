//! What is known besides bytes.

use anax_fs::{Failure, Kind};

use crate::context::{READ, WRITE};
use crate::{cases, is};

/// A time that every file system can keep.
const THEN: u64 = 946_684_800;

cases! {
    of_a_file(c) {
        c.put("a", b"text")?;
        let known = c.stat("a")?;
        is!((known.kind, known.size, known.links, known.is_read_only), (Kind::File, 4, 1, false));
    }
    of_a_directory(c) {
        c.mkdir("d")?;
        let known = c.stat("d")?;
        is!((known.kind, known.size, known.links > 0), (Kind::Directory, 0, true));
    }
    of_the_root(c) { is!(c.session.metadata("/")?.kind, Kind::Directory); }
    of_what_is_missing(c) {
        is!(c.stat("a"), Err(Failure::NotFound));
        is!(c.stat("a/b"), Err(Failure::NotFound));
        is!(c.session.symlink_metadata(&c.path("a")).map(drop), Err(Failure::NotFound));
    }
    of_what_is_below_a_file(c) {
        c.put("a", b"text")?;
        is!(c.stat("a/b"), Err(Failure::NotADirectory));
        is!(c.stat("a/b/c"), Err(Failure::NotADirectory));
    }
    the_size_follows_what_is_written(c) {
        let file = c.new_file("a")?;
        for size in [1, 100, 5000, 300_000] {
            file.write_at(size - 1, b"x")?;
            is!((file.len(), c.stat("a")?.size, file.metadata()?.size), (size, size, size));
            is!(c.other.metadata(&c.path("a"))?.size, size);
        }
        file.set_len(7)?;
        is!((file.len(), c.stat("a")?.size), (7, 7));
    }
    nodes_are_told_apart(c) {
        c.put("a", b"text")?;
        c.put("b", b"text")?;
        c.mkdir("d")?;
        is!(c.stat("a")?.node, c.stat("a")?.node);
        is!(c.stat("a")?.node == c.stat("b")?.node, false);
        is!(c.stat("a")?.node == c.stat("d")?.node, false);
        is!(c.open("a", READ)?.metadata()?.node, c.stat("a")?.node);
    }
    a_time_is_set(c) {
        c.put("a", b"text")?;
        c.session.set_modified(&c.path("a"), THEN)?;
        is!(c.stat("a")?.modified, THEN);
        is!(c.other.metadata(&c.path("a"))?.modified, THEN);
    }
    a_time_stays(c) {
        c.put("a", b"text")?;
        c.session.set_modified(&c.path("a"), THEN)?;
        c.rename("a", "b")?;
        is!(c.stat("b")?.modified, THEN);
        c.session.sync()?;
        is!(c.open("b", READ)?.metadata()?.modified, THEN);
    }
    a_time_is_set_while_it_is_written(c) {
        let file = c.new_file("a")?;
        file.write_at(0, b"text")?;
        c.session.set_modified(&c.path("a"), THEN)?;
        file.sync_all()?;
        is!(c.stat("a")?.modified, THEN);
    }
    writing_moves_the_time_on(c) {
        c.put("a", b"text")?;
        c.session.set_modified(&c.path("a"), THEN)?;
        let mut file = c.open("a", WRITE)?;
        file.write_all(b"more")?;
        // Or nobody knows what time it is.
        is!(c.stat("a")?.modified >= THEN, true);
    }
    reading_leaves_the_time(c) {
        c.put("a", b"text")?;
        c.session.set_modified(&c.path("a"), THEN)?;
        c.get("a")?;
        is!(c.stat("a")?.modified, THEN);
    }
    a_time_of_what_is_missing(c) {
        is!(c.session.set_modified(&c.path("a"), THEN), Err(Failure::NotFound));
    }
    a_time_of_a_directory(c) {
        c.mkdir("d")?;
        c.session.set_modified(&c.path("d"), THEN)?;
        is!(c.stat("d")?.modified, THEN);
    }
    a_link_is_none(c) {
        c.put("a", b"text")?;
        is!(c.session.read_link(&c.path("a")).map(drop), Err(Failure::BadArgument));
        is!(c.session.read_link(&c.path("b")).map(drop), Err(Failure::NotFound));
        is!(c.session.symlink_metadata(&c.path("a"))?, c.stat("a")?);
    }
}
