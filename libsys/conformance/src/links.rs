//! Several names for one file.

use alloc::format;

use anax_fs::Failure;

use crate::context::{BOTH, Context, READ, all};
use crate::{Case, Outcome, cases, is, same};

fn link(c: &Context, file: &str, name: &str) -> Result<(), Failure> {
    c.session.hard_link(&c.path(file), &c.path(name))
}

/// Of a file system that has none.
pub(crate) const WITHOUT: &[Case] = &[Case { name: "no_links", run: no_links }];

fn no_links(c: &Context) -> Outcome {
    c.put("a", b"text")?;
    is!(link(c, "a", "b"), Err(Failure::Unsupported));
    is!(c.names("")?.len(), 1);
    Ok(())
}

cases! {
    linked_has_two_names(c) {
        c.put("a", b"text")?;
        link(c, "a", "b")?;
        same!(c.get("b")?, *b"text");
        is!((c.stat("a")?.links, c.stat("b")?.links), (2, 2));
        is!(c.stat("a")?.node, c.stat("b")?.node);
    }
    linked_has_the_same_bytes(c) {
        c.put("a", b"text")?;
        link(c, "a", "b")?;
        let (first, second) = (c.open("a", BOTH)?, c.open_other("b", BOTH)?);
        first.write_at(4, b" goes on")?;
        same!(all(&second)?, *b"text goes on");
        second.set_len(2)?;
        same!(c.get("a")?, *b"te");
    }
    linked_and_one_removed(c) {
        c.put("a", b"text")?;
        link(c, "a", "b")?;
        c.remove("a")?;
        is!(c.stat("a"), Err(Failure::NotFound));
        same!(c.get("b")?, *b"text");
        is!(c.stat("b")?.links, 1);
    }
    linked_and_both_removed(c) {
        c.put("a", b"text")?;
        link(c, "a", "b")?;
        let file = c.open("a", READ)?;
        c.remove("a")?;
        is!(file.metadata()?.links, 1);
        c.remove("b")?;
        is!(file.metadata()?.links, 0);
        same!(all(&file)?, *b"text");
    }
    linked_to_what_is_there(c) {
        c.put("a", b"text")?;
        c.put("b", b"kept")?;
        c.mkdir("d")?;
        is!(link(c, "a", "b"), Err(Failure::Exists));
        is!(link(c, "a", "a"), Err(Failure::Exists));
        is!(link(c, "a", "d"), Err(Failure::Exists));
        same!(c.get("b")?, *b"kept");
        is!(c.stat("a")?.links, 1);
    }
    linked_what_is_missing(c) { is!(link(c, "a", "b"), Err(Failure::NotFound)); }
    linked_into_what_is_missing(c) {
        c.put("a", b"text")?;
        is!(link(c, "a", "d/b"), Err(Failure::NotFound));
        is!(link(c, "a", "a/b"), Err(Failure::NotADirectory));
        is!(c.stat("a")?.links, 1);
    }
    linked_a_directory(c) {
        c.mkdir("d")?;
        is!(link(c, "d", "e"), Err(Failure::IsADirectory));
        is!(c.names("")?.len(), 1);
    }
    linked_across_directories(c) {
        c.mkdir("d")?;
        c.put("a", b"text")?;
        link(c, "a", "d/b")?;
        c.remove("a")?;
        same!(c.get("d/b")?, *b"text");
    }
    linked_and_one_renamed_over_the_other(c) {
        // Both names stay: POSIX.1-2017, rename.
        c.put("a", b"text")?;
        link(c, "a", "b")?;
        c.rename("a", "b")?;
        same!(c.get("b")?, *b"text");
        is!((c.names("")?.len(), c.stat("b")?.links), (2, 2));
    }
    linked_and_one_replaced(c) {
        c.put("a", b"old")?;
        link(c, "a", "b")?;
        c.put("new", b"new")?;
        c.rename("new", "a")?;
        same!(c.get("a")?, *b"new");
        same!(c.get("b")?, *b"old");
        is!((c.stat("a")?.links, c.stat("b")?.links), (1, 1));
    }
    linked_twenty_times(c) {
        c.put("0", b"text")?;
        for number in 1..20 {
            link(c, "0", &format!("{number}"))?;
        }
        is!(c.stat("7")?.links, 20);
        for number in 0..19 {
            c.remove(&format!("{number}"))?;
        }
        same!(c.get("19")?, *b"text");
        is!(c.stat("19")?.links, 1);
    }
    linked_while_it_is_written(c) {
        let file = c.new_file("a")?;
        file.write_at(0, b"before")?;
        link(c, "a", "b")?;
        c.remove("a")?;
        file.write_at(6, b" and after")?;
        drop(file);
        same!(c.get("b")?, *b"before and after");
    }
    linked_where_nothing_was(c) {
        c.put("a", b"text")?;
        is!(c.stat("b"), Err(Failure::NotFound));
        link(c, "a", "b")?;
        is!(c.stat("b")?.size, 4);
    }
}
