//! Files that are made shorter and longer.

use alloc::vec;
use alloc::vec::Vec;

use anax_fs::{Failure, SeekFrom};

use crate::context::{APPEND, BOTH, Dice, READ, WRITE, all, part, pattern};
use crate::{cases, is, same};

cases! {
    set_to_nothing(c) {
        c.put("a", &[7; 10_000])?;
        let file = c.open("a", BOTH)?;
        file.set_len(0)?;
        is!((file.len(), c.stat("a")?.size, all(&file)?.len()), (0, 0, 0));
    }
    set_to_what_it_is(c) {
        let bytes = pattern(10_000, 1);
        c.put("a", &bytes)?;
        c.open("a", BOTH)?.set_len(10_000)?;
        same!(c.get("a")?, bytes);
    }
    longer_by_zeros(c) {
        c.put("a", b"text")?;
        c.open("a", WRITE)?.set_len(100)?;
        let mut wanted = b"text".to_vec();
        wanted.resize(100, 0);
        same!(c.get("a")?, wanted);
    }
    nothing_comes_back(c) {
        // Not even bytes that were never stored.
        let file = c.new_file("a")?;
        file.write_at(0, &pattern(10_000, 2))?;
        file.set_len(0)?;
        file.set_len(10_000)?;
        same!(all(&file)?, vec![0; 10_000]);
    }
    nothing_comes_back_after_opening_to_truncate(c) {
        c.put("a", &pattern(10_000, 3))?;
        let file = c.open("a", BOTH.truncate(true))?;
        file.write_at(9_999, b"x")?;
        let mut wanted = vec![0; 10_000];
        wanted[9_999] = b'x';
        same!(all(&file)?, wanted);
    }
    nothing_comes_back_after_sync(c) {
        let file = c.new_file("a")?;
        file.write_at(0, &pattern(10_000, 4))?;
        file.sync_all()?;
        file.set_len(5)?;
        file.set_len(10_000)?;
        file.sync_all()?;
        let mut wanted = pattern(10_000, 4);
        wanted[5..].fill(0);
        same!(all(&file)?, wanted);
    }
    cut_in_a_page_that_others_read(c) {
        let bytes = pattern(3000, 5);
        c.put("a", &bytes)?;
        let reader = c.open_other("a", READ)?;
        same!(all(&reader)?, bytes);
        let writer = c.open("a", WRITE)?;
        writer.set_len(1000)?;
        same!(all(&reader)?, bytes[..1000]);
        writer.set_len(2000)?;
        let mut wanted = bytes[..1000].to_vec();
        wanted.resize(2000, 0);
        same!(all(&reader)?, wanted);
    }
    written_by_who_had_it_before_it_was_cut(c) {
        let first = c.new_file("a")?;
        first.write_at(0, &pattern(10_000, 6))?;
        c.open_other("a", BOTH)?.set_len(100)?;
        first.write_at(200, b"behind")?;
        let mut wanted = pattern(10_000, 6)[..100].to_vec();
        wanted.resize(200, 0);
        wanted.extend_from_slice(b"behind");
        same!(c.get("a")?, wanted);
    }
    cut_before_a_position(c) {
        let mut file = c.new_file("a")?;
        file.write_all(&[7; 1000])?;
        file.set_len(10)?;
        is!(file.seek(SeekFrom::Current(0))?, 1000);
        is!(file.read(&mut [0; 10])?, 0);
        file.write_all(b"x")?;
        let mut wanted = vec![7; 10];
        wanted.resize(1000, 0);
        wanted.push(b'x');
        same!(all(&file)?, wanted);
    }
    appended_after_a_cut(c) {
        c.put("a", &[7; 5000])?;
        let mut file = c.open_other("a", APPEND)?;
        file.write_all(b"one")?;
        c.open("a", WRITE)?.set_len(4)?;
        file.write_all(b"two")?;
        same!(c.get("a")?, *b"\x07\x07\x07\x07two");
    }
    far_too_long(c) {
        c.put("a", b"text")?;
        let file = c.open("a", BOTH)?;
        for size in [(1 << 56) + 1, 1 << 62, u64::MAX] {
            is!((size, file.set_len(size)), (size, Err(Failure::TooLarge)));
        }
        is!((file.len(), c.stat("a")?.size), (4, 4));
        same!(c.get("a")?, *b"text");
    }
    up_and_down_and_up(c) {
        let file = c.new_file("a")?;
        let reader = c.open_other("a", READ)?;
        let mut wanted: Vec<u8> = Vec::new();
        let mut dice = Dice::new(8);
        for round in 0..100 {
            let size = match dice.below(4) {
                0 => dice.below(1000),
                1 => dice.below(80) * 4096,
                _ => dice.below(300_000),
            };
            file.set_len(size)?;
            wanted.resize(size as usize, 0);
            let offset = dice.below(300_000) as usize;
            let bytes = pattern(dice.below(6000) as usize + 1, round);
            file.write_at(offset as u64, &bytes)?;
            wanted.resize(wanted.len().max(offset + bytes.len()), 0);
            wanted[offset..offset + bytes.len()].copy_from_slice(&bytes);
            is!(reader.len(), wanted.len() as u64);
            let from = dice.below(300_000) as usize;
            same!(part(&reader, from as u64, 5000)?, wanted[from.min(wanted.len())..(from + 5000).min(wanted.len())]);
        }
        same!(all(&reader)?, wanted);
    }
    cut_again_and_again(c) {
        let bytes = pattern(70_000, 9);
        let file = c.new_file("a")?;
        file.write_at(0, &bytes)?;
        for size in (0..70_000usize).rev().step_by(997) {
            file.set_len(size as u64)?;
            is!(file.len(), size as u64);
            let from = size.saturating_sub(100);
            same!(part(&file, from as u64, 200)?, bytes[from..size]);
        }
    }
    filled_again_and_again(c) {
        let mut file = c.new_file("a")?;
        for round in 0..30 {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            let bytes = pattern(10_000 + 1000 * round as usize, round);
            file.write_all(&bytes)?;
            same!(all(&file)?, bytes);
        }
    }
}
