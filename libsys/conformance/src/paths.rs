//! Paths that are not plain.

use alloc::format;

use anax_fs::{Failure, Kind};

use crate::context::READ;
use crate::{cases, is, same};

cases! {
    path_with_dots(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        same!(c.get("./d/./a")?, *b"text");
        same!(c.get("d/././././a")?, *b"text");
    }
    path_upwards(c) {
        c.mkdir("d")?;
        c.put("a", b"text")?;
        same!(c.get("d/../a")?, *b"text");
        same!(c.get("d/../d/../a")?, *b"text");
    }
    path_above_the_root(c) {
        c.put("a", b"text")?;
        let path = format!("/../../..{}", c.path("a"));
        is!(READ.open_in(&c.session, &path)?.len(), 4);
    }
    path_upwards_through_what_is_missing(c) {
        // Taken by the letter: nobody asks whether it is there.
        c.put("a", b"text")?;
        same!(c.get("missing/../a")?, *b"text");
    }
    path_upwards_from_a_file(c) {
        c.put("a", b"text")?;
        is!(c.stat("a/..")?.kind, Kind::Directory);
        is!(c.stat("a/.")?.kind, Kind::File);
    }
    path_with_many_slashes(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        same!(c.get("d///a")?, *b"text");
        let path = format!("//{}////d//a", c.directory);
        is!(READ.open_in(&c.session, &path)?.len(), 4);
    }
    path_that_ends_with_a_slash(c) {
        c.mkdir("d/")?;
        is!(c.stat("d/")?.kind, Kind::Directory);
        is!(c.stat("d//")?.kind, Kind::Directory);
        c.put("d/a", b"text")?;
        is!(c.names("d/")?.len(), 1);
        c.remove("d/a")?;
        c.rename("d/", "e/")?;
        c.rmdir("e/")?;
    }
    path_without_a_slash_before_it(c) {
        c.put("a", b"text")?;
        let path = c.path("a");
        is!(READ.open_in(&c.session, path.trim_start_matches('/'))?.len(), 4);
    }
    path_of_slashes(c) {
        is!(c.session.metadata("///")?.kind, Kind::Directory);
        is!(c.session.metadata("/.")?, c.session.metadata("/")?);
        is!(c.session.metadata("/..")?, c.session.metadata("/")?);
    }
    path_of_nothing(c) {
        is!(c.session.metadata("").map(drop), Err(Failure::BadArgument));
        is!(c.session.create_dir(""), Err(Failure::BadArgument));
        is!(READ.open_in(&c.session, "").map(drop), Err(Failure::BadArgument));
    }
    path_that_is_long_but_plain(c) {
        c.put("a", b"text")?;
        same!(c.get(&format!("{}a", "./".repeat(1500)))?, *b"text");
    }
    path_that_is_too_long(c) {
        let path = "/x".repeat(2049);
        is!(c.session.metadata(&path).map(drop), Err(Failure::TooLong));
        is!(c.session.create_dir(&path), Err(Failure::TooLong));
        is!(c.session.metadata(&"/x".repeat(100_000)).map(drop), Err(Failure::TooLong));
    }
    path_that_is_just_not_too_long(c) {
        is!(c.session.metadata(&"/x".repeat(2048)).map(drop), Err(Failure::NotFound));
    }
}
