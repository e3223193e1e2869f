//! Files that are removed while they are open.

use alloc::format;
use alloc::vec::Vec;

use anax_fs::Failure;

use crate::context::{APPEND, BOTH, READ, all, pattern};
use crate::{cases, is, same};

cases! {
    removed_and_read(c) {
        let bytes = pattern(20_000, 1);
        c.put("a", &bytes)?;
        let file = c.open("a", READ)?;
        c.remove("a")?;
        is!(c.stat("a"), Err(Failure::NotFound));
        is!(c.open("a", READ).map(drop), Err(Failure::NotFound));
        same!(all(&file)?, bytes);
    }
    removed_by_another_program(c) {
        let bytes = pattern(20_000, 2);
        let file = c.new_file("a")?;
        file.write_at(0, &bytes)?;
        c.other.remove_file(&c.path("a"))?;
        same!(all(&file)?, bytes);
        is!(c.names("")?.len(), 0);
    }
    removed_and_written(c) {
        let file = c.new_file("a")?;
        file.write_at(0, b"before")?;
        c.remove("a")?;
        file.write_at(6, &pattern(300_000, 3))?;
        is!(file.len(), 300_006);
        same!(all(&file)?[6..], pattern(300_000, 3));
    }
    removed_and_appended(c) {
        c.put("a", b"one")?;
        let mut file = c.open("a", APPEND.read(true))?;
        c.remove("a")?;
        file.write_all(b"two")?;
        same!(all(&file)?, *b"onetwo");
    }
    removed_and_cut(c) {
        let bytes = pattern(10_000, 4);
        let file = c.new_file("a")?;
        file.write_at(0, &bytes)?;
        c.remove("a")?;
        file.set_len(5000)?;
        file.set_len(6000)?;
        same!(all(&file)?[..5000], bytes[..5000]);
        same!(all(&file)?[5000..], [0; 1000]);
    }
    removed_and_synced(c) {
        let file = c.new_file("a")?;
        file.write_at(0, b"text")?;
        c.remove("a")?;
        file.sync_all()?;
        same!(all(&file)?, *b"text");
    }
    removed_has_no_name(c) {
        let file = c.new_file("a")?;
        is!(file.metadata()?.links, 1);
        c.remove("a")?;
        is!(file.metadata()?.links, 0);
    }
    removed_and_another_in_its_place(c) {
        let old = c.new_file("a")?;
        old.write_at(0, b"old one")?;
        c.remove("a")?;
        let new = c.new_file("a")?;
        new.write_at(0, b"new")?;
        same!(all(&old)?, *b"old one");
        same!(c.get("a")?, *b"new");
        old.write_at(0, b"OLD")?;
        same!(c.get("a")?, *b"new");
        drop(old);
        same!(c.get("a")?, *b"new");
    }
    removed_ten_times(c) {
        let files = (0..10u64)
            .map(|number| {
                let file = c.new_file("a")?;
                file.write_at(0, &pattern(5000, number))?;
                c.remove("a")?;
                Ok(file)
            })
            .collect::<Result<Vec<_>, Failure>>()?;
        for (number, file) in files.iter().enumerate() {
            same!(all(file)?, pattern(5000, number as u64));
        }
    }
    removed_twice(c) {
        c.put("a", b"text")?;
        c.remove("a")?;
        is!(c.remove("a"), Err(Failure::NotFound));
    }
    removed_and_its_directory_too(c) {
        c.mkdir("d")?;
        let file = c.new_file("d/a")?;
        file.write_at(0, b"text")?;
        c.remove("d/a")?;
        c.rmdir("d")?;
        file.write_at(4, b" goes on")?;
        same!(all(&file)?, *b"text goes on");
    }
    removed_and_open_twice(c) {
        let (first, second) = (c.new_file("a")?, c.open_other("a", BOTH)?);
        c.remove("a")?;
        first.write_at(0, b"text")?;
        drop(first);
        same!(all(&second)?, *b"text");
    }
    replaced_and_read(c) {
        let old = c.new_file("a")?;
        old.write_at(0, b"old")?;
        c.put("b", b"new")?;
        c.rename("b", "a")?;
        same!(all(&old)?, *b"old");
        old.write_at(3, b"er")?;
        same!(all(&old)?, *b"older");
        same!(c.get("a")?, *b"new");
        is!(old.metadata()?.links, 0);
    }
    replaced_again_and_again(c) {
        for round in 0..50u64 {
            c.put("new", &pattern(3000, round))?;
            let old = if round > 0 { Some(c.open("a", READ)?) } else { None };
            c.rename("new", "a")?;
            if let Some(old) = old {
                same!(all(&old)?, pattern(3000, round - 1));
            }
        }
        is!(c.names("")?, [alloc::string::String::from("a")]);
    }
    made_and_removed_often(c) {
        for round in 0..200u64 {
            c.put("a", format!("round {round}").as_bytes())?;
            same!(c.get("a")?, *format!("round {round}").as_bytes());
            c.remove("a")?;
        }
    }
}
