//! Ways of opening.

use alloc::format;
use alloc::vec::Vec;

use anax_fs::{Failure, OpenOptions};

use crate::context::{APPEND, BOTH, NEW, READ, WRITE, all};
use crate::{Context, Outcome, Wrong, cases, is, same};

/// Each way of opening: the bits of a number.
fn ways() -> impl Iterator<Item = ([bool; 6], OpenOptions)> {
    (0..64u32).map(|number| {
        let bits @ [read, write, append, create, create_new, truncate] =
            [0, 1, 2, 3, 4, 5].map(|bit| number >> bit & 1 != 0);
        let options = OpenOptions::new().read(read).write(write).append(append);
        (bits, options.create(create).create_new(create_new).truncate(truncate))
    })
}

/// Whether a way contradicts itself.
const fn contradicts([read, write, append, create, create_new, truncate]: [bool; 6]) -> bool {
    let needs_to_write = create || create_new || !read;
    let writes = write || append;
    needs_to_write && !writes || truncate && !write
}

/// What a way fails with, in a message.
fn judge(way: [bool; 6], got: Result<(), Failure>, wanted: Result<(), Failure>) -> Outcome {
    if got == wanted {
        return Ok(());
    }
    Err(Wrong(format!(
        "{way:?} (read, write, append, create, create_new, truncate): {got:?}, not {wanted:?}"
    )))
}

fn is_bad_argument(c: &Context, options: OpenOptions) -> Outcome {
    is!(c.open("missing", options).map(drop), Err(Failure::BadArgument));
    c.put("there", b"text")?;
    is!(c.open("there", options).map(drop), Err(Failure::BadArgument));
    // Also when the server knows it already.
    is!(c.open("there", options).map(drop), Err(Failure::BadArgument));
    same!(c.get("there")?, *b"text");
    Ok(())
}

cases! {
    missing_is_not_found(c) {
        is!(c.open("a", READ).map(drop), Err(Failure::NotFound));
        is!(c.open("a", WRITE).map(drop), Err(Failure::NotFound));
        is!(c.open("a", APPEND).map(drop), Err(Failure::NotFound));
        is!(c.open("a", WRITE.truncate(true)).map(drop), Err(Failure::NotFound));
        is!(c.names("")?.len(), 0);
    }
    create_makes_an_empty_file(c) {
        let file = c.open("a", WRITE.create(true))?;
        is!((file.len(), c.stat("a")?.size), (0, 0));
    }
    create_keeps_what_is_there(c) {
        c.put("a", b"kept")?;
        is!(c.open("a", BOTH.create(true))?.len(), 4);
        same!(c.get("a")?, *b"kept");
    }
    create_new_makes(c) {
        drop(c.open("a", WRITE.create_new(true))?);
        is!(c.stat("a")?.size, 0);
    }
    create_new_exists(c) {
        c.put("a", b"kept")?;
        is!(c.open("a", WRITE.create_new(true)).map(drop), Err(Failure::Exists));
        is!(c.open("a", WRITE.create_new(true).truncate(true)).map(drop), Err(Failure::Exists));
        same!(c.get("a")?, *b"kept");
    }
    create_new_of_a_directory_exists(c) {
        c.mkdir("d")?;
        is!(c.open("d", NEW).map(drop), Err(Failure::Exists));
    }
    truncate_empties(c) {
        c.put("a", &[7; 5000])?;
        let file = c.open("a", BOTH.truncate(true))?;
        is!((file.len(), all(&file)?.len(), c.stat("a")?.size), (0, 0, 0));
    }
    truncate_is_seen_by_others(c) {
        c.put("a", &[7; 5000])?;
        let mut reader = c.open_other("a", READ)?;
        let mut bytes = [0; 100];
        is!(reader.read(&mut bytes)?, 100);
        let mut writer = c.open("a", WRITE.truncate(true))?;
        is!((reader.len(), reader.read(&mut bytes)?), (0, 0));
        writer.write_all(b"new")?;
        same!(all(&reader)?, *b"new");
    }
    truncate_of_what_is_empty(c) {
        c.put("a", b"")?;
        is!(c.open("a", WRITE.truncate(true))?.len(), 0);
    }
    no_way_is_no_way(c) { is_bad_argument(c, OpenOptions::new())?; }
    create_without_write(c) { is_bad_argument(c, READ.create(true))?; }
    create_new_without_write(c) { is_bad_argument(c, READ.create_new(true))?; }
    truncate_without_write(c) { is_bad_argument(c, READ.truncate(true))?; }
    truncate_with_append_alone(c) { is_bad_argument(c, APPEND.truncate(true))?; }
    create_alone(c) { is_bad_argument(c, OpenOptions::new().create(true))?; }
    all_ways_of_a_missing_file(c) {
        for (way, options) in ways() {
            let opened = c.open("a", options).map(drop);
            let [_, _, _, create, create_new, _] = way;
            let wanted = match way {
                way if contradicts(way) => Err(Failure::BadArgument),
                _ if create || create_new => Ok(()),
                _ => Err(Failure::NotFound),
            };
            judge(way, opened, wanted)?;
            if wanted.is_ok() {
                c.remove("a")?;
            }
        }
    }
    all_ways_of_a_file(c) {
        for (way, options) in ways() {
            c.put("a", b"12345")?;
            let [read, write, append, _, create_new, truncate] = way;
            let opened = c.open("a", options);
            let wanted = match way {
                way if contradicts(way) => Err(Failure::BadArgument),
                _ if create_new => Err(Failure::Exists),
                _ => Ok(()),
            };
            judge(way, opened.as_ref().map(|_| ()).map_err(|failure| *failure), wanted)?;
            let Ok(mut file) = opened else {
                same!(c.get("a")?, *b"12345");
                continue;
            };
            is!(file.len(), if truncate { 0 } else { 5 });
            let mut bytes = [0; 1];
            let may_read = if read { Ok(usize::from(!truncate)) } else { Err(Failure::NotPermitted) };
            is!((way, file.read(&mut bytes)), (way, may_read));
            let may_write = if write || append { Ok(1) } else { Err(Failure::NotPermitted) };
            is!((way, file.write(b"x")), (way, may_write));
        }
    }
    all_ways_of_a_directory(c) {
        c.mkdir("d")?;
        for (way, options) in ways() {
            let [.., create_new, _] = way;
            let wanted = match way {
                way if contradicts(way) => Failure::BadArgument,
                _ if create_new => Failure::Exists,
                _ => Failure::IsADirectory,
            };
            judge(way, c.open("d", options).map(drop), Err(wanted))?;
        }
        is!(c.names("d")?.len(), 0);
    }
    who_reads_may_not_write(c) {
        c.put("a", b"text")?;
        let mut file = c.open("a", READ)?;
        is!(file.write(b"x"), Err(Failure::NotPermitted));
        is!(file.write_at(0, b"x"), Err(Failure::NotPermitted));
        is!(file.set_len(0), Err(Failure::NotPermitted));
        is!(file.set_len(100), Err(Failure::NotPermitted));
        same!(c.get("a")?, *b"text");
    }
    who_writes_may_not_read(c) {
        c.put("a", b"text")?;
        let mut bytes = [0; 4];
        let mut file = c.open("a", WRITE)?;
        is!(file.read(&mut bytes), Err(Failure::NotPermitted));
        is!(file.read_at(0, &mut bytes), Err(Failure::NotPermitted));
        let mut into = Vec::new();
        is!(file.read_to_end(&mut into), Err(Failure::NotPermitted));
        is!((bytes, into.len()), ([0; 4], 0));
    }
    who_appends_may_not_read(c) {
        c.put("a", b"text")?;
        is!(c.open("a", APPEND)?.read(&mut [0; 4]), Err(Failure::NotPermitted));
    }
    who_reads_and_appends_does_both(c) {
        c.put("a", b"one")?;
        let mut file = c.open("a", APPEND.read(true))?;
        file.write_all(b"two")?;
        same!(all(&file)?, *b"onetwo");
    }
    in_a_missing_directory(c) {
        is!(c.open("d/a", READ).map(drop), Err(Failure::NotFound));
        is!(c.open("d/a", NEW).map(drop), Err(Failure::NotFound));
        is!(c.open("d/a", BOTH.create(true)).map(drop), Err(Failure::NotFound));
    }
    below_a_file(c) {
        c.put("a", b"text")?;
        for options in [READ, WRITE, NEW, BOTH.create(true)] {
            is!(c.open("a/b", options).map(drop), Err(Failure::NotADirectory));
            is!(c.open("a/b/c", options).map(drop), Err(Failure::NotADirectory));
        }
    }
    the_root_is_a_directory(c) {
        is!(READ.open_in(&c.session, "/").map(drop), Err(Failure::IsADirectory));
        is!(WRITE.open_in(&c.session, "/").map(drop), Err(Failure::IsADirectory));
        is!(NEW.open_in(&c.session, "/").map(drop), Err(Failure::Exists));
    }
    a_hundred_files_open(c) {
        let files = (0..100).map(|number| c.new_file(&format!("{number}"))).collect::<Result<Vec<_>, _>>()?;
        for (number, file) in files.iter().enumerate() {
            file.write_at(0, format!("this is {number}").as_bytes())?;
        }
        for (number, file) in files.iter().enumerate() {
            same!(all(file)?, *format!("this is {number}").as_bytes());
        }
    }
    too_many_files_open(c) {
        c.put("a", b"text")?;
        let mut files = Vec::new();
        for _ in 0..1000 {
            match c.open("a", READ) {
                Ok(file) => files.push(file),
                Err(failure) => {
                    is!(failure, Failure::TooMany);
                    break;
                }
            }
        }
        for file in &files {
            same!(all(file)?, *b"text");
        }
        drop(files);
        same!(c.get("a")?, *b"text");
    }
    opened_and_closed_often(c) {
        c.put("a", b"text")?;
        for _ in 0..600 {
            drop(c.open("a", READ)?);
        }
    }
    what_can_not_be_opened_is_not_open(c) {
        c.mkdir("d")?;
        for _ in 0..300 {
            is!(c.open("d", READ).map(drop), Err(Failure::IsADirectory));
            is!(c.open("d", NEW).map(drop), Err(Failure::Exists));
            is!(c.open("d/x", READ).map(drop), Err(Failure::NotFound));
        }
        c.put("a", b"text")?;
        c.rmdir("d")?;
    }
    a_name_that_was_missing_is_found(c) {
        is!(c.open_other("a", READ).map(drop), Err(Failure::NotFound));
        c.put("a", b"text")?;
        same!(all(&c.open_other("a", READ)?)?, *b"text");
        c.remove("a")?;
        is!(c.open_other("a", READ).map(drop), Err(Failure::NotFound));
    }
}
