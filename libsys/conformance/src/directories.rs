//! Directories that are made and removed.

use alloc::format;
use alloc::string::String;

use anax_fs::{Failure, Kind};

use crate::context::{NEW, READ};
use crate::{cases, is, same};

cases! {
    made_and_removed(c) {
        c.mkdir("d")?;
        is!(c.stat("d")?.kind, Kind::Directory);
        is!(c.stat("d")?.size, 0);
        is!(c.names("d")?.len(), 0);
        c.rmdir("d")?;
        is!(c.stat("d"), Err(Failure::NotFound));
    }
    made_twice(c) {
        c.mkdir("d")?;
        is!(c.mkdir("d"), Err(Failure::Exists));
        c.put("a", b"text")?;
        is!(c.mkdir("a"), Err(Failure::Exists));
        same!(c.get("a")?, *b"text");
    }
    made_in_what_is_missing(c) {
        is!(c.mkdir("d/e"), Err(Failure::NotFound));
    }
    made_below_a_file(c) {
        c.put("a", b"text")?;
        is!(c.mkdir("a/d"), Err(Failure::NotADirectory));
    }
    removed_with_entries(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        is!(c.rmdir("d"), Err(Failure::NotEmpty));
        c.remove("d/a")?;
        c.mkdir("d/e")?;
        is!(c.rmdir("d"), Err(Failure::NotEmpty));
        c.rmdir("d/e")?;
        c.rmdir("d")?;
    }
    removed_though_it_is_a_file(c) {
        c.put("a", b"text")?;
        is!(c.rmdir("a"), Err(Failure::NotADirectory));
        same!(c.get("a")?, *b"text");
    }
    removed_though_it_is_a_directory(c) {
        c.mkdir("d")?;
        is!(c.remove("d"), Err(Failure::IsADirectory));
        is!(c.stat("d")?.kind, Kind::Directory);
    }
    removed_though_it_is_missing(c) {
        is!(c.rmdir("d"), Err(Failure::NotFound));
        is!(c.remove("d"), Err(Failure::NotFound));
        is!(c.rmdir("d/e"), Err(Failure::NotFound));
        is!(c.remove("d/e"), Err(Failure::NotFound));
    }
    removed_below_a_file(c) {
        c.put("a", b"text")?;
        is!(c.rmdir("a/d"), Err(Failure::NotADirectory));
        is!(c.remove("a/b"), Err(Failure::NotADirectory));
    }
    the_root_stays(c) {
        is!(c.session.remove_dir("/"), Err(Failure::Busy));
        is!(c.session.remove_file("/").is_err(), true);
        is!(c.session.create_dir("/"), Err(Failure::Exists));
        is!(c.session.metadata("/")?.kind, Kind::Directory);
    }
    removed_and_made_again(c) {
        for _ in 0..50 {
            c.mkdir("d")?;
            c.put("d/a", b"text")?;
            is!(c.stat("d/a")?.size, 4);
            c.remove("d/a")?;
            c.rmdir("d")?;
            is!(c.stat("d/a"), Err(Failure::NotFound));
        }
    }
    nothing_is_made_in_a_removed_one(c) {
        c.mkdir("d")?;
        is!(c.stat("d/a"), Err(Failure::NotFound));
        c.rmdir("d")?;
        is!(c.open("d/a", NEW).map(drop), Err(Failure::NotFound));
        is!(c.mkdir("d/e"), Err(Failure::NotFound));
        c.mkdir("d")?;
        is!(c.names("d")?.len(), 0);
    }
    a_file_in_place_of_a_directory(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        c.remove("d/a")?;
        c.rmdir("d")?;
        c.put("d", b"file")?;
        is!(c.stat("d/a"), Err(Failure::NotADirectory));
        c.remove("d")?;
        c.mkdir("d")?;
        is!(c.stat("d/a"), Err(Failure::NotFound));
        is!(c.open("d", READ).map(drop), Err(Failure::IsADirectory));
    }
    thirty_levels(c) {
        let mut path = String::from("0");
        c.mkdir(&path)?;
        for level in 1..30 {
            path = format!("{path}/{level}");
            c.mkdir(&path)?;
        }
        c.put(&format!("{path}/a"), b"deep")?;
        same!(c.get(&format!("{path}/a"))?, *b"deep");
        is!(c.names(&path)?.len(), 1);
        is!(c.rmdir("0"), Err(Failure::NotEmpty));
    }
    two_hundred_side_by_side(c) {
        for number in 0..200 {
            c.mkdir(&format!("directory {number}"))?;
        }
        is!(c.names("")?.len(), 200);
        for number in (0..200).step_by(2) {
            c.rmdir(&format!("directory {number}"))?;
        }
        is!(c.names("")?.len(), 100);
        is!(c.stat("directory 0"), Err(Failure::NotFound));
        is!(c.stat("directory 1")?.kind, Kind::Directory);
    }
    one_that_was_missing_is_found(c) {
        is!(c.other.metadata(&c.path("d/e")).map(drop), Err(Failure::NotFound));
        c.mkdir("d")?;
        is!(c.other.metadata(&c.path("d/e")).map(drop), Err(Failure::NotFound));
        c.mkdir("d/e")?;
        is!(c.other.metadata(&c.path("d/e"))?.kind, Kind::Directory);
    }
}
