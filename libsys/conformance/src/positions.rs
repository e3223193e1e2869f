//! Where an open file is read and written next.

use anax_fs::{Failure, SeekFrom};

use crate::context::{APPEND, BOTH, READ, all, pattern};
use crate::{cases, is, same};

cases! {
    a_position_moves_on(c) {
        c.put("a", b"0123456789")?;
        let mut file = c.open("a", BOTH)?;
        let mut bytes = [0; 3];
        is!((file.read(&mut bytes)?, bytes), (3, *b"012"));
        is!((file.read(&mut bytes)?, bytes), (3, *b"345"));
        is!(file.write(b"xy")?, 2);
        is!((file.read(&mut bytes)?, bytes), (2, *b"895"));
        is!(file.seek(SeekFrom::Current(0))?, 10);
    }
    seek_from_each_place(c) {
        c.put("a", b"0123456789")?;
        let mut file = c.open("a", READ)?;
        is!(file.seek(SeekFrom::Start(4))?, 4);
        is!(file.seek(SeekFrom::Current(3))?, 7);
        is!(file.seek(SeekFrom::Current(-5))?, 2);
        is!(file.seek(SeekFrom::End(-1))?, 9);
        let mut bytes = [0; 3];
        is!((file.read(&mut bytes)?, bytes[0]), (1, b'9'));
        is!(file.seek(SeekFrom::End(5))?, 15);
        is!(file.read(&mut bytes)?, 0);
    }
    seek_before_the_beginning(c) {
        c.put("a", b"0123456789")?;
        let mut file = c.open("a", READ)?;
        file.seek(SeekFrom::Start(4))?;
        is!(file.seek(SeekFrom::Current(-5)), Err(Failure::BadArgument));
        is!(file.seek(SeekFrom::End(-11)), Err(Failure::BadArgument));
        is!(file.seek(SeekFrom::Current(i64::MIN)), Err(Failure::BadArgument));
        is!(file.seek(SeekFrom::Current(0))?, 4);
    }
    seek_as_far_as_numbers_go(c) {
        c.put("a", b"text")?;
        let mut file = c.open("a", BOTH)?;
        is!(file.seek(SeekFrom::Start(u64::MAX))?, u64::MAX);
        is!(file.read(&mut [0; 4])?, 0);
        is!(file.seek(SeekFrom::Current(1)), Err(Failure::BadArgument));
        is!(file.write(b"x"), Err(Failure::TooLarge));
        same!(c.get("a")?, *b"text");
    }
    seek_beyond_the_end_changes_nothing(c) {
        c.put("a", b"text")?;
        let mut file = c.open("a", BOTH)?;
        file.seek(SeekFrom::Start(10_000))?;
        is!((file.len(), c.stat("a")?.size), (4, 4));
    }
    written_beyond_the_end(c) {
        let mut file = c.new_file("a")?;
        file.seek(SeekFrom::Start(5000))?;
        file.write_all(b"x")?;
        let mut wanted = [0; 5001];
        wanted[5000] = b'x';
        same!(all(&file)?, wanted);
    }
    the_end_moves_with_others(c) {
        let mut file = c.new_file("a")?;
        c.open_other("a", APPEND)?.write_all(b"12345")?;
        is!(file.seek(SeekFrom::End(0))?, 5);
    }
    reading_at_keeps_the_position(c) {
        c.put("a", b"0123456789")?;
        let mut file = c.open("a", READ)?;
        file.seek(SeekFrom::Start(2))?;
        let mut bytes = [0; 2];
        is!((file.read_at(7, &mut bytes)?, bytes), (2, *b"78"));
        is!((file.read(&mut bytes)?, bytes), (2, *b"23"));
    }
    writing_at_keeps_the_position(c) {
        let mut file = c.new_file("a")?;
        file.write_all(b"0123456789")?;
        file.write_at(0, b"x")?;
        is!(file.seek(SeekFrom::Current(0))?, 10);
        file.write_all(b"z")?;
        same!(all(&file)?, *b"x123456789z");
    }
    nothing_is_written(c) {
        let mut file = c.new_file("a")?;
        is!(file.write(b"")?, 0);
        file.write_all(b"")?;
        file.write_at(100_000, b"")?;
        is!((file.len(), c.stat("a")?.size), (0, 0));
    }
    nothing_is_read(c) {
        c.put("a", b"text")?;
        let mut file = c.open("a", READ)?;
        is!(file.read(&mut [])?, 0);
        is!(file.read_at(2, &mut [])?, 0);
        is!(file.seek(SeekFrom::Current(0))?, 0);
    }
    behind_the_end_is_nothing(c) {
        c.put("a", b"text")?;
        let file = c.open("a", READ)?;
        for offset in [4, 5, 4096, 1 << 20, 1 << 40, u64::MAX] {
            is!((offset, file.read_at(offset, &mut [0; 10])?), (offset, 0));
        }
    }
    read_to_the_end(c) {
        let bytes = pattern(10_000, 1);
        c.put("a", &bytes)?;
        let mut file = c.open("a", READ)?;
        file.seek(SeekFrom::Start(100))?;
        let mut into = b"before".to_vec();
        is!(file.read_to_end(&mut into)?, 9_900);
        same!(into[..6], *b"before");
        same!(into[6..], bytes[100..]);
        is!(file.read_to_end(&mut into)?, 0);
        is!(into.len(), 9_906);
    }
    read_to_the_end_from_beyond(c) {
        c.put("a", b"text")?;
        let mut file = c.open("a", READ)?;
        file.seek(SeekFrom::Start(50))?;
        let mut into = alloc::vec::Vec::new();
        is!((file.read_to_end(&mut into)?, into.len()), (0, 0));
    }
    handles_have_positions_of_their_own(c) {
        c.put("a", b"0123456789")?;
        let (mut first, mut second) = (c.open("a", READ)?, c.open("a", READ)?);
        let mut bytes = [0; 4];
        first.read(&mut bytes)?;
        is!((second.read(&mut bytes)?, bytes), (4, *b"0123"));
        is!((first.read(&mut bytes)?, bytes), (4, *b"4567"));
    }
}
