//! Names that lead to paths.

use alloc::format;

use anax_fs::{Failure, Kind};

use crate::context::{APPEND, BOTH, Context, NEW, READ, WRITE};
use crate::{Case, Outcome, cases, is, same};

fn symlink(c: &Context, path: &str, name: &str) -> Result<(), Failure> {
    c.session.symlink(path, &c.path(name))
}

fn target(c: &Context, name: &str) -> Result<alloc::string::String, Failure> {
    c.session.read_link(&c.path(name))
}

fn kind(c: &Context, name: &str) -> Result<Kind, Failure> {
    c.session.symlink_metadata(&c.path(name)).map(|known| known.kind)
}

/// Of a file system that has none.
pub(crate) const WITHOUT: &[Case] = &[Case { name: "no_symlinks", run: no_symlinks }];

fn no_symlinks(c: &Context) -> Outcome {
    is!(symlink(c, "a", "b"), Err(Failure::Unsupported));
    is!(c.names("")?.len(), 0);
    Ok(())
}

cases! {
    link_to_a_file(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        same!(c.get("l")?, *b"text");
        is!((c.stat("l")?.kind, kind(c, "l")?), (Kind::File, Kind::Link));
        is!(target(c, "l")?, "a");
    }
    link_to_a_directory(c) {
        c.mkdir("d")?;
        symlink(c, "d", "l")?;
        c.put("l/a", b"text")?;
        same!(c.get("d/a")?, *b"text");
        is!(c.names("l")?.len(), 1);
        is!(c.stat("l")?.kind, Kind::Directory);
    }
    link_by_a_whole_path(c) {
        c.put("a", b"text")?;
        symlink(c, &c.path("a"), "l")?;
        same!(c.get("l")?, *b"text");
    }
    link_seen_from_its_own_directory(c) {
        c.mkdir("d")?;
        c.put("d/a", b"inner")?;
        c.put("a", b"outer")?;
        symlink(c, "a", "d/l")?;
        symlink(c, "../a", "d/up")?;
        same!(c.get("d/l")?, *b"inner");
        same!(c.get("d/up")?, *b"outer");
    }
    link_to_nothing(c) {
        symlink(c, "missing", "l")?;
        is!(c.stat("l"), Err(Failure::NotFound));
        is!(c.open("l", READ).map(drop), Err(Failure::NotFound));
        is!((kind(c, "l")?, target(c, "l")?.as_str()), (Kind::Link, "missing"));
        c.put("missing", b"text")?;
        same!(c.get("l")?, *b"text");
        c.remove("missing")?;
        is!(c.stat("l"), Err(Failure::NotFound));
    }
    link_that_is_written(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        c.open("l", APPEND)?.write_all(b" more")?;
        same!(c.get("a")?, *b"text more");
        drop(c.open("l", WRITE.truncate(true))?);
        is!((c.stat("a")?.size, kind(c, "l")?), (0, Kind::Link));
    }
    link_where_something_new_is_wanted(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        symlink(c, "missing", "m")?;
        is!(c.open("l", NEW).map(drop), Err(Failure::Exists));
        is!(c.open("m", NEW).map(drop), Err(Failure::Exists));
        is!(c.mkdir("l"), Err(Failure::Exists));
        is!(symlink(c, "x", "l"), Err(Failure::Exists));
        is!(symlink(c, "x", "a"), Err(Failure::Exists));
        same!(c.get("l")?, *b"text");
    }
    link_opened_to_create(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        is!(c.open("l", BOTH.create(true))?.len(), 4);
    }
    link_is_removed_itself(c) {
        c.put("a", b"text")?;
        c.mkdir("d")?;
        symlink(c, "a", "l")?;
        symlink(c, "d", "m")?;
        c.remove("l")?;
        is!(c.rmdir("m"), Err(Failure::NotADirectory));
        c.remove("m")?;
        same!(c.get("a")?, *b"text");
        is!(c.names("")?.len(), 2);
    }
    link_is_renamed_itself(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        c.rename("l", "m")?;
        is!((kind(c, "m")?, target(c, "m")?.as_str()), (Kind::Link, "a"));
        same!(c.get("m")?, *b"text");
    }
    link_is_replaced(c) {
        c.put("a", b"old")?;
        symlink(c, "a", "l")?;
        c.put("new", b"new")?;
        c.rename("new", "l")?;
        is!(kind(c, "l")?, Kind::File);
        same!(c.get("a")?, *b"old");
        same!(c.get("l")?, *b"new");
    }
    link_replaces_a_file(c) {
        c.put("a", b"text")?;
        c.put("b", b"replaced")?;
        symlink(c, "a", "l")?;
        c.rename("l", "b")?;
        same!(c.get("b")?, *b"text");
        is!(kind(c, "b")?, Kind::Link);
    }
    link_to_itself(c) {
        symlink(c, "l", "l")?;
        is!(c.stat("l"), Err(Failure::Loop));
        is!(c.open("l", READ).map(drop), Err(Failure::Loop));
        is!(c.stat("l/a"), Err(Failure::Loop));
        is!(kind(c, "l")?, Kind::Link);
    }
    links_in_a_circle(c) {
        symlink(c, "b", "a")?;
        symlink(c, "c", "b")?;
        symlink(c, "a", "c")?;
        is!(c.stat("a"), Err(Failure::Loop));
        c.remove("c")?;
        c.put("c", b"text")?;
        same!(c.get("a")?, *b"text");
    }
    links_one_behind_the_other(c) {
        c.put("0", b"text")?;
        for number in 1..30 {
            symlink(c, &format!("{}", number - 1), &format!("{number}"))?;
        }
        same!(c.get("8")?, *b"text");
        is!(c.stat("29"), Err(Failure::Loop));
    }
    link_in_the_middle_of_a_path(c) {
        c.mkdir("d")?;
        c.mkdir("d/e")?;
        c.put("d/e/a", b"text")?;
        symlink(c, "d", "l")?;
        symlink(c, "e", "d/m")?;
        same!(c.get("l/m/a")?, *b"text");
        c.remove("l/m/a")?;
        is!(c.names("d/e")?.len(), 0);
        c.mkdir("l/m/f")?;
        is!(c.stat("d/e/f")?.kind, Kind::Directory);
    }
    link_to_a_file_is_no_directory(c) {
        c.put("a", b"text")?;
        symlink(c, "a", "l")?;
        is!(c.stat("l/x"), Err(Failure::NotADirectory));
        is!(c.names("l"), Err(Failure::NotADirectory));
    }
    link_with_a_long_path(c) {
        let path = format!("{}a", "./".repeat(500));
        c.put("a", b"text")?;
        symlink(c, &path, "l")?;
        is!(target(c, "l")?, path);
        is!(c.session.symlink_metadata(&c.path("l"))?.size, 1001);
        same!(c.get("l")?, *b"text");
    }
    link_with_a_path_that_is_too_long(c) {
        is!(symlink(c, &"x/".repeat(2050), "l"), Err(Failure::TooLong));
        is!(c.names("")?.len(), 0);
    }
    link_with_no_path(c) {
        is!(symlink(c, "", "l"), Err(Failure::BadArgument));
        is!(c.names("")?.len(), 0);
    }
    link_that_is_listed(c) {
        symlink(c, "a", "l")?;
        let entry = c.session.read_dir(&c.directory)?.next();
        is!(entry.and_then(Result::ok).map(|entry| entry.kind), Some(Kind::Link));
    }
    link_whose_directory_is_renamed(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        symlink(c, "a", "d/l")?;
        same!(c.get("d/l")?, *b"text");
        c.rename("d", "e")?;
        same!(c.get("e/l")?, *b"text");
    }
    link_that_is_linked(c) {
        if c.has.links {
            c.put("a", b"text")?;
            symlink(c, "a", "l")?;
            c.session.hard_link(&c.path("l"), &c.path("m"))?;
            is!((kind(c, "m")?, target(c, "m")?.as_str()), (Kind::Link, "a"));
        }
    }
    link_to_where_it_is(c) {
        symlink(c, ".", "l")?;
        c.put("a", b"text")?;
        same!(c.get("l/l/l/a")?, *b"text");
        is!(c.stat("l/l/l/l/l/l/l/l/l/l/a"), Err(Failure::Loop));
    }
}
