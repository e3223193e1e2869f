//! Names of all sorts.

use alloc::format;
use alloc::string::String;

use anax_fs::Failure;

use crate::context::NEW;
use crate::{Context, Outcome, cases, is, same};

/// A name that every file system has to take as it is.
fn taken(c: &Context, name: &str) -> Outcome {
    c.put(name, name.as_bytes())?;
    same!(c.get(name)?, *name.as_bytes());
    is!(c.names("")?, [String::from(name)]);
    c.rename(name, "other")?;
    c.rename("other", name)?;
    c.remove(name)?;
    c.mkdir(name)?;
    c.put(&format!("{name}/a"), b"text")?;
    same!(c.get(&format!("{name}/a"))?, *b"text");
    Ok(())
}

/// One that it takes, or not; but nothing else comes of it.
fn harmless(c: &Context, name: &str) -> Outcome {
    match c.open(name, NEW) {
        Ok(file) => {
            file.write_at(0, b"text")?;
            drop(file);
            same!(c.get(name)?, *b"text");
            is!(c.names("")?.len(), 1);
            c.remove(name)?;
        }
        Err(failure) => {
            let is_said = matches!(failure, Failure::BadArgument | Failure::TooLong | Failure::Unsupported);
            is!((failure, is_said), (failure, true));
            is!(c.mkdir(name).is_err(), true);
        }
    }
    is!(c.names("")?.len(), 0);
    c.put("usual", b"text")?;
    same!(c.get("usual")?, *b"text");
    Ok(())
}

cases! {
    name_of_one_letter(c) { taken(c, "a")?; }
    name_of_255_bytes(c) { taken(c, &"n".repeat(255))?; }
    name_of_255_bytes_of_utf8(c) { harmless(c, &"ü".repeat(127))?; }
    name_with_spaces(c) { taken(c, "a name with spaces")?; }
    name_with_dots(c) { taken(c, "a.b.c.tar.gz")?; }
    name_that_begins_with_a_dot(c) { taken(c, ".hidden")?; }
    name_that_begins_with_two_dots(c) { taken(c, "..a")?; }
    name_with_a_space_before_its_dot(c) { taken(c, "a .b")?; }
    name_in_upper_case(c) { taken(c, "README.TXT")?; }
    name_in_mixed_case(c) { taken(c, "ReadMe.Txt")?; }
    name_of_eight_and_three(c) { taken(c, "eight678.123")?; }
    name_of_nine_and_four(c) { taken(c, "nine56789.1234")?; }
    name_with_signs(c) { taken(c, "!#$%&'()+,-;=@[]^_`{}~")?; }
    name_with_a_tilde(c) { taken(c, "LONGNA~1.TXT")?; }
    name_in_german(c) { taken(c, "Größenänderung")?; }
    name_in_greek(c) { taken(c, "αβγδε")?; }
    name_in_japanese(c) { taken(c, "日本語のファイル")?; }
    name_of_a_cat(c) { taken(c, "🐈 and 🐈‍⬛")?; }
    name_with_a_question_mark(c) { harmless(c, "a?b")?; }
    name_with_a_star(c) { harmless(c, "a*b")?; }
    name_with_a_colon(c) { harmless(c, "a:b")?; }
    name_with_a_backslash(c) { harmless(c, "a\\b")?; }
    name_with_brackets(c) { harmless(c, "a<b>c")?; }
    name_with_a_bar(c) { harmless(c, "a|b")?; }
    name_with_quotes(c) { harmless(c, "a\"b")?; }
    name_with_a_line_end(c) { harmless(c, "a\nb")?; }
    name_with_a_control_character(c) { harmless(c, "a\x01b")?; }
    name_with_delete(c) { harmless(c, "a\x7fb")?; }
    name_that_ends_with_a_dot(c) { harmless(c, "a.")?; }
    name_that_ends_with_a_space(c) { harmless(c, "a ")?; }
    name_that_begins_with_a_space(c) { harmless(c, " a")?; }
    name_of_three_dots(c) { harmless(c, "...")?; }
    name_of_a_space(c) { harmless(c, " ")?; }
    name_of_a_device(c) { harmless(c, "con")?; }
    name_of_another_device(c) { harmless(c, "nul.txt")?; }
    name_that_is_too_long(c) {
        let name = "n".repeat(256);
        is!(c.open(&name, NEW).map(drop), Err(Failure::TooLong));
        is!(c.mkdir(&name), Err(Failure::TooLong));
        is!(c.stat(&name), Err(Failure::TooLong));
        is!(c.remove(&name), Err(Failure::TooLong));
        is!(c.names("")?.len(), 0);
    }
    name_with_a_zero(c) {
        is!(c.open("a\0b", NEW).map(drop), Err(Failure::BadArgument));
        is!(c.mkdir("a\0b"), Err(Failure::BadArgument));
        is!(c.stat("a\0"), Err(Failure::BadArgument));
    }
    names_that_begin_alike(c) {
        for number in 0..50 {
            c.put(&format!("a long name that begins alike {number}.text"), format!("{number}").as_bytes())?;
        }
        for number in 0..50 {
            same!(c.get(&format!("a long name that begins alike {number}.text"))?, *format!("{number}").as_bytes());
        }
        is!(c.names("")?.len(), 50);
    }
    names_that_differ_in_case(c) {
        c.put("Name", b"first")?;
        if c.has.folds_case {
            same!(c.get("nAME")?, *b"first");
            is!(c.open("NAME", NEW).map(drop), Err(Failure::Exists));
            is!(c.names("")?, [String::from("Name")]);
            c.remove("NAME")?;
            is!(c.stat("Name"), Err(Failure::NotFound));
            is!(c.stat("name"), Err(Failure::NotFound));
            c.put("NAME", b"again")?;
            same!(c.get("name")?, *b"again");
            is!(c.stat("Name")?.size, 5);
        } else {
            is!(c.stat("name"), Err(Failure::NotFound));
            c.put("name", b"second")?;
            same!(c.get("Name")?, *b"first");
            is!(c.names("")?.len(), 2);
        }
    }
    names_that_only_look_alike(c) {
        // Composed and not: no file system makes them one.
        c.put("\u{e9}", b"one")?;
        c.put("e\u{301}", b"two")?;
        same!(c.get("\u{e9}")?, *b"one");
        is!(c.names("")?.len(), 2);
    }
}
