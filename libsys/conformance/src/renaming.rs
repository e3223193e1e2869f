//! Other names for what is there.

use alloc::format;
use alloc::string::String;

use anax_fs::{Failure, Kind};

use crate::context::{BOTH, READ, all, pattern};
use crate::{cases, is, same};

cases! {
    renamed_to_a_new_name(c) {
        c.put("a", b"text")?;
        c.rename("a", "b")?;
        is!(c.stat("a"), Err(Failure::NotFound));
        same!(c.get("b")?, *b"text");
        is!(c.names("")?, [String::from("b")]);
    }
    renamed_over_a_file(c) {
        c.put("a", b"new")?;
        c.put("b", b"old one")?;
        c.rename("a", "b")?;
        same!(c.get("b")?, *b"new");
        is!(c.names("")?, [String::from("b")]);
    }
    renamed_to_its_own_name(c) {
        c.put("a", b"text")?;
        c.mkdir("d")?;
        c.rename("a", "a")?;
        c.rename("d", "d")?;
        same!(c.get("a")?, *b"text");
        is!(c.stat("a")?.links, 1);
        is!(c.names("")?.len(), 2);
    }
    renamed_what_is_missing(c) {
        is!(c.rename("a", "b"), Err(Failure::NotFound));
        is!(c.rename("a", "a"), Err(Failure::NotFound));
        c.put("b", b"kept")?;
        is!(c.rename("a", "b"), Err(Failure::NotFound));
        same!(c.get("b")?, *b"kept");
    }
    renamed_into_what_is_missing(c) {
        c.put("a", b"text")?;
        is!(c.rename("a", "d/a"), Err(Failure::NotFound));
        same!(c.get("a")?, *b"text");
    }
    renamed_below_a_file(c) {
        c.put("a", b"text")?;
        c.put("b", b"text")?;
        is!(c.rename("a", "b/a"), Err(Failure::NotADirectory));
        is!(c.rename("b/a", "c"), Err(Failure::NotADirectory));
    }
    a_file_over_a_directory(c) {
        c.put("a", b"text")?;
        c.mkdir("d")?;
        is!(c.rename("a", "d"), Err(Failure::IsADirectory));
        is!((c.stat("a")?.kind, c.stat("d")?.kind), (Kind::File, Kind::Directory));
    }
    a_directory_over_a_file(c) {
        c.put("a", b"text")?;
        c.mkdir("d")?;
        is!(c.rename("d", "a"), Err(Failure::NotADirectory));
        same!(c.get("a")?, *b"text");
    }
    a_directory_over_an_empty_one(c) {
        c.mkdir("d")?;
        c.put("d/a", b"text")?;
        c.mkdir("e")?;
        c.rename("d", "e")?;
        same!(c.get("e/a")?, *b"text");
        is!(c.names("")?, [String::from("e")]);
    }
    a_directory_over_a_full_one(c) {
        c.mkdir("d")?;
        c.mkdir("e")?;
        c.put("e/a", b"text")?;
        is!(c.rename("d", "e"), Err(Failure::NotEmpty));
        same!(c.get("e/a")?, *b"text");
        is!(c.names("")?.len(), 2);
    }
    a_directory_into_itself(c) {
        c.mkdir("d")?;
        c.mkdir("d/e")?;
        is!(c.rename("d", "d/f"), Err(Failure::BadArgument));
        is!(c.rename("d", "d/e/f"), Err(Failure::BadArgument));
        is!(c.rename("d", "d/e"), Err(Failure::BadArgument));
        is!(c.names("d")?, [String::from("e")]);
    }
    a_directory_over_what_it_is_in(c) {
        c.mkdir("d")?;
        c.mkdir("d/e")?;
        is!(c.rename("d/e", "d"), Err(Failure::NotEmpty));
        is!(c.names("d")?, [String::from("e")]);
    }
    from_one_directory_to_another(c) {
        c.mkdir("d")?;
        c.mkdir("e")?;
        c.put("d/a", b"text")?;
        c.rename("d/a", "e/b")?;
        same!(c.get("e/b")?, *b"text");
        is!((c.names("d")?.len(), c.names("e")?.len()), (0, 1));
        c.rename("e/b", "c")?;
        same!(c.get("c")?, *b"text");
        is!(c.names("e")?.len(), 0);
        c.rmdir("e")?;
    }
    over_a_file_in_another_directory(c) {
        c.mkdir("d")?;
        c.put("d/a", b"new")?;
        c.put("a", b"old")?;
        c.rename("d/a", "a")?;
        same!(c.get("a")?, *b"new");
        is!(c.names("d")?.len(), 0);
    }
    a_directory_with_all_that_is_in_it(c) {
        c.mkdir("d")?;
        c.mkdir("d/e")?;
        c.put("d/e/a", b"text")?;
        c.mkdir("f")?;
        same!(c.get("d/e/a")?, *b"text");
        c.rename("d", "f/g")?;
        same!(c.get("f/g/e/a")?, *b"text");
        is!(c.stat("d/e/a"), Err(Failure::NotFound));
        is!(c.stat("d"), Err(Failure::NotFound));
        c.put("f/g/e/b", b"more")?;
        is!(c.names("f/g/e")?.len(), 2);
    }
    names_are_not_remembered_wrongly(c) {
        is!(c.stat("b"), Err(Failure::NotFound));
        is!(c.other.metadata(&c.path("b")).map(drop), Err(Failure::NotFound));
        c.put("a", b"text")?;
        c.rename("a", "b")?;
        is!(c.other.metadata(&c.path("b"))?.size, 4);
        is!(c.other.metadata(&c.path("a")).map(drop), Err(Failure::NotFound));
        c.put("a", b"another")?;
        is!((c.stat("a")?.size, c.stat("b")?.size), (7, 4));
    }
    directories_that_change_places(c) {
        c.mkdir("d")?;
        c.mkdir("e")?;
        c.put("d/a", b"of d")?;
        c.put("e/a", b"was e's")?;
        c.rename("d", "x")?;
        c.rename("e", "d")?;
        c.rename("x", "e")?;
        same!(c.get("d/a")?, *b"was e's");
        same!(c.get("e/a")?, *b"of d");
    }
    renamed_while_it_is_open(c) {
        let file = c.new_file("a")?;
        file.write_at(0, b"before")?;
        c.rename("a", "b")?;
        file.write_at(6, b" and after")?;
        same!(c.get("b")?, *b"before and after");
        is!(file.metadata()?.links, 1);
        file.sync_all()?;
    }
    its_directory_is_renamed_while_it_is_open(c) {
        c.mkdir("d")?;
        let file = c.new_file("d/a")?;
        file.write_at(0, &pattern(9000, 1))?;
        c.rename("d", "e")?;
        file.write_at(9000, b"more")?;
        is!(c.stat("e/a")?.size, 9004);
        same!(all(&c.open("e/a", READ)?)?, all(&file)?);
    }
    only_the_case_changes(c) {
        c.put("name", b"text")?;
        c.rename("name", "NAME")?;
        is!(c.names("")?, [String::from("NAME")]);
        same!(c.get("NAME")?, *b"text");
        is!(c.stat("NAME")?.links, 1);
        let wanted = if c.has.folds_case { Ok(4) } else { Err(Failure::NotFound) };
        is!(c.stat("name").map(|known| known.size), wanted);
    }
    from_name_to_name(c) {
        c.put("0", b"text")?;
        for number in 0..100 {
            c.rename(&format!("{number}"), &format!("{}", number + 1))?;
        }
        same!(c.get("100")?, *b"text");
        is!(c.names("")?.len(), 1);
    }
    the_old_name_is_free(c) {
        c.put("a", b"first")?;
        c.rename("a", "b")?;
        let file = c.new_file("a")?;
        file.write_at(0, b"second")?;
        same!(c.get("b")?, *b"first");
        same!(c.get("a")?, *b"second");
    }
    the_root_and_above(c) {
        is!(c.session.rename("/", &c.path("a")).is_err(), true);
        is!(c.session.rename(&c.directory, "/").is_err(), true);
        is!(c.names("")?.len(), 0);
    }
    to_a_name_that_can_not_be(c) {
        c.put("a", b"text")?;
        let long = "x".repeat(256);
        is!(c.rename("a", &long), Err(Failure::TooLong));
        is!(c.rename("a", "b\0c"), Err(Failure::BadArgument));
        same!(c.get("a")?, *b"text");
        is!(c.names("")?.len(), 1);
    }
    to_the_longest_name_and_back(c) {
        c.put("a", b"text")?;
        let long = "x".repeat(255);
        c.rename("a", &long)?;
        same!(c.get(&long)?, *b"text");
        c.rename(&long, "a")?;
        is!(c.names("")?, [String::from("a")]);
    }
    written_before_and_after(c) {
        let file = c.new_file("a")?;
        for round in 0..20u64 {
            file.write_at(round * 1000, &pattern(1000, round))?;
            c.rename(if round % 2 == 0 { "a" } else { "b" }, if round % 2 == 0 { "b" } else { "a" })?;
        }
        same!(c.get("a")?, all(&file)?);
        is!(c.open("a", BOTH)?.len(), 20_000);
    }
}
